import { resolve } from 'node:path';
import { type Logger, pino } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import { RevocationWatcher } from './access/revocation-watcher.ts';
import { type Holder, isAffected, standingOf } from './access/standing.ts';
import { asciiLowerCase } from './ascii-case.ts';
import { Audit } from './audit/audit.ts';
import { AuditFile } from './audit/file.ts';
import { contained } from './authentication/addition.ts';
import { accepting } from './authentication/ask.ts';
import { LogIn } from './authentication/log-in.ts';
import { passwordAuthenticator } from './authentication/password-authenticator.ts';
import { sessionAuthenticator } from './authentication/session-authenticator.ts';
import { tokenAuthenticator } from './authentication/token-authenticator.ts';
import { UserAuthentication } from './authentication/user-authentication.ts';
import { containTimers } from './boundary.ts';
import { StoreCache } from './cache/store-cache.ts';
import { freeDescriptors, withinDescriptors } from './descriptors.ts';
import { DeviceAuthentication } from './devices/authentication.ts';
import { ClientAuthorities } from './devices/client-authorities.ts';
import type { ConnectedDevice } from './devices/connected-device.ts';
import { DeviceAdmission } from './devices/device-admission.ts';
import { DeviceEndpoint, type DeviceEndpointOptions } from './devices/device-endpoint.ts';
import { takeCookieHost } from './devices/hidden-device.ts';
import { OtherReflectors } from './devices/other-reflectors.ts';
import { SharedNonces } from './devices/shared-nonces.ts';
import { EventFeed } from './events/event-feed.ts';
import { Forwarding, type ForwardingContext, type ProvenRequest } from './forwarding/forwarding.ts';
import { type Looks, looksBehind } from './http/look.ts';
import { TrustedProxies } from './http/origin.ts';
import { Installation } from './installation.ts';
import { Choices } from './isolation/choices.ts';
import { DeviceCodes } from './isolation/device-codes.ts';
import { SharedChoices } from './isolation/shared-choices.ts';
import { SharedDeviceCodes } from './isolation/shared-device-codes.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Listener, type TlsFiles } from './listening/listener.ts';
import { UnauthenticatedConnections } from './network/unauthenticated-connections.ts';
import { OneUseTokens } from './one-use/one-use-tokens.ts';
import type { PagesContext } from './pages/context.ts';
import type { LogInLink } from './pages/log-in-page.ts';
import { ownPages } from './pages/own-pages.ts';
import { logInAddress } from './pages/return-address.ts';
import { PasswordVerifier } from './passwords/verifier.ts';
import type { Authenticator } from './ports/authenticators.ts';
import type { AdmitDevice } from './ports/device-admission.ts';
import type { Events } from './ports/events.ts';
import type { Eventual } from './ports/eventual.ts';
import type { FurtherLogOutOf } from './ports/further-log-out.ts';
import type { LocalTunnel, OnlineDevice, Presence } from './ports/presence.ts';
import type { ResponseCache } from './ports/response-cache.ts';
import type { KnownUsers, Rights, RightsParts } from './ports/rights.ts';
import type { DialPort, OpenPort, PortRequest, Route, RouteSocket } from './ports/routes.ts';
import type { SharedState } from './ports/shared-state.ts';
import type { DeviceKey, Store } from './ports/store.ts';
import { rightsByRole } from './rights/by-role.ts';
import { OwnRoutes, type OwnRoutesContext } from './routing/own-routes.ts';
import { withoutReplaced } from './routing/replaced-routes.ts';
import { RouteWebSocket } from './routing/route-socket.ts';
import { Router, type RouterContext } from './routing/router.ts';
import { Sessions } from './sessions/sessions.ts';
import { Tokens } from './sessions/tokens.ts';
import { DeferredWrites } from './store/deferred-writes.ts';
import { ServedDataFile } from './store/served-data-file.ts';
import { ByteBudget } from './streams/byte-budget.ts';
import { systemClock } from './system-clock.ts';
import { ConcurrencyLimit } from './throttling/concurrency-limit.ts';
import { Draining, goingAway } from './tunnels/draining.ts';
import { LocalPresence } from './tunnels/local-presence.ts';

export interface ReflectorOptions {
  /** Address to listen on; `127.0.0.1` by default. */
  readonly host?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Domain whose labels are devices; `localhost` by default. */
  readonly domain?: string;
  /**
   * Second host name, on which a user sees the device that they have chosen: for those who have no names for each
   * device. The weaker way: see `docs/reflector-users.md`. None by default.
   */
  readonly cookieHost?: string | null;
  /** SQLite file; `:memory:` by default. */
  readonly data?: string;
  /**
   * Opens another Store in place of the SQLite file, see `docs/ports/store.md`. It is called once the port is the
   * reflector's, which closes the store at its end; until the promise resolves, requests are answered with 503.
   */
  readonly store?: () => Store | Promise<Store>;
  /** PEM files for TLS of the reflector's own. Without them a proxy in front may end TLS. */
  readonly tls?: TlsFiles | null;
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  readonly trustProxy?: readonly string[];
  /** Connections from `trustProxy` begin with a header of the PROXY protocol, which names who is connected; false by default. */
  readonly proxyProtocol?: boolean;
  /** URLs of other reflectors, to which devices are sent by 302 while this one drains or has no room; none by default. */
  readonly redirect?: readonly string[];
  /** Take unknown devices into the list of unclaimed ones. */
  readonly acceptUnclaimed?: boolean;
  /** Seconds, 1 to 86,400; 300 by default. */
  readonly keepAlive?: number;
  /** Seconds that a token is good for; 28,800 by default. */
  readonly tokenLifetime?: number;
  /** Whether `GET /my-devices/api/token` gives tokens too, to name and password in its query; false by default. */
  readonly tokenByGet?: boolean;
  /** File of the audit log; without it, its records are in the log. */
  readonly audit?: string | null;
  /** Days of the audit log that are kept whatever its size; 30 by default. */
  readonly auditKeep?: number;
  /** Seconds from log-in after which a browser must log in again; 604,800 by default. */
  readonly sessionLifetime?: number;
  /** Seconds without a request after which a browser must log in again; 43,200 by default. */
  readonly sessionIdle?: number;
  /** Further pages and interfaces on the reflector's own host, see `docs/ports/routes.md`; or what makes them. */
  readonly routes?: readonly Route[] | ((parts: ReflectorParts) => readonly Route[]);
  /**
   * Opens what this process knows together with others of the same store, see `docs/ports/shared-state.md`; by default there are no others.
   * Called once the store is open; it is closed before the store.
   */
  readonly shared?: () => Eventual<SharedState>;
  /**
   * Makes the Presence, see `docs/ports/presence.md`; by default all devices are in this process. Called once the store is open and
   * `rights` are made. Which devices a former process has left on line is up to it: none is noted off line.
   */
  readonly presence?: <Tunnel extends LocalTunnel>() => Eventual<Presence<Tunnel>>;
  /** A further rule for devices that have proven who they are, see `docs/ports/device-admission.md`; none by default. */
  readonly admitDevice?: AdmitDevice;
  /** Further proofs of users, asked after our own: see `docs/ports/authenticators.md`. */
  readonly authenticators?: (
    store: Store,
    known: KnownUsers,
  ) => Eventual<readonly Authenticator<'token' | 'password'>[]>;
  /** Who may open what, see `docs/ports/rights.md`; by default roles and domains decide. */
  readonly rights?: (parts: RightsParts) => Eventual<Rights>;
  /** Keeps answers of devices, see `docs/ports/response-cache.md`; by default none is kept. */
  readonly responseCache?: ResponseCache;
  /** For the log-in page: other ways to log in, or help with it, of `routes`. */
  readonly logInLinks?: readonly LogInLink[];
  /** How pages look to whom, see `http/look.ts`; plain and in English by default. */
  readonly looks?: Looks;
  /** A further rule for passwords that people choose on the page of their account: why one is not taken, or `null`. */
  readonly passwordRule?: NonNullable<PagesContext['passwordRule']>;
  /** Where a browser goes on that has logged out, such as to a provider; nowhere by default. */
  readonly furtherLogOut?: FurtherLogOutOf;
  /** Silent by default. */
  readonly log?: Logger;
  readonly limits?: Partial<Limits>;
  /** Told of payload bytes that have passed through a tunnel. */
  readonly carried?: (bytes: number) => void;
  readonly clock?: Clock;
}

/** What others build on. */
export interface ReflectorParts {
  readonly store: Store;
  /** Which devices are on line. */
  readonly presence: Presence<ConnectedDevice>;
  /** What happens, see `docs/ports/events.md`. */
  readonly events: Events;
  /** Takes records of decisions into the audit log. */
  readonly audit: Pick<Audit, 'record' | 'count'>;
  /** Checks passwords and one-time passwords, with the throttling of all log-ins, and sets them. */
  readonly logIn: Pick<LogIn, 'check' | 'setPassword' | 'enrolment'>;
  /** Carries WebSockets of `routes` to ports of devices. */
  readonly openPort: OpenPort;
  /** Opens ports of devices for routes that speak with the device themselves. */
  readonly dialPort: DialPort;
  /** What users have open on a device in this process: requests, WebSockets and TCP connections. Looks at all that is live. */
  usersOf(device: DeviceKey): DeviceUse[];
}

/** One thing that a user has open on a device. */
export interface DeviceUse {
  readonly user: string;
  readonly port: number;
  /** It is a web interface. */
  readonly web: boolean;
  /** Wall-clock ms. */
  readonly began: number;
}

export interface Reflector extends ReflectorParts {
  /** `http://host:port`, with the domain as the host. */
  readonly url: string;
  readonly port: number;
  /** Reads the TLS files anew; what is connected stays. Throws when they cannot be used. */
  reloadTls(): void;
  /** Opens the audit file anew with the next record, after another program has moved it away. */
  reopenAudit(): void;
  /**
   * Leads the devices to other nodes: new tunnels are refused with 503 and `Retry-After`, `/healthz` answers 503, and the tunnels
   * are closed with 1001, spread over `windowMs` (0: all at once), idle ones first. Requests of users go on meanwhile. Resolves when
   * no tunnel is left, or the reflector is closed. There is no way back but a restart: the first call counts, later ones return what
   * it has returned. Throws a `RangeError` if `windowMs` is not a number from 0.
   */
  drain(windowMs: number): Promise<void>;
  /** {@link drain} was called. */
  readonly draining: boolean;
  /** Stops listening, lets responses under way end, closes tunnels with 1001, then the store. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a reflector in this process. Rejects with the error of `listen` (`EADDRINUSE`, `EACCES`), with `StoreError`,
 * with `AuditFileError`, with `CookieHostTaken`, or with that of an unreadable TLS file; nothing is left open then.
 */
export async function startReflector(options: ReflectorOptions = {}): Promise<Reflector> {
  const limits = withinDescriptors({ ...defaultLimits, ...options.limits }, freeDescriptors());
  const log = options.log ?? pino({ level: 'silent' });
  const failed = (error: unknown) => log.error({ err: error }, 'timer failed');
  const clock = containTimers(options.clock ?? systemClock, failed);
  const proxies = new TrustedProxies(options.trustProxy ?? []);
  const unauthenticated = new UnauthenticatedConnections(limits.unauthenticatedPerNetwork, proxies);
  const clientAuthorities = new ClientAuthorities();
  const domain = asciiLowerCase(options.domain ?? 'localhost');
  const cookieHost = options.cookieHost ? asciiLowerCase(options.cookieHost) : null;
  const { tls = null, redirect: redirects = [] } = options;
  const listener = new Listener({
    tls,
    clientAuthorities,
    unauthenticated,
    headersOf: options.proxyProtocol ? proxies : null,
    limits,
    clock,
    log,
    domain,
    cookieHost,
    looks: options.looks ? looksBehind(options.looks, proxies) : null,
  });
  const opened: (() => void | Promise<void> | undefined)[] = [];
  try {
    let { store: openStore } = options;
    let file: ServedDataFile | null = null;
    if (!openStore) {
      const served = new ServedDataFile(options.data ?? ':memory:');
      opened.push(() => served.release());
      openStore = () => served.open(log);
      file = served;
    }
    // Nothing of the store or the audit file is touched before the port is ours.
    await listener.listen(options.host ?? '127.0.0.1', options.port ?? 0);
    opened.push(() => {
      const stopped = listener.stop();
      listener.closeAll();
      return stopped;
    });
    const sink =
      typeof options.audit === 'string'
        ? new AuditFile(options.audit, limits, clock, (options.auditKeep ?? 30) * 86_400_000)
        : null;
    const events = new EventFeed(clock, limits);
    opened.push(() => events.close());
    const audit = new Audit(clock, limits, log, sink, (record) => events.publish({ kind: 'audit', record }));
    opened.push(() => audit.close());
    const store = await openStore();
    opened.push(() => store.close());
    const shared = (await options.shared?.()) ?? null;
    if (shared) opened.push(() => shared.close());
    const installation = new Installation(store);
    if (!options.presence) await store.devices.noteAllOffline();
    await takeCookieHost(store, installation, { domain, cookieHost });
    const auditFile = typeof options.audit === 'string' ? resolve(options.audit) : null;
    await installation.setAuditFile(auditFile, file?.realPath ?? null);
    await installation.setUrl(urlForAgents(listener.port, domain, options));
    file?.started(limits, clock, log);
    const verifier = new PasswordVerifier(limits);
    const deferred = new DeferredWrites(clock, limits, failed);
    const cache = new StoreCache(store, clock, limits);
    opened.push(() => cache.stop());
    const later = (key: string, write: () => Promise<void>) => deferred.write(key, write);
    const sessions = new Sessions(
      { store, cache, clock, limits, later },
      {
        absoluteMs: (options.sessionLifetime ?? 604_800) * 1000,
        idleMs: (options.sessionIdle ?? 43_200) * 1000,
      },
    );
    const key = await installation.tokenKey();
    const { users } = store;
    const tokens = new Tokens(key, options.tokenLifetime ?? 28_800, sessions, clock);
    const added = (await options.authenticators?.(store, cache)) ?? [];
    const rights = (await options.rights?.({ store, known: cache, clock })) ?? rightsByRole;
    const authenticators: readonly Authenticator[] = [
      sessionAuthenticator(sessions),
      tokenAuthenticator(tokens),
      passwordAuthenticator({ users, cache, verifier }),
      ...added.map((one) => contained(one, { clock, log, limits })),
    ];
    const passwords = accepting(authenticators, 'password');
    const logIn = new LogIn({ users, cache, key, passwords, verifier, clock, limits, shared });
    const oneUse = (purpose: string, ms: number, used: number) =>
      shared && new OneUseTokens(shared, key, purpose, { ms, used });
    const codes = oneUse('device code', limits.deviceCodeMs, limits.deviceCodes);
    const nonces = oneUse('digest', limits.nonceMs, limits.usedNonces);
    // It is read, and never used up.
    const carried = oneUse('choice', limits.deviceCodeMs, 0);
    const presence: Presence<ConnectedDevice> =
      (await options.presence?.<ConnectedDevice>()) ?? new LocalPresence<ConnectedDevice>();
    opened.push(() => presence.close?.());
    // The node where the tunnel ends tells of it, so that it is told once.
    const tell = (kind: 'online' | 'offline', device: OnlineDevice) => {
      if (device.node !== null) return;
      const { id, uid, properties, end } = device;
      events.publish({ kind, device: { id, uid }, properties, end });
    };
    presence.watch({ came: (device) => tell('online', device), went: (device) => tell('offline', device) });
    const context: Context = {
      limits,
      clock,
      log,
      audit,
      store,
      cache,
      rights,
      deferred,
      presence,
      draining: new Draining(limits, clock, redirects.length > 0),
      others: new OtherReflectors(redirects),
      events,
      changed: ({ id, uid, properties }) =>
        events.publish({ kind: 'properties', device: { id, uid }, properties }),
      clientAuthorities,
      users: new UserAuthentication(authenticators, logIn, clock),
      logIn,
      tokens,
      deviceCodes: codes ? new SharedDeviceCodes(codes) : new DeviceCodes(clock, limits),
      sessions,
      revocation: new RevocationWatcher<Holder>(
        cache,
        clock,
        limits,
        {
          standingOf: (holder, now) => standingOf({ cache, sessions, store, rights }, holder, now),
          isAffected,
        },
        failed,
      ),
      userConcurrency: new ConcurrencyLimit(limits.exchangesPerUser),
      deviceConcurrency: new ConcurrencyLimit(limits.exchangesPerDevice),
      readAhead: new ByteBudget(limits.readAheadTotalBytes),
      proxies,
      unauthenticated,
      carried: options.carried ?? (() => {}),
      domain,
      cookieHost,
      choices: carried ? new SharedChoices(carried, new Choices(limits)) : new Choices(limits),
      tokenByGet: options.tokenByGet ?? false,
      logInAddress,
      logInLinks: options.logInLinks ?? [],
      furtherLogOut: options.furtherLogOut ?? null,
      passwordRule: options.passwordRule ?? null,
      admitDevice: options.admitDevice ?? null,
      responseCache: options.responseCache ?? null,
      offer: {
        keepAlive: options.keepAlive ?? 300,
        extension: { maxFrame: limits.maxFrame, window: limits.window },
      },
    };
    const authentication = new DeviceAuthentication({
      store,
      fingerprintKey: await installation.fingerprintKey(),
      verifier,
      limits,
      clock,
      admission: new DeviceAdmission(
        limits,
        clock.now(),
        shared && { state: shared, now: () => clock.now() },
      ),
      nonces: nonces && new SharedNonces(nonces),
      acceptUnclaimed: options.acceptUnclaimed ?? false,
    });
    return new RunningReflector(context, listener, authentication, options, () => closeAll(opened));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** What was opened last is closed first. */
async function closeAll(opened: (() => void | Promise<void> | undefined)[]): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

/** Behind a proxy that is trusted, agents find the reflector at its name, over TLS. */
function urlForAgents(
  port: number,
  domain: string,
  { tls, trustProxy = [], proxyProtocol = false }: ReflectorOptions,
): string {
  if (tls && !proxyProtocol) return new URL(`https://${domain}:${port}/`).href;
  return trustProxy.length > 0 ? `https://${domain}/` : new URL(`http://${domain}:${port}/`).href;
}

/** What the parts of one running reflector share. */
type Context = ForwardingContext &
  RouterContext &
  PagesContext &
  OwnRoutesContext &
  Omit<DeviceEndpointOptions, 'authentication'> & {
    readonly revocation: RevocationWatcher<Holder>;
    readonly unauthenticated: UnauthenticatedConnections;
    readonly presence: Presence<ConnectedDevice>;
    readonly draining: Draining;
    readonly events: Events;
  };

class RunningReflector implements Reflector {
  readonly store: Store;
  readonly presence: Presence<ConnectedDevice>;
  readonly events: Events;
  readonly audit: Pick<Audit, 'record' | 'count'>;
  readonly logIn: Pick<LogIn, 'check' | 'setPassword' | 'enrolment'>;
  readonly openPort: OpenPort;
  readonly dialPort: DialPort;
  readonly #context: Context;
  readonly #listener: Listener;
  readonly #scheme: 'https' | 'http';
  readonly #router: Router;
  readonly #closeFiles: () => Promise<void>;
  readonly #deviceEndpoint: DeviceEndpoint;
  #statistics: Cancellable | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    context: Context,
    listener: Listener,
    authentication: DeviceAuthentication,
    { tls, host = '127.0.0.1', routes = [] }: ReflectorOptions,
    closeFiles: () => Promise<void>,
  ) {
    this.#closeFiles = closeFiles;
    this.store = context.store;
    this.presence = context.presence;
    this.events = context.events;
    this.audit = context.audit;
    this.logIn = context.logIn;
    this.#context = context;
    this.#listener = listener;
    this.#scheme = tls ? 'https' : 'http';
    this.#deviceEndpoint = new DeviceEndpoint({ ...context, authentication });
    const forwarding = new Forwarding(context);
    this.openPort = async (socket, request) => {
      const own = ownSocket(socket);
      return forwarding.page({ ...provenRequest(own, request), take: () => own.detach() });
    };
    this.dialPort = async (socket, request, user) =>
      forwarding.dial(provenRequest(ownSocket(socket), request), user);
    const added = typeof routes === 'function' ? routes(this) : routes;
    const ownRoutes = new OwnRoutes(context, [...withoutReplaced(ownPages(context), added), ...added]);
    this.#router = new Router(context, this.#deviceEndpoint, ownRoutes, forwarding);
    this.#scheduleStatistics();
    context.log.info({ host, port: this.port, domain: context.domain }, 'listening');
    listener.serve(this.#router);
  }

  get port(): number {
    return this.#listener.port;
  }

  get url(): string {
    return `${this.#scheme}://${this.#context.domain}:${this.port}`;
  }

  reloadTls(): void {
    // A device whose certificate they do not vouch for any more has to come back with another one.
    const { revocation, log } = this.#context;
    if (!this.#listener.reloadTls()) return;
    revocation.reconsider('device').catch((error) => log.error({ err: error }, 'tunnels not reconsidered'));
  }

  reopenAudit(): void {
    this.#context.audit.reopen();
  }

  usersOf({ id, uid }: DeviceKey): DeviceUse[] {
    const uses: DeviceUse[] = [];
    for (const { holder, began } of this.#context.revocation.live()) {
      if (holder.kind !== 'user' || holder.device === null) continue;
      if (holder.device.id !== id || holder.device.uid !== uid) continue;
      uses.push({ user: holder.identity.user.name, ...holder.opened, began });
    }
    return uses;
  }

  drain(windowMs: number): Promise<void> {
    const { draining, log } = this.#context;
    const isFirst = !draining.active;
    const { local } = this.presence;
    const gone = draining.start(local, windowMs);
    if (isFirst) {
      log.info({ tunnels: local.size, windowMs }, 'draining');
      gone.then(() => local.size === 0 && log.info('drained')).catch(() => {});
    }
    return gone;
  }

  get draining(): boolean {
    return this.#context.draining.active;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { limits, revocation, log, deferred, draining } = this.#context;
    log.info('stopping');
    this.#statistics?.cancel();
    draining.stop();
    revocation.stop();
    const responsesEnded = this.#router.stop(goingAway);
    const drained = this.#listener.stop();
    await this.#within(limits.shutdownMs, responsesEnded);
    for (const device of [...this.presence.local.values()])
      device.tunnel.close(goingAway, { cause: 'stopped', reason: 'the reflector stops' });
    await this.#within(limits.closeMs, this.#listener.upgradesEnded());
    this.#listener.closeAll();
    await drained;
    if (!(await deferred.flush()))
      log.warn({ writes: deferred.size }, 'data file not up to date: it could not be written');
    deferred.stop();
    await this.#closeFiles();
    log.info('stopped');
  }

  async #within(ms: number, done: Promise<void>): Promise<void> {
    let timer: Cancellable | null = null;
    const late = new Promise<void>((resolve) => {
      timer = this.#context.clock.schedule(ms, resolve);
    });
    await Promise.race([done, late]).finally(() => timer?.cancel());
  }

  #scheduleStatistics(): void {
    const { clock, limits } = this.#context;
    this.#statistics = clock.schedule(limits.statisticsMs, () => {
      this.#scheduleStatistics();
      this.#deviceEndpoint.saveTraffic();
    });
  }
}

function ownSocket(socket: RouteSocket): RouteWebSocket {
  if (!(socket instanceof RouteWebSocket)) throw new TypeError('not the WebSocket of a route');
  return socket;
}

function provenRequest({ connection }: RouteWebSocket, { call, ...request }: PortRequest): ProvenRequest {
  return { ...request, address: call.origin.address, connection, signal: call.signal };
}
