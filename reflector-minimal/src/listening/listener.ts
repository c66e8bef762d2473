import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import { containServer } from '../boundary.ts';
import type { ClientAuthorities } from '../devices/client-authorities.ts';
import { HttpGuard } from '../http/guard.ts';
import type { LookOfRequest } from '../http/look.ts';
import type { Limits } from '../limits.ts';
import type { UnauthenticatedConnections } from '../network/unauthenticated-connections.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { HandshakeFailures } from '../tls/handshake-failures.ts';
import { inspectCertificate } from '../tls/own-certificate.ts';
import { Entrance, type Handler } from './entrance.ts';
import { newcomerInTheClear, newcomerOverTls } from './first-bytes.ts';
import { ProxyProtocol } from './proxy-protocol.ts';
import { UsersFirst } from './users-first.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Authorities whose certificates prove devices, see `devices/client-certificate.ts`; none without. */
  readonly clientCa?: string | null;
}

export interface ListenerOptions {
  readonly tls: TlsFiles | null;
  readonly clientAuthorities: ClientAuthorities;
  readonly unauthenticated: UnauthenticatedConnections;
  /** Whose connections begin with a header of the PROXY protocol; `null`: nobody's. */
  readonly headersOf: { has(address: string): boolean } | null;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  /** In lower case, for the names that the certificate must have. */
  readonly domain: string;
  readonly cookieHost: string | null;
  readonly looks: LookOfRequest | null;
}

/** The port of the reflector: connections, TLS, and what guards them. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #entrance: Entrance;
  readonly #handshakes: HandshakeFailures;
  readonly #proxyProtocol: ProxyProtocol | null;
  readonly #usersFirst: UsersFirst;
  /** Connections that `node:http` has handed over. */
  readonly #upgraded = new Set<Duplex>();
  #inspection: Cancellable | null = null;
  #warnedOfUnauthenticated = Number.NEGATIVE_INFINITY;
  #warnedOfDropped = Number.NEGATIVE_INFINITY;
  #warnedOfProxy = Number.NEGATIVE_INFINITY;

  /** Throws the error of an unreadable TLS file. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    const { tls, limits, clock, log, unauthenticated, clientAuthorities, looks } = options;
    const files = tls && readTls(tls);
    this.#server = makeServer(files, limits);
    this.#entrance = new Entrance(options);
    this.#handshakes = new HandshakeFailures(clock, limits, log);
    const refused = (address: string, reason: string) => this.#warnOfProxy(address, reason);
    const { headersOf } = options;
    this.#proxyProtocol = headersOf && new ProxyProtocol({ proxies: headersOf, limits, clock, refused });
    this.#usersFirst = new UsersFirst({
      newcomer: files ? newcomerOverTls : newcomerInTheClear,
      admits: (socket) => {
        if (unauthenticated.admits(socket)) return true;
        this.#warnOfUnauthenticated(socket.remoteAddress ?? '');
        socket.destroy();
        return false;
      },
      mayWait: (socket) => {
        if (!unauthenticated.isHalfFull(socket)) return true;
        this.#warnOfUnauthenticated(socket.remoteAddress ?? '');
        return false;
      },
      limits,
      clock,
    });
    this.#usersFirst.guard(this.#server);
    // It stands before: it knows who has connected.
    this.#proxyProtocol?.guard(this.#server);
    this.#server.on('drop', (dropped) => this.#warnOfDropped(dropped?.remoteAddress));
    for (const event of ['upgrade', 'connect'] as const) {
      this.#server.on(event, (_request: IncomingMessage, socket: Duplex) => {
        this.#upgraded.add(socket);
        socket.once('close', () => this.#upgraded.delete(socket));
      });
    }
    if (files) {
      clientAuthorities.set(files.ca ?? null);
      this.#server.on('secureConnection', (socket: TLSSocket) => clientAuthorities.connected(socket));
      this.#handshakes.watch(this.#server);
    }
    const failed = (error: unknown) => log.error({ err: error }, 'request failed');
    new HttpGuard(this.#server, this.#entrance, {
      limits,
      clock,
      looks,
      needsHost: (request) => !this.#entrance.answersWithoutHost(request),
      refusalOf: (error) => (error instanceof StoreUnavailable ? refusals.storeUnavailable : null),
      failed,
    });
    containServer(this.#server, failed);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /**
   * Rejects with the error of `listen`. Until {@link serve} is called, everything is answered with 503. The backlog is for a
   * fleet that comes back at once: what finds no place in it waits for a second.
   */
  async listen(host: string, port: number): Promise<void> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, backlog: 4096 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  serve(handler: Handler): void {
    this.#entrance.open(handler);
    this.#inspectCertificateDaily();
  }

  /** Reads the TLS files anew; returns whether other authorities prove devices now. Throws when they cannot be used. */
  reloadTls(): boolean {
    const { tls, clientAuthorities } = this.#options;
    if (!tls) return false;
    const files = readTls(tls);
    (this.#server as unknown as TlsServer).setSecureContext(files);
    this.#inspectCertificateDaily();
    return clientAuthorities.set(files.ca ?? null);
  }

  /** Accepts nothing new. Resolves when no connection is left; idle ones end at once. */
  stop(): Promise<void> {
    this.#inspection?.cancel();
    this.#handshakes.stop();
    this.#proxyProtocol?.stop();
    this.#usersFirst.stop();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Resolves when all connections have ended that `node:http` has handed over. */
  async upgradesEnded(): Promise<void> {
    await Promise.all(
      [...this.#upgraded].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
  }

  closeAll(): void {
    for (const socket of this.#upgraded) socket.destroy();
    this.#server.closeAllConnections();
  }

  /** Says how long the certificate is good, and what it lacks: at the start, each day, and when it was read again. */
  #inspectCertificateDaily(): void {
    const { tls, clock, limits, log, domain, cookieHost } = this.#options;
    if (!tls) return;
    this.#inspection?.cancel();
    this.#inspection = clock.schedule(limits.certificateMs, () => this.#inspectCertificateDaily());
    const { cert } = tls;
    try {
      const findings = inspectCertificate(readFileSync(cert), { domain, cookieHost }, clock.date());
      for (const { level, message } of findings) log[level]({ cert }, message);
    } catch (error) {
      log.error({ cert, err: error }, 'the certificate cannot be read');
    }
  }

  /** A flood is one event. */
  #warnOfUnauthenticated(address: string): void {
    const { clock, limits, log } = this.#options;
    if (clock.now() - this.#warnedOfUnauthenticated < limits.arrivalsAskedMs) return;
    this.#warnedOfUnauthenticated = clock.now();
    log.warn(
      { address },
      'too many connections from one network: those on which nobody has logged in are closed',
    );
  }

  /** So is a proxy that is set up in another way. */
  #warnOfProxy(address: string, reason: string): void {
    const { clock, limits, log } = this.#options;
    if (clock.now() - this.#warnedOfProxy < limits.arrivalsAskedMs) return;
    this.#warnedOfProxy = clock.now();
    log.warn(
      { address, reason },
      'a trusted proxy does not speak the PROXY protocol: its connections are closed',
    );
  }

  /** So is this. */
  #warnOfDropped(address: string | undefined): void {
    const { clock, limits, log } = this.#options;
    if (clock.now() - this.#warnedOfDropped < limits.arrivalsAskedMs) return;
    this.#warnedOfDropped = clock.now();
    log.warn(
      { address, connections: limits.connections },
      'all connections are in use: what comes is closed',
    );
  }
}

interface TlsContents {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

function readTls({ cert, key, clientCa }: TlsFiles): TlsContents {
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

function makeServer(tls: TlsContents | null, limits: Limits): Server {
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
  const asks = { requestCert: Boolean(tls?.ca), rejectUnauthorized: false };
  // Clients of HTTP/1.0 may say so in the handshake; left to itself, Node refuses them. A list in place of the function would be
  // copied for each connection, into a block of 8 KiB (`Buffer.poolSize`) that lasts as long as the connection.
  const ALPNCallback = ({ protocols }: { readonly protocols: readonly string[] }) =>
    ['http/1.1', 'http/1.0'].find((protocol) => protocols.includes(protocol));
  const server = tls ? createTlsServer({ ...options, ...asks, ...tls, ALPNCallback }) : createServer(options);
  server.maxConnections = limits.connections;
  // Bounded by bytes; `node:http` would drop header lines above a number without saying so.
  server.maxHeadersCount = 0;
  return server;
}
