import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
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
import { containServer, containTimers } from './boundary.ts';
import { StoreCache } from './cache/store-cache.ts';
import { freeDescriptors, withinDescriptors } from './descriptors.ts';
import { DeviceAuthentication } from './devices/authentication.ts';
import { ClientAuthorities } from './devices/client-authorities.ts';
import type { ConnectedDevice } from './devices/connected-device.ts';
import { DeviceAdmission } from './devices/device-admission.ts';
import { DeviceEndpoint, type DeviceEndpointOptions } from './devices/device-endpoint.ts';
import { takeCookieHost } from './devices/hidden-device.ts';
import { Forwarding, type ForwardingContext } from './forwarding/forwarding.ts';
import { HttpGuard } from './http/guard.ts';
import { TrustedProxies } from './http/origin.ts';
import { Installation } from './installation.ts';
import { Choices } from './isolation/choices.ts';
import { DeviceCodes } from './isolation/device-codes.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { UnauthenticatedConnections } from './network/unauthenticated-connections.ts';
import type { PagesContext } from './pages/context.ts';
import { ownPages } from './pages/own-pages.ts';
import { logInAddress } from './pages/return-address.ts';
import { PasswordVerifier } from './passwords/verifier.ts';
import type { Authenticator } from './ports/authenticators.ts';
import type { LocalTunnel, Presence } from './ports/presence.ts';
import type { Route } from './ports/routes.ts';
import { type Store, StoreUnavailable } from './ports/store.ts';
import { refusals } from './refusals/catalogue.ts';
import { OwnRoutes, type OwnRoutesContext } from './routing/own-routes.ts';
import { Router, type RouterContext } from './routing/router.ts';
import { Sessions } from './sessions/sessions.ts';
import { Tokens } from './sessions/tokens.ts';
import { DataFileLock } from './store/data-file-lock.ts';
import { DeferredWrites } from './store/deferred-writes.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import { ByteBudget } from './streams/byte-budget.ts';
import { systemClock } from './system-clock.ts';
import { ConcurrencyLimit } from './throttling/concurrency-limit.ts';
import { HandshakeFailures } from './tls/handshake-failures.ts';
import { inspectCertificate } from './tls/own-certificate.ts';
import { LocalPresence } from './tunnels/local-presence.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Authorities whose certificates prove devices, see `devices/client-certificate.ts`; none without. */
  readonly clientCa?: string | null;
}

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
  /** PEM files for TLS of the reflector's own. Without them a proxy in front may end TLS. */
  readonly tls?: TlsFiles | null;
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  readonly trustProxy?: readonly string[];
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
  /** Further pages and interfaces on the reflector's own host, see `docs/ports/routes.md`. */
  readonly routes?: readonly Route[];
  /** Makes the Presence, see `docs/ports/presence.md`; by default all devices are in this process. */
  readonly presence?: <Tunnel extends LocalTunnel>() => Presence<Tunnel>;
  /** Further proofs of users, asked after our own: see `docs/ports/authenticators.md`. */
  readonly authenticators?: (store: Store) => readonly Authenticator<'token' | 'password'>[];
  /** Silent by default. */
  readonly log?: Logger;
  readonly limits?: Partial<Limits>;
  /** Told of payload bytes that have passed through a tunnel. */
  readonly carried?: (bytes: number) => void;
  readonly clock?: Clock;
}

export interface Reflector {
  /** `http://host:port`, with the domain as the host. */
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /** Which devices are on line. */
  readonly presence: Presence<ConnectedDevice>;
  /** Reads the TLS files anew; what is connected stays. Throws when they cannot be used. */
  reloadTls(): void;
  /** Opens the audit file anew with the next record, after another program has moved it away. */
  reopenAudit(): void;
  /** Stops listening, lets responses under way end, closes tunnels with 1001, then the store. Idempotent. */
  close(): Promise<void>;
}

const goingAway = 1001;

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
  const server = makeServer(options.tls ?? null, limits);
  const { data = ':memory:' } = options;
  const opened: (() => void | Promise<void>)[] = [];
  try {
    if (data !== ':memory:') {
      const lock = DataFileLock.take(data);
      opened.push(() => lock.release());
    }
    // Nothing of the store or the audit file is touched before the port is ours. New connections wait in the backlog
    // until this turn of the event loop is over: SQLite answers within it.
    await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
    opened.push(() => {
      server.close();
    });
    const sink =
      typeof options.audit === 'string'
        ? new AuditFile(options.audit, limits, clock, (options.auditKeep ?? 30) * 86_400_000)
        : null;
    const audit = new Audit(clock, limits, log, sink);
    opened.push(() => audit.close());
    const store = SqliteStore.open(data, { warn: (text) => log.warn(text) });
    opened.push(() => store.close());
    const installation = new Installation(store);
    await store.devices.noteAllOffline();
    const domain = asciiLowerCase(options.domain ?? 'localhost');
    const cookieHost = options.cookieHost ? asciiLowerCase(options.cookieHost) : null;
    await takeCookieHost(store, installation, { domain, cookieHost });
    const auditFile = typeof options.audit === 'string' ? resolve(options.audit) : null;
    await installation.setAuditFile(auditFile, store.realPath);
    await installation.setUrl(urlForAgents(server, domain, options));
    store.watch({
      busyMs: limits.storeBusyMs,
      retryMs: limits.storeRetryMs,
      now: () => clock.now(),
      failed: (kind, error) =>
        log.error({ code: error.code }, `${error.message} (${kind}); it is tried again`),
      recovered: (kind) => log.warn(`the data file can be used again (${kind})`),
    });
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
    const added = options.authenticators?.(store) ?? [];
    const authenticators: readonly Authenticator[] = [
      sessionAuthenticator(sessions),
      tokenAuthenticator(tokens),
      passwordAuthenticator({ users, cache, verifier }),
      ...added.map((one) => contained(one, { clock, log, limits })),
    ];
    const passwords = accepting(authenticators, 'password');
    const logIn = new LogIn({ users, cache, key, passwords, verifier, clock, limits });
    const context: Context = {
      limits,
      clock,
      log,
      audit,
      store,
      cache,
      deferred,
      presence: options.presence?.<ConnectedDevice>() ?? new LocalPresence<ConnectedDevice>(),
      clientAuthorities: new ClientAuthorities(),
      users: new UserAuthentication(authenticators, logIn, clock),
      logIn,
      tokens,
      deviceCodes: new DeviceCodes(clock, limits),
      sessions,
      revocation: new RevocationWatcher<Holder>(
        cache,
        clock,
        limits,
        {
          standingOf: (holder, now) => standingOf({ cache, sessions, store: store }, holder, now),
          isAffected,
        },
        failed,
      ),
      userConcurrency: new ConcurrencyLimit(limits.exchangesPerUser),
      deviceConcurrency: new ConcurrencyLimit(limits.exchangesPerDevice),
      readAhead: new ByteBudget(limits.readAheadTotalBytes),
      proxies,
      unauthenticated: new UnauthenticatedConnections(limits.unauthenticatedPerNetwork, proxies),
      carried: options.carried ?? (() => {}),
      domain,
      cookieHost,
      choices: new Choices(limits),
      tokenByGet: options.tokenByGet ?? false,
      logInAddress,
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
      admission: new DeviceAdmission(limits, clock.now()),
      acceptUnclaimed: options.acceptUnclaimed ?? false,
    });
    return new RunningReflector(context, store, server, authentication, options, () => closeAll(opened));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** What was opened last is closed first. */
async function closeAll(opened: (() => void | Promise<void>)[]): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

/** The backlog is for a fleet that comes back at once: what finds no place in it waits for a second. */
async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Behind a proxy that is trusted, agents find the reflector at its name, over TLS. */
function urlForAgents(server: Server, domain: string, { tls, trustProxy = [] }: ReflectorOptions): string {
  const { port } = server.address() as AddressInfo;
  if (tls) return new URL(`https://${domain}:${port}/`).href;
  return trustProxy.length > 0 ? `https://${domain}/` : new URL(`http://${domain}:${port}/`).href;
}

function readTls({ cert, key, clientCa }: TlsFiles): { cert: Buffer; key: Buffer; ca?: Buffer } {
  return {
    cert: readFileSync(cert),
    key: readFileSync(key),
    ...(clientCa ? { ca: readAuthorities(clientCa) } : {}),
  };
}

/** Without a certificate in it, Node would trust every public authority. */
function readAuthorities(path: string): Buffer {
  const pem = readFileSync(path);
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw Object.assign(new Error(`${path}: holds no certificate in PEM`), { code: 'ERR_CLIENT_CA' });
  }
  return pem;
}

function makeServer(tls: TlsFiles | null, limits: Limits): Server {
  const options: ServerOptions & { readonly handshakeTimeout: number } = {
    insecureHTTPParser: false,
    // Refused in `http/request-rules.ts`, where a load balancer's check needs none.
    requireHostHeader: false,
    maxHeaderSize: limits.headBytes,
    handshakeTimeout: limits.headMs,
    headersTimeout: limits.headMs,
    // A request may be of any size: the time of its head is bounded above, the pace of its body in `http/guard.ts`.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(limits.headMs, 5_000),
    keepAliveTimeout: limits.userIdleMs,
    // Without it, a silent connection whose peer has vanished would stay for ever.
    keepAlive: true,
    keepAliveInitialDelay: limits.userProbeMs,
    highWaterMark: 64 * 1024,
    noDelay: true,
  };
  // A browser, and a device with a password, need no certificate: each request is judged by itself.
  const asks = { requestCert: Boolean(tls?.clientCa), rejectUnauthorized: false };
  // Clients of HTTP/1.0 may say so in the handshake; left to itself, Node refuses them.
  const ALPNProtocols = ['http/1.1', 'http/1.0'];
  const server = tls
    ? createTlsServer({ ...options, ...asks, ...readTls(tls), ALPNProtocols })
    : createServer(options);
  server.maxConnections = limits.connections;
  // Bounded by bytes; `node:http` would drop header lines above a number without saying so.
  server.maxHeadersCount = 0;
  return server;
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
  };

class RunningReflector implements Reflector {
  readonly store: Store;
  readonly presence: Presence<ConnectedDevice>;
  readonly #context: Context;
  readonly #server: Server;
  readonly #tls: TlsFiles | null;
  readonly #router: Router;
  readonly #closeFiles: () => Promise<void>;
  readonly #deviceEndpoint: DeviceEndpoint;
  /** Connections that `node:http` has handed over. */
  readonly #upgraded = new Set<Duplex>();
  readonly #handshakes: HandshakeFailures;
  #statistics: Cancellable | null = null;
  #inspection: Cancellable | null = null;
  #warnedOfUnauthenticated = Number.NEGATIVE_INFINITY;
  #warnedOfDropped = Number.NEGATIVE_INFINITY;
  #closed: Promise<void> | null = null;

  constructor(
    context: Context,
    store: Store,
    server: Server,
    authentication: DeviceAuthentication,
    { tls, host = '127.0.0.1', routes = [] }: ReflectorOptions,
    closeFiles: () => Promise<void>,
  ) {
    this.#closeFiles = closeFiles;
    this.store = store;
    this.presence = context.presence;
    this.#context = context;
    this.#server = server;
    this.#tls = tls ?? null;
    this.#handshakes = new HandshakeFailures(context.clock, context.limits, context.log);
    this.#deviceEndpoint = new DeviceEndpoint({ ...context, authentication });
    const ownRoutes = new OwnRoutes(context, [...ownPages(context), ...routes]);
    this.#router = new Router(context, this.#deviceEndpoint, ownRoutes, new Forwarding(context));
    context.unauthenticated.limit(server, (address) => this.#warnOfUnauthenticated(address));
    server.on('drop', (dropped) => this.#warnOfDropped(dropped?.remoteAddress));
    for (const event of ['upgrade', 'connect'] as const) {
      server.on(event, (_request: IncomingMessage, socket: Duplex) => {
        this.#upgraded.add(socket);
        socket.once('close', () => this.#upgraded.delete(socket));
      });
    }
    const failed = (error: unknown) => context.log.error({ err: error }, 'request failed');
    if (tls) {
      this.#watchAuthorities(tls);
      this.#handshakes.watch(server);
    }
    new HttpGuard(server, this.#router, {
      limits: context.limits,
      clock: context.clock,
      needsHost: (request) => !ownRoutes.answersWithoutHost(request),
      refusalOf: (error) => (error instanceof StoreUnavailable ? refusals.storeUnavailable : null),
      failed,
    });
    containServer(server, failed);
    this.#scheduleStatistics();
    context.log.info({ host, port: this.port, domain: context.domain }, 'listening');
    this.#inspectCertificateDaily();
  }

  /** Says how long the certificate is good, and what it lacks: at the start, each day, and when it was read again. */
  #inspectCertificateDaily(): void {
    if (!this.#tls) return;
    const { clock, limits, log, domain, cookieHost } = this.#context;
    this.#inspection?.cancel();
    this.#inspection = clock.schedule(limits.certificateMs, () => this.#inspectCertificateDaily());
    const { cert } = this.#tls;
    try {
      const findings = inspectCertificate(readFileSync(cert), { domain, cookieHost }, clock.date());
      for (const { level, message } of findings) log[level]({ cert }, message);
    } catch (error) {
      log.error({ cert, err: error }, 'the certificate cannot be read');
    }
  }

  #watchAuthorities(tls: TlsFiles): void {
    const { clientAuthorities } = this.#context;
    clientAuthorities.set(readTls(tls).ca ?? null);
    this.#server.on('secureConnection', (socket: TLSSocket) => clientAuthorities.connected(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  get url(): string {
    return `${this.#tls ? 'https' : 'http'}://${this.#context.domain}:${this.port}`;
  }

  reloadTls(): void {
    if (!this.#tls) return;
    const files = readTls(this.#tls);
    (this.#server as unknown as TlsServer).setSecureContext(files);
    this.#inspectCertificateDaily();
    // A device whose certificate they do not vouch for any more has to come back with another one.
    const { clientAuthorities, revocation, log } = this.#context;
    if (!clientAuthorities.set(files.ca ?? null)) return;
    revocation.reconsider('device').catch((error) => log.error({ err: error }, 'tunnels not reconsidered'));
  }

  reopenAudit(): void {
    this.#context.audit.reopen();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { limits, revocation, log, deferred } = this.#context;
    log.info('stopping');
    this.#statistics?.cancel();
    this.#inspection?.cancel();
    this.#handshakes.stop();
    revocation.stop();
    const responsesEnded = this.#router.stop(goingAway);
    // `close` waits for responses under way; idle connections end at once.
    const drained = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#within(limits.shutdownMs, responsesEnded);
    for (const device of [...this.presence.local.values()])
      device.tunnel.close(goingAway, 'the reflector stops');
    await this.#within(limits.closeMs, this.#upgradesEnded());
    for (const socket of this.#upgraded) socket.destroy();
    this.#server.closeAllConnections();
    await drained;
    if (!(await deferred.flush()))
      log.warn({ writes: deferred.size }, 'data file not up to date: it could not be written');
    deferred.stop();
    await this.#closeFiles();
    log.info('stopped');
  }

  #within(ms: number, done: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#context.clock.schedule(ms, resolve);
      done.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #upgradesEnded(): Promise<void> {
    await Promise.all(
      [...this.#upgraded].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
  }

  /** A flood is one event. */
  #warnOfUnauthenticated(address: string): void {
    const { clock, limits, log } = this.#context;
    if (clock.now() - this.#warnedOfUnauthenticated < limits.arrivalsAskedMs) return;
    this.#warnedOfUnauthenticated = clock.now();
    log.warn(
      { address },
      'too many connections from one network: those on which nobody has logged in are closed',
    );
  }

  /** So is this. */
  #warnOfDropped(address: string | undefined): void {
    const { clock, limits, log } = this.#context;
    if (clock.now() - this.#warnedOfDropped < limits.arrivalsAskedMs) return;
    this.#warnedOfDropped = clock.now();
    log.warn(
      { address, connections: limits.connections },
      'all connections are in use: what comes is closed',
    );
  }

  #scheduleStatistics(): void {
    const { clock, limits } = this.#context;
    this.#statistics = clock.schedule(limits.statisticsMs, () => {
      this.#scheduleStatistics();
      this.#deviceEndpoint.saveTraffic();
    });
  }
}
