import { AccessControl } from './access/access-control.ts';
import type { Ask } from './access/gate.ts';
import type { Configuration } from './config/configuration.ts';
import { CustomProperties } from './custom-properties.ts';
import { dialSettings, offer, reflectorsOf } from './dial-settings.ts';
import { type AgentEvents, EventHub, type Listener } from './events.ts';
import type { Cancellable, Host } from './host/host.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { Upgraded } from './link/attempt.ts';
import type { BackOffSettings, FailureKind } from './link/back-off.ts';
import { reasons } from './link/candidates.ts';
import { Link } from './link/link.ts';
import type { DialSettings } from './link/settings.ts';
import type { Step, StepFailure } from './link/steps.ts';
import type { Log } from './log/log.ts';
import { OutageNews } from './log/outage.ts';
import {
  agree,
  decodeExtension,
  describeChannelError,
  EXTENSION_HEADER,
  type Extension,
  formatHttpUri,
  ProtocolError,
} from './protocol/index.ts';
import { describeProxy } from './proxy/route.ts';
import { type Handlers, servicesOf } from './services.ts';
import { type AgentStatus, StatusRecord } from './status/status.ts';
import { TlsNews } from './tls/news.ts';
import { certificateExpiry } from './tls/own-certificate.ts';
import type { Service } from './tunnel/service.ts';
import { Tunnel, type TunnelEnd } from './tunnel/tunnel.ts';
import { buildDate, version } from './version.ts';

/** What an application adds to its configuration. */
export interface AgentOptions {
  readonly handlers?: Handlers;
  /** Asks for consent in the place of programs. */
  readonly ask?: Ask | null;
}

/** The agent on any host: a configuration and a link that follows it. */
export class AgentCore {
  readonly #host: Host;
  readonly #configuration: Configuration;
  /** The reflectors of the configuration, for people. */
  readonly #reflector: string;
  readonly #log: Log;
  readonly #limits: Limits;
  readonly #services: ReadonlyMap<number, Service>;
  readonly #link: Link;
  readonly #properties: CustomProperties;
  readonly #tlsNews: TlsNews;
  readonly #access: AccessControl;
  readonly #events = new EventHub();
  readonly #record: StatusRecord;
  readonly #outage = new OutageNews();
  #onStopped: (() => void)[] = [];
  #lastFailures = '';

  constructor(
    host: Host,
    configuration: Configuration,
    log: Log,
    { handlers = new Map(), ask = null }: AgentOptions = {},
  ) {
    this.#host = host;
    this.#configuration = configuration;
    this.#reflector = reflectorsOf(configuration).join(', ');
    this.#log = log;
    this.#record = new StatusRecord(host.clock, (state, previous, reason) =>
      this.#events.emit('state', { state, previous, reason }),
    );
    const set = Object.entries(configuration.limits).filter(([, value]) => value !== null);
    this.#limits = { ...defaultLimits, ...Object.fromEntries(set) };
    const access = new AccessControl(host, configuration, log, buildDate, ask, {
      changed: (state, detail, port, channel) => {
        log.info(`access${port === null ? '' : ` to ${this.#label(port)}`} ${detail}`);
        this.#events.emit('access', { state, port, channel, detail });
      },
      end: (channels, error) => this.#link.tunnel?.endChannels(channels, error),
    });
    this.#access = access;
    this.#services = servicesOf(host, configuration, this.#limits, handlers, (port) => access.admitTo(port));
    this.#properties = new CustomProperties(host, configuration.device, this.#limits, (what) =>
      log.warning(what),
    );
    this.#tlsNews = new TlsNews(host, configuration.tls, log);
    this.#link = new Link(host, {
      prepare: (done) => this.#prepare(done),
      backOff: () => backOffSettings(configuration.reconnect),
      connecting: () => {
        this.#record.become('connecting');
        this.#events.emit('connecting', { reflector: this.#reflector });
      },
      step: (step: Step, detail) => log.debug(`${step} ${detail}`),
      live: (connection, keepAlive, ended) => this.#live(connection, keepAlive, ended),
      disconnected: (reason, kind, retryMs) => this.#disconnected(reason, kind, retryMs),
      stopped: () => this.#stopped(),
      unwatched: ({ message }) => log.info(`changes of the network go unnoticed: ${message}`),
    });
  }

  on<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#events.on(name, listener);
  }

  off<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#events.off(name, listener);
  }

  /** Connects and stays connected until `stop` or `disable`. */
  start(): void {
    const { state } = this.#record;
    if (state === 'stopped' || state === 'disabled') this.#link.start();
  }

  /** Closes the tunnel in order; `done` is called when nothing is left. */
  stop(done: () => void = () => undefined): void {
    this.#onStopped.push(done);
    this.#access.reset();
    this.#link.stop('agent stops');
  }

  /** Closes the tunnel and stays off line until `start`. */
  disable(): void {
    const { state } = this.#record;
    if (state === 'disabled') return;
    const reason = 'remote access is disabled';
    this.#record.become('disabled');
    this.#link.disable(reason);
    this.#access.reset();
    this.#log.info(reason);
    if (state === 'connected') this.#events.emit('disconnected', { reason, kind: 'fault', retryMs: null });
  }

  /** Dials at once if the agent waits for its next attempt. */
  retry(): void {
    this.#link.retry();
  }

  /** Answers the questions of consent for one port, or for all; false when none waits. Refusing ends sessions, too. */
  consent(allow: boolean, port: number | null): boolean {
    return this.#access.answer(allow, port);
  }

  status(): AgentStatus {
    const {
      state,
      since,
      connectedTo,
      proxy,
      keepAliveMs,
      lastError,
      nextAttemptAt,
      connects,
      received,
      sent,
    } = this.#record;
    const live = this.#link.tunnel?.traffic ?? { received: 0, sent: 0 };
    return {
      state,
      since,
      link: this.#link.state,
      reflector: this.#reflector,
      connectedTo,
      proxy,
      keepAliveMs,
      lastError,
      nextAttemptAt,
      channels: this.#link.tunnel?.channels ?? 0,
      access: this.#access.status,
      connects,
      received: received + live.received,
      sent: sent + live.sent,
      residentMemory: this.#host.system.residentMemory(),
      certificateExpiresAt: certificateExpiry(this.#host, this.#configuration.tls),
      version,
    };
  }

  // ---- the link ----

  #prepare(done: (settings: DialSettings | { readonly error: string }) => void): Cancellable {
    return this.#properties.read((custom) => {
      const settings = dialSettings(this.#host, this.#configuration, this.#limits, custom);
      if (!('error' in settings)) this.#tlsNews.attempt(settings);
      done(settings);
    });
  }

  #live(
    connection: Upgraded,
    keepAlive: (agreedMs: number) => number,
    ended: (end: TunnelEnd) => void,
  ): { tunnel: Tunnel; keepAliveMs: number } {
    const { timeouts } = this.#configuration;
    const extension = this.#extensionOf(connection);
    const agreedMs = keepAliveOf(connection) ?? timeouts.keepAlive * 1000;
    const keepAliveMs = keepAlive(agreedMs);
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
          this.#log.debug(`channel ${number} to ${this.#label(port)} opened`);
          this.#events.emit('channel', {
            state: 'open',
            channel: number,
            port,
            received: 0,
            sent: 0,
            error: null,
          });
        },
        closed: ({ number, port, received, sent }, code) => {
          const error = code === null ? null : describeChannelError(code);
          this.#access.released(port, number);
          this.#record.received += received;
          this.#record.sent += sent;
          this.#log.debug(
            `channel ${number} to ${this.#label(port)} ended (${received} bytes in, ${sent} out)${error ? `: ${error}` : ''}`,
          );
          this.#events.emit('channel', { state: 'closed', channel: number, port, received, sent, error });
        },
        refused: (what) => this.#log.debug(`refused: ${what}`),
      },
      ended,
    });
    const reflector = formatHttpUri(connection.uri);
    const proxy = connection.route && describeProxy(connection.route);
    this.#tellFailures(connection.failures);
    this.#record.connected(reflector, proxy, keepAliveMs);
    this.#outage.end();
    const way = proxy === null ? '' : ` through proxy ${proxy}`;
    const flow = extension ? `windows of ${extension.window} bytes` : 'no extension';
    const shortened =
      keepAliveMs < agreedMs ? ` in place of ${agreedMs / 1000} s, because silent links were cut` : '';
    this.#log.info(
      `connected to ${reflector}${way} (${flow}, keep-alive ${keepAliveMs / 1000} s${shortened})`,
    );
    this.#events.emit('connected', { reflector, proxy, extension, keepAliveMs });
    this.#tlsNews.connected();
    this.#properties.watch((changed) => this.#link.tunnel?.updateProperties(changed));
    return { tunnel, keepAliveMs };
  }

  /** What had to be given up before the reflector that is in use now. */
  #tellFailures(failures: readonly StepFailure[]): void {
    const text = reasons(failures, this.#limits.reasonLength);
    // As in #disconnected: a first choice that is away for a week is one line, not one for each time we come back.
    if (text !== '' && text !== this.#lastFailures) this.#log.warning(`tried first: ${text}`);
    this.#lastFailures = text;
  }

  /** A port as the person who has named its service knows it. */
  #label(port: number): string {
    const name = this.#configuration.services.find((service) => service.port === port)?.name;
    return name ? `port ${port} (${name})` : `port ${port}`;
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
    this.#properties.stop();
    this.#tlsNews.ended();
    const { state } = this.#record;
    const wait = retryMs === null ? '' : `; next attempt in ${(retryMs / 1000).toFixed(1)} s`;
    const text = `${state === 'connected' ? 'disconnected' : 'not connected'}: ${reason}${wait}`;
    if (this.#outage.isNews(reason, this.#host.clock.now())) this.#log.warning(text);
    else this.#log.debug(text);
    this.#record.disconnected(reason, retryMs);
    this.#events.emit('disconnected', { reason, kind, retryMs });
  }

  #stopped(): void {
    this.#properties.stop();
    this.#tlsNews.ended();
    const done = this.#onStopped;
    this.#onStopped = [];
    const { state } = this.#record;
    if (state === 'connected') {
      this.#events.emit('disconnected', { reason: 'stopped', kind: 'fault', retryMs: null });
    }
    if (state !== 'disabled') this.#record.become('stopped');
    for (const run of done) run();
  }
}

/** `reconnect.refusedMax` where it is absent, in seconds, unless `reconnect.max` is more. */
const DEFAULT_REFUSED_MAX = 3600;

function backOffSettings({ min, max, refusedMax }: Configuration['reconnect']): BackOffSettings {
  const refused = refusedMax ?? Math.max(max, DEFAULT_REFUSED_MAX);
  return { minMs: min * 1000, maxMs: max * 1000, refusedMaxMs: refused * 1000 };
}

/** The keep-alive time that the reflector asks for, in milliseconds, or `null`. */
function keepAliveOf({ response }: Upgraded): number | null {
  const value = response.headers.get('X-WebTunnel-KeepAlive') ?? '';
  const seconds = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  return seconds >= 1 && seconds <= 86_400 ? seconds * 1000 : null;
}
