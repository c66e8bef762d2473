import type { AgentCore } from '../agent/agent.ts';
import { OnDemand } from '../agent/on-demand.ts';
import { brokerPort } from '../broker/broker-port.ts';
import type { Configuration } from '../config/configuration.ts';
import { version } from '../config/version.ts';
import type { CertificateTime } from '../dial/certificate-time.ts';
import type { Host } from '../host.ts';
import type { Log } from '../log/log.ts';
import { Mqtt, type MqttOptions, type MqttStatus } from '../mqtt/mqtt.ts';
import { notOnDemand } from './control.ts';

/** Of those for the tunnel of an agent, for `status`. */
export interface RequestsStatus {
  /** With `"start": "onDemand"`: when the tunnel closes, in Unix milliseconds; `null`: it is closed. */
  readonly openUntil?: number | null;
  /** With `mqtt`: the connection to the broker. */
  readonly mqtt?: MqttStatus;
}

/** Requests for the tunnel of one agent: by messages of MQTT, and on demand at the device. */
export class Requests {
  readonly #host: Host;
  readonly #agent: AgentCore;
  readonly #longestMs: number;
  /** `null` unless the tunnel opens on demand only. */
  readonly #onDemand: OnDemand | null;
  #mqtt: Mqtt | null = null;
  #enabled = false;

  constructor(...[host, agent, configuration, log, time, before]: RequestsFor) {
    const { mqtt, onDemand, start } = configuration;
    this.#host = host;
    this.#agent = agent;
    this.#longestMs = onDemand.longest * 1000;
    this.#onDemand = start === 'onDemand' ? new OnDemand(host.clock, agent, onDemand.idle * 1000) : null;
    if (!mqtt) return;
    const boot = before === null ? null : (before.#mqtt?.boot ?? null);
    const access = this.#access();
    const client = new Mqtt({
      host,
      mqtt,
      version,
      boot,
      port: brokerPort(host, configuration, mqtt, time),
      access,
      log,
    });
    agent.on('state', ({ state }) => client.stateChanged(state));
    agent.on('disconnected', ({ kind }) => client.attemptFailed(kind));
    agent.onProperties((properties) => client.setProperties(properties));
    this.#mqtt = client;
  }

  get status(): RequestsStatus {
    return {
      ...(this.#onDemand ? { openUntil: this.#onDemand.until } : {}),
      ...(this.#mqtt ? { mqtt: this.#mqtt.status } : {}),
    };
  }

  start(): void {
    this.#mqtt?.start();
  }

  retry(): void {
    this.#mqtt?.retry();
  }

  /** Remote access is allowed, or not; true when it is for these to open the tunnel. */
  enable(enabled: boolean): boolean {
    this.#enabled = enabled;
    if (!this.#onDemand) return false;
    if (!enabled) this.#onDemand.forget();
    else this.#agent.allow();
    return true;
  }

  /** Opens the tunnel for so many seconds, or as long as allowed; 0 closes it. Returns why it cannot, or `null`. */
  open(seconds: number | null): string | null {
    if (!this.#onDemand) return notOnDemand;
    if (!this.#enabled) return 'remote access is disabled';
    const ms = seconds === null ? this.#longestMs : Math.min(seconds * 1000, this.#longestMs);
    if (ms === 0) this.#onDemand.close();
    else this.#onDemand.open(this.#host.clock.date() + ms);
    return null;
  }

  /** Takes none any more, and says good-bye to the broker, which may take 2 s. */
  end(done: () => void): void {
    this.#onDemand?.forget();
    if (this.#mqtt) this.#mqtt.stop(done);
    else done();
  }

  /** What messages may do. */
  #access(): MqttOptions['access'] {
    const [agent, onDemand] = [this.#agent, this.#onDemand];
    return {
      get state() {
        return agent.state;
      },
      get until() {
        return onDemand?.until ?? null;
      },
      longestMs: this.#longestMs,
      open: (untilMs) => {
        if (!this.#enabled) return 'disabled';
        onDemand?.open(untilMs);
        return null;
      },
      giveUp: () => {
        if (agent.state !== 'connected') onDemand?.close();
      },
    };
  }
}

/** What requests are made of; the last are those of the configuration before this one. */
export type RequestsFor = readonly [
  host: Host,
  agent: AgentCore,
  configuration: Configuration,
  log: Log,
  time: CertificateTime,
  before: Requests | null,
];

/**
 * Makes the requests for the tunnel of an agent, or `null` where its configuration has none; `null` itself in a build
 * without MQTT, which has no tunnel on demand either.
 */
export type MakeRequests = ((...given: RequestsFor) => Requests | null) | null;

/** Makes them, for an agent whose configuration has such. */
export function makeRequests(...given: RequestsFor): Requests {
  return new Requests(...given);
}
