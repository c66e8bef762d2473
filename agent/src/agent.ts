import type { Configuration } from './config/configuration.ts';
import { dialSettings, offer } from './dial-settings.ts';
import type { Cancellable, Host } from './host/host.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { Upgraded } from './link/attempt.ts';
import type { FailureKind } from './link/back-off.ts';
import { Link } from './link/link.ts';
import type { DialSettings } from './link/settings.ts';
import type { Step } from './link/steps.ts';
import type { Log } from './log/log.ts';
import { customProperties } from './properties.ts';
import {
  agree,
  decodeExtension,
  describeChannelError,
  EXTENSION_HEADER,
  type Extension,
  formatHttpUri,
  type Property,
  ProtocolError,
} from './protocol/index.ts';
import { type Dial, dialTcp, type Service } from './tunnel/service.ts';
import { Tunnel, type TunnelEnd } from './tunnel/tunnel.ts';
import { version } from './version.ts';

/** What an application is told; times in milliseconds. */
export interface AgentEvents {
  /** An attempt begins. */
  connecting: { readonly reflector: string };
  /** The tunnel is up. `extension` is `null` with a reflector that does not know it. */
  connected: {
    readonly reflector: string;
    readonly extension: Extension | null;
    readonly keepAliveMs: number;
  };
  /** An attempt has failed or the tunnel has ended. `retryMs` is `null` when no further attempt follows. */
  disconnected: { readonly reason: string; readonly kind: FailureKind; readonly retryMs: number | null };
  /** A forwarded connection was opened, or has ended; `error` is `null` unless it failed. Counts in bytes. */
  channel: {
    readonly state: 'open' | 'closed';
    readonly channel: number;
    readonly port: number;
    readonly received: number;
    readonly sent: number;
    readonly error: string | null;
  };
}

type Listener<Name extends keyof AgentEvents> = (event: AgentEvents[Name]) => void;

export type AgentState = 'disabled' | 'stopped' | 'connecting' | 'connected' | 'waiting';

/** For `rm-agent status` and applications. Times are Unix milliseconds. */
export interface AgentStatus {
  readonly state: AgentState;
  readonly since: number;
  readonly reflector: string;
  readonly lastError: string | null;
  readonly nextAttemptAt: number | null;
  readonly channels: number;
  readonly connects: number;
  /** Payload bytes of ended channels, from and to the reflector. */
  readonly received: number;
  readonly sent: number;
  readonly residentMemory: number;
  readonly version: string;
}

/** Where in-process services take over from TCP ones, by port. */
export type Handlers = ReadonlyMap<number, Dial>;

/** The agent on any host: a configuration and a link that follows it. */
export class AgentCore {
  readonly #host: Host;
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #limits: Limits;
  readonly #services: ReadonlyMap<number, Service>;
  readonly #link: Link;
  readonly #listeners: { [Name in keyof AgentEvents]: Set<Listener<Name>> } = {
    connecting: new Set(),
    connected: new Set(),
    disconnected: new Set(),
    channel: new Set(),
  };
  #onStopped: (() => void)[] = [];
  #state: AgentState = 'stopped';
  #since: number;
  #lastError: string | null = null;
  #nextAttemptAt: number | null = null;
  #connects = 0;
  #received = 0;
  #sent = 0;
  #lastProperties: readonly Property[] = [];
  #propertiesUpdate: Cancellable | null = null;

  constructor(host: Host, configuration: Configuration, log: Log, handlers: Handlers = new Map()) {
    this.#host = host;
    this.#configuration = configuration;
    this.#log = log;
    this.#since = host.clock.date();
    const set = Object.entries(configuration.limits).filter(([, value]) => value !== null);
    this.#limits = { ...defaultLimits, ...Object.fromEntries(set) };
    this.#services = servicesOf(host, configuration, this.#limits, handlers);
    this.#link = new Link(host, {
      prepare: (done) => this.#prepare(done),
      backOff: () => ({
        minMs: configuration.reconnect.min * 1000,
        maxMs: configuration.reconnect.max * 1000,
      }),
      connecting: () => {
        this.#become('connecting');
        this.#emit('connecting', { reflector: configuration.reflector });
      },
      step: (step: Step, detail) => log.debug(`${step} ${detail}`),
      live: (connection, ended) => this.#live(connection, ended),
      disconnected: (reason, kind, retryMs) => this.#disconnected(reason, kind, retryMs),
      stopped: () => this.#stopped(),
    });
  }

  on<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners[name].add(listener);
  }

  off<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners[name].delete(listener);
  }

  /** Connects and stays connected until `stop` or `disable`. */
  start(): void {
    if (this.#state === 'stopped' || this.#state === 'disabled') this.#link.start();
  }

  /** Closes the tunnel in order; `done` is called when nothing is left. */
  stop(done: () => void = () => undefined): void {
    this.#onStopped.push(done);
    this.#link.stop('agent stops');
  }

  /** Closes the tunnel and stays off line until `start`. */
  disable(): void {
    this.#link.disable('remote access is disabled');
    this.#become('disabled');
    this.#log.info('remote access is disabled');
  }

  /** Dials at once if the agent waits for its next attempt. */
  retry(): void {
    this.#link.retry();
  }

  status(): AgentStatus {
    return {
      state: this.#state,
      since: this.#since,
      reflector: this.#configuration.reflector,
      lastError: this.#lastError,
      nextAttemptAt: this.#nextAttemptAt,
      channels: this.#link.tunnel?.channels ?? 0,
      connects: this.#connects,
      received: this.#received,
      sent: this.#sent,
      residentMemory: this.#host.system.residentMemory(),
      version,
    };
  }

  // ---- the link ----

  #prepare(done: (settings: DialSettings | { readonly error: string }) => void): Cancellable {
    return customProperties(
      this.#host,
      this.#configuration,
      (what) => this.#log.warning(what),
      (custom) => {
        this.#lastProperties = custom;
        done(dialSettings(this.#host, this.#configuration, this.#limits, custom));
      },
    );
  }

  #live(connection: Upgraded, ended: (end: TunnelEnd) => void): { tunnel: Tunnel; keepAliveMs: number } {
    const { timeouts } = this.#configuration;
    const extension = this.#extensionOf(connection);
    const keepAliveMs = keepAliveOf(connection) ?? timeouts.keepAlive * 1000;
    const tunnel = new Tunnel({
      socket: connection.socket,
      clock: this.#host.clock,
      crypto: this.#host.crypto,
      limits: this.#limits,
      services: this.#services,
      timeouts: { connectMs: timeouts.connect * 1000, localMs: timeouts.local * 1000 },
      extension,
      events: {
        opened: ({ number, port }) => {
          this.#log.debug(`channel ${number} to port ${port} opened`);
          this.#emit('channel', { state: 'open', channel: number, port, received: 0, sent: 0, error: null });
        },
        closed: ({ number, port, received, sent }, code) => {
          const error = code === null ? null : describeChannelError(code);
          this.#received += received;
          this.#sent += sent;
          this.#log.debug(
            `channel ${number} to port ${port} ended (${received} bytes in, ${sent} out)${error ? `: ${error}` : ''}`,
          );
          this.#emit('channel', { state: 'closed', channel: number, port, received, sent, error });
        },
        refused: (what) => this.#log.debug(`refused: ${what}`),
      },
      ended,
    });
    this.#connects++;
    this.#lastError = null;
    this.#become('connected');
    const reflector = formatHttpUri(connection.uri);
    const flow = extension ? `windows of ${extension.window} bytes` : 'no extension';
    this.#log.info(`connected to ${reflector} (${flow}, keep-alive ${keepAliveMs / 1000} s)`);
    this.#emit('connected', { reflector, extension, keepAliveMs });
    this.#scheduleProperties();
    return { tunnel, keepAliveMs };
  }

  #extensionOf({ response }: Upgraded): Extension | null {
    try {
      const answer = decodeExtension(response.headers.get(EXTENSION_HEADER) ?? '');
      return answer && agree(offer(this.#limits), answer);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#log.warning(`the reflector's ${EXTENSION_HEADER} is left alone: ${error.message}`);
      return null;
    }
  }

  #disconnected(reason: string, kind: FailureKind, retryMs: number | null): void {
    this.#propertiesUpdate?.cancel();
    const wasConnected = this.#state === 'connected';
    this.#become('waiting');
    this.#nextAttemptAt = retryMs === null ? null : this.#host.clock.date() + retryMs;
    const wait = retryMs === null ? '' : `; next attempt in ${(retryMs / 1000).toFixed(1)} s`;
    const text = `${wasConnected ? 'disconnected' : 'not connected'}: ${reason}${wait}`;
    // The same failure again is no news: a reflector that is away for a week fills no log.
    if (reason === this.#lastError) this.#log.debug(text);
    else this.#log.warning(text);
    this.#lastError = reason;
    this.#emit('disconnected', { reason, kind, retryMs });
  }

  #stopped(): void {
    this.#propertiesUpdate?.cancel();
    const done = this.#onStopped;
    this.#onStopped = [];
    if (this.#state === 'connected') {
      this.#emit('disconnected', { reason: 'stopped', kind: 'fault', retryMs: null });
    }
    if (this.#state !== 'disabled') this.#become('stopped');
    for (const run of done) run();
  }

  /** Sends what has changed of the custom properties, at the interval of the configuration. */
  #scheduleProperties(): void {
    const { propertiesInterval } = this.#configuration.device;
    if (propertiesInterval === 0) return;
    this.#propertiesUpdate = this.#host.clock.schedule(propertiesInterval * 1000, () => {
      this.#propertiesUpdate = customProperties(
        this.#host,
        this.#configuration,
        (what) => this.#log.debug(what),
        (custom) => {
          const before = new Map(this.#lastProperties.map(({ name, value }) => [name, value]));
          const changed = custom.filter(({ name, value }) => before.get(name) !== value);
          this.#lastProperties = custom;
          if (changed.length > 0) this.#link.tunnel?.updateProperties(changed);
          this.#scheduleProperties();
        },
      );
    });
  }

  #become(state: AgentState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#since = this.#host.clock.date();
    this.#nextAttemptAt = null;
  }

  #emit<Name extends keyof AgentEvents>(name: Name, event: AgentEvents[Name]): void {
    for (const listener of this.#listeners[name]) listener(event);
  }
}

/** The keep-alive time that the reflector asks for, in milliseconds, or `null`. */
function keepAliveOf({ response }: Upgraded): number | null {
  const value = response.headers.get('X-WebTunnel-KeepAlive') ?? '';
  const seconds = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  return seconds >= 1 && seconds <= 86_400 ? seconds * 1000 : null;
}

function servicesOf(
  host: Host,
  { services, target }: Configuration,
  { addresses }: Limits,
  handlers: Handlers,
): Map<number, Service> {
  return new Map(
    services.map((service) => {
      const { port } = service;
      const tcp = () => dialTcp(host, service.target ?? target, port, service.kind === 'https', addresses);
      return [port, { port, dial: handlers.get(port) ?? tcp() }];
    }),
  );
}
