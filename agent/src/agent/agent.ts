import {
  acceptAnswer,
  type ChannelErrorCode,
  describeChannelError,
  EXTENSION_HEADER,
  formatHttpUri,
  httpDate,
  type Property,
} from 'rm-protocol';
import { AccessControl } from '../access/access-control.ts';
import type { Ask } from '../access/gate.ts';
import type { Configuration } from '../config/configuration.ts';
import { defaultLimits, type Limits } from '../config/limits.ts';
import { reflectorsOf } from '../config/parts.ts';
import { buildDate, version } from '../config/version.ts';
import type { FailureKind } from '../dial/back-off.ts';
import { backOffSettings } from '../dial/back-off-settings.ts';
import { CertificateTime } from '../dial/certificate-time.ts';
import { describeProxy } from '../dial/proxy-server.ts';
import type { Step } from '../dial/steps.ts';
import type { Cancellable, Host } from '../host.ts';
import type { Upgraded } from '../link/attempt.ts';
import type { AttemptSettings } from '../link/attempt-settings.ts';
import { Link } from '../link/link.ts';
import type { Log } from '../log/log.ts';
import type { Channel } from '../tunnel/channel.ts';
import type { Admit, ForwardedPort } from '../tunnel/forwarded-port.ts';
import { Tunnel, type TunnelEnd } from '../tunnel/tunnel.ts';
import { AgentLog } from './agent-log.ts';
import { offer, prepareAttempt } from './attempt-settings.ts';
import { certificateExpiry } from './certificate-expiry.ts';
import { CertificateLog } from './certificate-log.ts';
import { CustomProperties, type PropertySource } from './custom-properties.ts';
import { type AgentEvents, EventEmitter, type Listener } from './events.ts';
import { forwardedPorts, type Handlers } from './forwarded-ports.ts';
import { Renewal } from './renewal.ts';
import { ServiceHealth } from './service-health.ts';
import { type AgentState, type AgentStatus, StatusRecord } from './status.ts';

/** What an application passes beside its configuration. */
export interface AgentOptions {
  /** What an earlier agent has learned of the time; absent: nothing. */
  readonly time?: CertificateTime;
  readonly handlers?: Handlers;
  /** Asks for consent instead of the programs of the configuration. */
  readonly ask?: Ask | null;
  /** The check of each port, in the place of `gate`, that of the configuration. */
  readonly admit?: ((port: number, gate: Admit | undefined) => Admit) | null;
  /** Runs before each attempt; what it says when it fails ends the attempt. `done` is never called from within the call. */
  readonly prepare?: ((done: (failure: string | null) => void) => Cancellable) | null;
  /** Properties whose values the application gives, by name. */
  readonly propertySources?: ReadonlyMap<string, PropertySource>;
  /** As in `prepareAttempt`. */
  readonly visitorKey?: string | null;
}

/** While somebody may be entering the code of this device, the server says how often it may ask. */
const codeBackOff = { minMs: 1000, maxMs: 30_000, refusedMaxMs: 30_000 };

/** The agent on any host: a configuration and a link that follows it. */
export class AgentCore {
  readonly #host: Host;
  readonly #configuration: Configuration;
  /** The reflectors of the configuration, for people. */
  readonly #reflector: string;
  readonly #log: Log;
  readonly #agentLog: AgentLog;
  readonly #limits: Limits;
  readonly #services: ReadonlyMap<number, ForwardedPort>;
  readonly #link: Link;
  readonly #properties: CustomProperties;
  readonly #certificateLog: CertificateLog;
  readonly #time: CertificateTime;
  readonly #access: AccessControl;
  readonly #serviceHealth: ServiceHealth;
  readonly #renewal: Renewal;
  readonly #visitorKey: string | null;
  readonly #events = new EventEmitter();
  readonly #record: StatusRecord;
  /** The last attempt was refused: what the device proves itself by may not count any more. */
  #refused = false;
  #onStopped: (() => void)[] = [];

  constructor(
    host: Host,
    configuration: Configuration,
    log: Log,
    {
      handlers = new Map(),
      ask = null,
      admit = null,
      prepare = null,
      propertySources = new Map(),
      time = new CertificateTime(host.clock),
      visitorKey = null,
    }: AgentOptions = {},
  ) {
    this.#host = host;
    this.#visitorKey = visitorKey;
    this.#time = time;
    this.#configuration = configuration;
    this.#reflector = reflectorsOf(configuration).join(', ');
    this.#log = log;
    this.#agentLog = new AgentLog(log, host.clock, configuration);
    this.#record = new StatusRecord(host.clock, (state, previous, reason) =>
      this.#events.emit('state', { state, previous, reason }),
    );
    const set = Object.entries(configuration.limits).filter(([, value]) => value !== null);
    const { memoryBytes, totalBytes } = { ...defaultLimits, ...Object.fromEntries(set) };
    this.#limits = {
      ...defaultLimits,
      ...Object.fromEntries(set),
      memoryBytes: Math.max(memoryBytes, 2 * totalBytes),
    };
    host.system.limitMemory(this.#limits.memoryBytes);
    const access = new AccessControl(host, configuration, log, buildDate, ask, {
      changed: (state, detail, port, channel) => {
        this.#agentLog.access(detail, port);
        this.#events.emit('access', { state, port, channel, detail });
      },
      end: (channels, error) => this.#link.tunnel?.endChannels(channels, error),
    });
    this.#access = access;
    this.#services = forwardedPorts(
      host,
      configuration,
      this.#limits,
      handlers,
      (port) => (admit ? admit(port, access.admitTo(port)) : access.admitTo(port)),
      time,
    );
    this.#properties = new CustomProperties(
      host,
      configuration.device,
      this.#limits,
      (what) => log.warning(what),
      propertySources,
    );
    this.#serviceHealth = new ServiceHealth(log, host.clock, configuration);
    this.#renewal = new Renewal(host, (done) => this.#prepareWith([], done));
    this.#certificateLog = new CertificateLog(host, configuration.tls, log);
    this.#link = new Link(host, {
      prepare: (done) => this.#prepare(prepare, done),
      backOff: () => (this.#record.code === null ? backOffSettings(configuration.reconnect) : codeBackOff),
      connecting: () => {
        this.#record.setState('connecting');
        this.#events.emit('connecting', { reflector: this.#reflector });
      },
      step: (step: Step, detail) => log.debug?.(`${step} ${detail}`),
      live: (connection, keepAlive, ended) => this.#live(connection, keepAlive, ended),
      disconnected: (reason, kind, retryMs) => this.#disconnected(reason, kind, retryMs),
      stopped: () => this.#stopped(),
      unwatched: ({ message }) => log.info(`changes of the network go unnoticed: ${message}`),
    });
  }

  get state(): AgentState {
    return this.#record.state;
  }

  /** Hands the properties that say what the device is, and nothing of where it is, to `take`: now, and when they are read. */
  onProperties(take: (properties: readonly Property[]) => void): void {
    const { name, version: ofDevice, tenant } = this.#configuration.device;
    const fixed = Object.entries({ name, version: ofDevice, tenant }).flatMap(([key, value]) =>
      value === null ? [] : [{ name: key, value }],
    );
    this.#properties.onRead = (custom) => take([...fixed, ...custom]);
    this.#properties.read(() => undefined);
  }

  on<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#events.on(name, listener);
  }

  off<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#events.off(name, listener);
  }

  /** Connects and stays connected until `stop` or `disable`. */
  start(): void {
    this.#link.start();
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
    this.#record.setState('disabled');
    this.#link.disable(reason);
    this.#access.reset();
    this.#log.info(reason);
    if (state === 'connected') this.#events.emit('disconnected', { reason, kind: 'fault', retryMs: null });
  }

  /** Takes `disable` back without dialling: the agent is as after `stop`. */
  allow(): void {
    if (this.#record.state === 'disabled') this.#record.setState('stopped');
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
      lastFailure,
      connects,
      received,
      sent,
      code,
    } = this.#record;
    const { retryInMs } = this.#link;
    const certificateExpiresAt = certificateExpiry(this.#host, this.#configuration.tls);
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
      lastFailure,
      code,
      // The clock may have been set since the wait began.
      nextAttemptAt: retryInMs === null ? null : this.#host.clock.date() + retryInMs,
      channels: this.#link.tunnel?.channels ?? 0,
      access: this.#access.status,
      services: this.#serviceHealth.status,
      connects,
      received: received + live.received,
      sent: sent + live.sent,
      residentMemory: this.#host.system.residentMemory(),
      certificateExpiresAt,
      certificateDays: this.#certificateLog.daysUntil(certificateExpiresAt),
      version,
    };
  }

  // ---- the link ----

  #prepare(
    first: AgentOptions['prepare'],
    done: (settings: AttemptSettings | { readonly error: string }) => void,
  ): Cancellable {
    if (first) {
      let running = first((failure) => {
        if (failure === null) running = this.#prepare(null, done);
        else done({ error: failure });
      });
      return { cancel: () => running.cancel() };
    }
    let running = this.#properties.read((custom) => {
      running = this.#prepareWith(custom, (settings) => {
        if (!('error' in settings)) this.#certificateLog.attempt(settings);
        done(settings);
      });
    });
    return { cancel: () => running.cancel() };
  }

  #prepareWith(
    custom: readonly Property[],
    done: (settings: AttemptSettings | { readonly error: string }) => void,
  ): Cancellable {
    return prepareAttempt(this.#host, this.#configuration, this.#limits, custom, done, {
      time: this.#time,
      refused: this.#refused,
      visitorKey: this.#visitorKey,
      enrolled: (user) => this.#log.info(`enrolled as ${user}`),
      waits: (code) => {
        this.#record.code = code;
      },
      proven: ({ certificate, renewAt }) => {
        this.#renewal.at = certificate === null ? null : renewAt;
      },
    });
  }

  #live(
    connection: Upgraded,
    keepAlive: (agreedMs: number) => number,
    ended: (end: TunnelEnd) => void,
  ): { tunnel: Tunnel; keepAliveMs: number; announce: () => void } {
    const { timeouts } = this.#configuration;
    this.#learnTime(connection);
    const negotiated = acceptAnswer(
      offer(this.#configuration, this.#limits),
      connection.response.headers,
      ({ message }) => this.#log.warning(`the reflector's ${EXTENSION_HEADER} is left alone: ${message}`),
    );
    const { extension } = negotiated;
    const agreedMs = negotiated.keepAlive * 1000;
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
        opened: (channel) => {
          this.#agentLog.opened(channel);
          this.#serviceHealth.opened(channel);
          this.#emitChannel(channel, 'open', null);
        },
        closed: (channel, code) => {
          const error = code === null ? null : channelFailure(code, channel.localFailure);
          this.#access.released(channel.port, channel.number);
          this.#record.received += channel.received;
          this.#record.sent += channel.sent;
          this.#agentLog.closed(channel, error);
          this.#serviceHealth.closed(channel);
          this.#emitChannel(channel, 'closed', error);
        },
        refused: (what) => this.#log.debug?.(`refused: ${what}`),
        failed: (port, reason) => this.#serviceHealth.failed(port, reason),
      },
      ended,
    });
    const reflector = formatHttpUri(connection.uri);
    const proxy = connection.proxy && describeProxy(connection.proxy);
    const announce = () => {
      this.#refused = false;
      this.#certificateLog.connected();
      this.#renewal.begin();
      this.#properties.watch((changed) => this.#link.tunnel?.updateProperties(changed));
      this.#agentLog.triedFirst(connection, this.#limits.reasonLength);
      this.#agentLog.connected(reflector, proxy, extension, agreedMs, keepAliveMs);
      this.#record.connected(reflector, proxy, keepAliveMs);
      this.#events.emit('connected', { reflector, proxy, extension, keepAliveMs });
    };
    return { tunnel, keepAliveMs, announce };
  }

  /** The reflector's time counts once its certificate is verified. */
  #learnTime({ uri, response }: Upgraded): void {
    const { verify, pins } = this.#configuration.tls;
    const date = httpDate(response.headers.get('date') ?? '');
    const proven = uri.secure && (verify || pins.length > 0);
    if (proven && date !== null && this.#time.learn(date)) this.#certificateLog.timeLearned(date);
  }

  #emitChannel(channel: Channel, state: 'open' | 'closed', error: string | null): void {
    if (!this.#events.hasListeners('channel')) return;
    const { number, port, received, sent } = channel;
    this.#events.emit('channel', { state, channel: number, port, received, sent, error });
  }

  #disconnected(reason: string, kind: FailureKind, retryMs: number | null): void {
    this.#properties.stop();
    this.#renewal.end();
    this.#certificateLog.ended();
    this.#agentLog.disconnected(this.#record.state === 'connected', reason, kind, retryMs);
    this.#refused = kind === 'refusal';
    this.#record.disconnected(reason);
    this.#events.emit('disconnected', { reason, kind, retryMs });
  }

  #stopped(): void {
    this.#properties.stop();
    this.#renewal.end();
    this.#certificateLog.ended();
    this.#agentLog.ended();
    const done = this.#onStopped;
    this.#onStopped = [];
    const { state } = this.#record;
    if (state === 'connected') {
      this.#events.emit('disconnected', { reason: 'stopped', kind: 'fault', retryMs: null });
    }
    if (state !== 'disabled') this.#record.setState('stopped');
    for (const run of done) run();
  }
}

/** The words of the code that the reflector is told, and what the host says of it unless that is the same. */
function channelFailure(code: ChannelErrorCode, reason: string | null): string {
  const words = describeChannelError(code);
  return reason === null || reason === words ? words : `${words}: ${reason}`;
}
