import { AgentCore } from '../agent/agent.ts';
import type { Handlers } from '../agent/forwarded-ports.ts';
import { OnDemand } from '../agent/on-demand.ts';
import type { AgentStatus } from '../agent/status.ts';
import type { Configuration } from '../config/configuration.ts';
import type { CertificateTime } from '../dial/certificate-time.ts';
import { changeState, type Persisted, readState } from '../enrolment/state-file.ts';
import type { Host } from '../host.ts';
import { type Log, messageOf } from '../log/log.ts';
import { RepeatFilter } from '../log/repeat-filter.ts';
import { withoutVariables } from '../program/child-environment.ts';
import type { ControlledAgent } from '../program/control.ts';
import { Notifier } from '../program/notifier.ts';
import type { Capacity } from './capacity.ts';
import type { ChannelBudget, ChannelShare } from './channel-budget.ts';
import { type DeviceConfiguration, REACHABLE } from './device-configuration.ts';
import { type DeviceHosts, forDevice } from './device-host.ts';
import type { DialSlot, DialSlots } from './dial-slots.ts';
import type { Reachability, Watched } from './reachability.ts';
import { targetDials } from './target.ts';

/** What all devices of a gateway have in common. */
export interface GatewayParts {
  readonly hosts: DeviceHosts;
  readonly log: Log;
  readonly slots: DialSlots;
  readonly budget: ChannelBudget;
  readonly capacity: Capacity;
  /** What answers inside this process for a device, by port. */
  readonly handlers: (id: string) => Handlers;
  /** By which the reflector is to say who visits the gateway's own page; absent: of other devices. */
  readonly visitorKey?: string;
  readonly time: CertificateTime;
}

/** One device, for `rm-agent status --device ID --json`. */
export interface GatewayDeviceStatus extends AgentStatus {
  readonly id: string;
  readonly name: string | null;
  /** Where it is: host names and addresses. */
  readonly target: string;
  /** `null` until it was looked at. */
  readonly reachability: Reachability | null;
  readonly persisted: Persisted | null;
  /** With `"start": "onDemand"`: when the tunnel closes, in Unix milliseconds; `null`: it is closed. */
  readonly openUntil?: number | null;
}

/** A device of the gateway: its agent, and what `rm-agent` can do with it. */
export class GatewayDevice implements ControlledAgent, Watched {
  readonly id: string;
  readonly configuration: Configuration;
  /** What a person has said of it since the gateway started; `null`: nothing. */
  enabled: boolean | null;
  #reachability: Reachability | null = null;
  readonly #outage = new RepeatFilter();
  readonly #clock: Host['clock'];
  readonly #log: Log;
  readonly #agent: AgentCore;
  readonly #files: Host['files'];
  readonly #notifier: Notifier;
  readonly #share: ChannelShare;
  /** Channels whose connection to the device is open. */
  readonly #open = new Set<number>();
  readonly #onDemand: OnDemand | null;
  #allowed = true;
  #persisted: Persisted | null = null;
  #slot: DialSlot | null = null;

  /** `enabled` is what a person has said of the device before its configuration changed; `null`: nothing. */
  constructor(
    parts: GatewayParts,
    { id, configuration, warnings, hidden }: DeviceConfiguration,
    enabled: boolean | null,
  ) {
    const { hosts, slots, budget, capacity, time } = parts;
    this.id = id;
    this.configuration = { ...configuration, limits: capacity.device };
    this.#files = hosts.link.files;
    const log = withPrefix(parts.log, id);
    this.#log = log;
    const host = withoutVariables(forDevice(hosts.link, id), hidden);
    for (const line of warnings) log.warning(line);
    this.#notifier = new Notifier(host, log, configuration.notify);
    this.#share = budget.share();
    const { clock } = host;
    this.#clock = clock;
    this.#agent = new AgentCore(host, this.configuration, log, {
      time,
      handlers: new Map([...targetDials(hosts.target, this.configuration, time), ...parts.handlers(id)]),
      admit: (_port, gate) => this.#share.admit(gate),
      visitorKey: parts.visitorKey ?? null,
      prepare: (done) => {
        this.#slot?.cancel();
        const slot = slots.take(() => done(null));
        this.#slot = slot;
        return slot;
      },
      propertySources: new Map([
        [REACHABLE, (_timeoutMs, done) => clock.schedule(0, () => done({ value: this.#reachable() }))],
      ]),
    });
    this.#agent.on('state', (change) => {
      if (change.state !== 'connecting') this.#slot?.cancel();
      this.#notifier.changed(change);
    });
    this.#agent.on('channel', ({ state, channel }) => {
      if (state === 'open') this.#open.add(channel);
      else {
        this.#open.delete(channel);
        this.#share.closed(channel);
      }
    });
    try {
      this.#persisted = readState(this.#files, configuration.stateFile).persisted;
    } catch (error) {
      log.error(`stateFile: ${configuration.stateFile}: ${messageOf(error)}; "start" counts`);
    }
    this.#onDemand =
      configuration.start === 'onDemand'
        ? new OnDemand(clock, this.#agent, configuration.onDemand.idle * 1000)
        : null;
    this.enabled = enabled;
    this.#apply(enabled ?? (this.#persisted ?? configuration.start) !== 'disabled');
  }

  get inUse(): boolean {
    return this.#share.used > 0;
  }

  get answers(): boolean {
    return this.#open.size > 0;
  }

  get reachability(): Reachability | null {
    return this.#reachability;
  }

  set reachability(found: Reachability | null) {
    const before = this.#reachability?.ok;
    this.#reachability = found;
    if (!found || found.ok === (before ?? true)) return;
    if (found.ok) this.#log.info('the device can be reached again');
    else if (this.#outage.isNew(found.reason ?? '', this.#clock.now()))
      this.#log.warning(`the device cannot be reached: ${found.reason}`);
  }

  /** Closes the tunnel in order; `done` is called when nothing is left of the device. */
  stop(done: () => void): void {
    this.#onDemand?.forget();
    this.#agent.stop(() => {
      this.#slot?.cancel();
      this.#notifier.finish(done);
    });
  }

  status(): GatewayDeviceStatus {
    const { device, services, target } = this.configuration;
    const places = [...new Set(services.map((service) => service.target ?? target))];
    return {
      id: this.id,
      name: device.name,
      target: places.join(', '),
      reachability: this.reachability,
      ...this.#agent.status(),
      persisted: this.#persisted,
      ...(this.#onDemand ? { openUntil: this.#onDemand.until } : {}),
    };
  }

  retry(): void {
    this.#agent.retry();
  }

  enable(enabled: boolean, persist: boolean): string | null {
    this.enabled = enabled;
    this.#apply(enabled);
    if (!persist) return null;
    const { stateFile } = this.configuration;
    const state = enabled ? 'enabled' : 'disabled';
    try {
      if (stateFile === null) throw new Error('found null, needed is a file');
      if (this.#persisted !== state) changeState(this.#files, stateFile, { persisted: state });
      this.#persisted = state;
      return null;
    } catch (error) {
      return `${this.id}: ${state}, but only until the gateway ends: stateFile: ${messageOf(error)}`;
    }
  }

  consent(allow: boolean, port: number | null): boolean {
    return this.#agent.consent(allow, port);
  }

  /** Returns why the tunnel cannot be opened on demand, or `null`. */
  open(seconds: number | null): string | null {
    if (!this.#onDemand) return 'the tunnel does not open on demand: see "start"';
    if (!this.#allowed) return 'remote access is disabled';
    const longest = this.configuration.onDemand.longest;
    const ms = Math.min(seconds ?? longest, longest) * 1000;
    if (ms === 0) this.#onDemand.close();
    else this.#onDemand.open(this.#clock.date() + ms);
    return null;
  }

  #apply(enabled: boolean): void {
    this.#allowed = enabled;
    if (!enabled) {
      this.#onDemand?.forget();
      this.#agent.disable();
    } else if (!this.#onDemand) this.#agent.start();
    else this.#agent.allow();
  }

  #reachable(): string {
    const found = this.#reachability;
    if (found === null) return 'unknown';
    return found.ok ? 'yes' : `no: ${found.reason}`;
  }
}

function withPrefix(log: Log, id: string): Log {
  const { debug } = log;
  return {
    error: (text) => log.error(`${id}: ${text}`),
    warning: (text) => log.warning(`${id}: ${text}`),
    info: (text) => log.info(`${id}: ${text}`),
    ...(debug ? { debug: (text: string) => debug(`${id}: ${text}`) } : {}),
  };
}
