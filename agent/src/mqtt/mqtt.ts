import { hexEncode, type Property, utf8Decode } from 'rm-protocol';
import type { BrokerPort } from '../broker/broker-port.ts';
import type { MqttConfiguration } from '../broker/broker-settings.ts';
import type { FailureKind } from '../dial/back-off.ts';
import type { Host } from '../host.ts';
import { RepeatFilter } from '../log/repeat-filter.ts';
import { Client } from './client.ts';
import type { Message } from './codec.ts';
import { Commands } from './commands.ts';
import { mqttLimits } from './limits.ts';
import type { RemoteAccess } from './remote-access.ts';
import { RetainedTopic } from './retained-topic.ts';
import { Session } from './session.ts';
import { fill, jsonOf, topicLevel, type Values } from './template.ts';

/** One start of the process, and how often it has published its status since. */
export interface Boot {
  readonly id: string;
  seq: number;
}

function newBoot({ crypto }: Pick<Host, 'crypto'>): Boot {
  const bytes = new Uint8Array(8);
  crypto.random(bytes);
  return { id: hexEncode(bytes), seq: 0 };
}

export interface MqttLog {
  info(text: string): void;
  warning(text: string): void;
}

/** What an MQTT client is made of. */
export interface MqttOptions {
  readonly host: Host;
  readonly mqtt: MqttConfiguration;
  readonly version: string;
  /** That of the client before, whose place this one takes; `null`: a new one. */
  readonly boot: Boot | null;
  readonly port: BrokerPort;
  readonly access: RemoteAccess;
  readonly log: MqttLog;
}

/** How the connection to the broker is, for `status`. */
export interface MqttStatus {
  readonly connected: boolean;
  readonly lastError: string | null;
}

/** After how many seconds without a connection the broker of MQTT 5 publishes the will: a quick return goes unnoticed. */
const WILL_DELAY = 5;

/** The parts that depend on the identity of the device, which may be known only when it first connects. */
interface Parts {
  readonly session: Session;
  readonly status: RetainedTopic | null;
  readonly properties: RetainedTopic | null;
  readonly commands: Commands;
  readonly will: () => Message | null;
}

/** The device at an MQTT broker: it tells its status and its properties there, and opens the tunnel when it is asked to. */
export class Mqtt {
  readonly boot: Boot;
  readonly #options: MqttOptions;
  readonly #client: Client;
  #parts: Parts | null = null;
  #properties: readonly Property[] = [];
  #stopped = false;
  #connected = false;
  #lastError: string | null = null;
  readonly #outage = new RepeatFilter();

  constructor(options: MqttOptions) {
    this.#options = options;
    this.boot = options.boot ?? newBoot(options.host);
    const { host, mqtt, port, log } = options;
    this.#client = new Client(host, port, mqtt.keepAlive, {
      prepare: (done) =>
        port.prepare((prepared) => {
          if ('error' in prepared) done(prepared);
          else {
            this.#parts ??= this.#partsFor(prepared.device, prepared.domain);
            const { session, will } = this.#parts;
            done({ settings: prepared.settings, session, will });
          }
        }),
      connected: (broker) => {
        this.#connected = true;
        this.#lastError = null;
        const text = `connected to the MQTT broker ${broker}`;
        if (this.#outage.isNew(text, host.clock.now())) log.info(text);
        this.#parts?.status?.reconnected();
        this.#parts?.properties?.reconnected();
      },
      disconnected: (reason, retryMs, wasConnected) => {
        this.#connected = false;
        this.#lastError = reason;
        this.#parts?.status?.lost();
        this.#parts?.properties?.lost();
        const what = wasConnected ? 'disconnected from' : 'not connected to';
        if (this.#outage.isNew(reason, host.clock.now())) {
          const wait = (retryMs / 1000).toFixed(1);
          log.warning(`${what} the MQTT broker: ${reason}; next attempt in ${wait} s`);
        }
      },
    });
  }

  get status(): MqttStatus {
    return { connected: this.#connected, lastError: this.#lastError };
  }

  start(): void {
    this.#client.start();
  }

  retry(): void {
    this.#client.retry();
  }

  /** The state of the tunnel has changed. */
  stateChanged(state: string): void {
    if (state === 'connected') this.#parts?.commands.connected();
    else if (state === 'disabled') this.#parts?.commands.over('disabled');
    if (this.#connected) this.#parts?.status?.update();
  }

  /** An attempt to reach the reflector has failed, or the tunnel has ended. */
  attemptFailed(kind: FailureKind): void {
    this.#parts?.commands.attemptFailed(kind === 'refusal');
  }

  /** These are the properties from now on. */
  setProperties(properties: readonly Property[]): void {
    const before = JSON.stringify(this.#properties);
    this.#properties = properties;
    if (this.#connected && JSON.stringify(properties) !== before) this.#parts?.properties?.update();
  }

  /** Says good-bye; `done` is called when nothing is left, after 2 s at most. */
  stop(done: () => void): void {
    this.#stopped = true;
    this.#parts?.commands.over('stopped');
    if (this.#connected) this.#parts?.status?.update();
    this.#parts?.status?.lost();
    this.#parts?.properties?.lost();
    this.#client.stop(done);
  }

  #partsFor(device: string, domain: string): Parts {
    const { boot } = this;
    const { host, mqtt, access, version, log } = this.#options;
    const { prefix } = mqtt;
    const names: Values = {
      prefix,
      device: topicLevel(device),
      domain: topicLevel(domain),
      boot: boot.id,
      version,
    };
    const publish = (message: Message, taken?: () => void) => session.publish(message, taken);
    const retained = (topic: string | null, render: () => string) =>
      topic === null ? null : new RetainedTopic(host.clock, fill(topic, names), render, publish);
    const statusOf = (state: 'online' | 'offline') => {
      const { until } = access;
      const online = state === 'online';
      return jsonOf(mqtt.status.payload, {
        ...names,
        state: mqtt.status.words[state] ?? state,
        seq: boot.seq,
        tunnel: online ? access.state : null,
        until: online && until !== null ? new Date(until).toISOString() : null,
      });
    };
    const status = retained(mqtt.status.topic, () => {
      boot.seq++;
      return statusOf(this.#stopped ? 'offline' : 'online');
    });
    const properties = retained(mqtt.properties.topic, () =>
      JSON.stringify(Object.fromEntries(this.#properties.map(({ name, value }) => [name, value]))),
    );
    const commands = new Commands(host.clock, mqtt, names, access, publish);
    const topics = [status?.topic, properties?.topic, commands.filter].flatMap((topic) => topic ?? []);
    const denied = new Set<string>();
    const session = new Session(
      {
        level: mqtt.version === '5' ? 5 : 4,
        clientId: mqtt.clientId ?? `rm-agent-${device}@${domain}`,
        keepAlive: mqtt.keepAlive,
        sessionExpiry: mqtt.session,
        willDelay: WILL_DELAY,
        maximumPacket: mqttLimits.packetBytes,
      },
      topics,
      {
        accepted: (keepAlive) => this.#client.accepted(keepAlive),
        failed: (reason, kind) => this.#client.failed(reason, kind),
        denied: (what) => {
          if (!denied.has(what) && denied.size < 16) log.warning(`MQTT broker: ${what}`);
          denied.add(what);
        },
        message: (topic, payload, acknowledge) => {
          if (commands.received(topic, payload, acknowledge)) return;
          for (const one of [status, properties]) if (one?.topic === topic) one.received(utf8Decode(payload));
          acknowledge();
        },
      },
    );
    const will = () =>
      status === null ? null : { topic: status.topic, payload: statusOf('offline'), retain: true };
    return { session, status, properties, commands, will };
  }
}
