import { brokerPort } from '../src/broker/broker-port.ts';
import { CertificateTime } from '../src/dial/certificate-time.ts';
import { Mqtt } from '../src/mqtt/mqtt.ts';
import type { RemoteAccess } from '../src/mqtt/remote-access.ts';
import { AgentHost } from './agent-host.ts';
import { SimulatedBroker } from './broker.ts';

export const BROKER_ADDRESS = '192.0.2.9';

/** The MQTT client of a device `dev1` of the domain `dom` on a simulated network, with a tunnel that is made by hand. */
export class MqttStage {
  readonly host: AgentHost;
  readonly broker: SimulatedBroker;
  readonly access: { -readonly [Key in keyof RemoteAccess]: RemoteAccess[Key] };
  readonly lines: string[] = [];
  /** For how long the tunnel was asked for, in Unix milliseconds. */
  readonly opened: number[] = [];
  mqtt: Mqtt;
  readonly #given: object;

  constructor(given: object = {}, seed = 1) {
    this.host = new AgentHost(seed);
    this.host.network.names.set('broker.example', [BROKER_ADDRESS]);
    this.broker = new SimulatedBroker(this.host.network, BROKER_ADDRESS);
    this.#given = given;
    this.access = {
      state: 'stopped',
      until: null,
      longestMs: 3_600_000,
      open: (untilMs) => {
        this.opened.push(untilMs);
        return null;
      },
      giveUp: () => undefined,
    };
    this.mqtt = this.#made(null);
  }

  /** Waits until the broker has this status of the device. */
  online(limitMs = 120_000): void {
    this.host.clock.until('the status is online', () => this.status.state === 'online', limitMs);
  }

  get status(): Record<string, unknown> {
    return this.broker.json('rm/dom/dev1/status');
  }

  report(id: string): Record<string, unknown> {
    return this.broker.json(`rm/dom/dev1/cmd/tunnel/${id}`);
  }

  command(id: string, payload: object, retain = false): void {
    this.broker.publish(`rm/dom/dev1/cmd/tunnel/${id}`, JSON.stringify(payload), retain);
  }

  connect(): void {
    this.access.state = 'connected';
    this.mqtt.stateChanged('connected');
  }

  /** Another process of the same device; the one before is gone without a word. */
  restart(): void {
    this.mqtt.stop(() => undefined);
    this.mqtt = this.#made(null);
    this.mqtt.start();
  }

  #made(boot: Mqtt['boot'] | null): Mqtt {
    const { host } = this;
    const mqtt = { broker: 'mqtt://broker.example', ...this.#given };
    const configuration = host.configure({ mqtt, reconnect: { min: 1, max: 10 } });
    if (!configuration.mqtt) throw new Error('no mqtt in the configuration');
    const write = (text: string) => void this.lines.push(text);
    return new Mqtt({
      host,
      mqtt: configuration.mqtt,
      version: '1.2.3',
      boot,
      port: brokerPort(host, configuration, configuration.mqtt, new CertificateTime(host.clock)),
      access: this.access,
      log: { info: write, warning: write },
    });
  }
}
