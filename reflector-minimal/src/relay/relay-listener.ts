import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import { containServer, containTimers } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import type { LocalTunnel } from '../ports/presence.ts';
import { HandshakeFailures, reasonOf } from '../tls/handshake-failures.ts';
import { certificateLifetime } from '../tls/own-certificate.ts';
import type { Hello, NodeLife } from './hello.ts';
import { ServedPeers } from './served-peers.ts';
import { certificateFault, namesNode, type RelayTls, type RelayTlsContents, RelayTlsFiles } from './tls.ts';

export interface RelayListenerOptions {
  /** `path`: a Unix socket, of mode 0600. Its folder must be private. */
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
  /** `null` is for a Unix socket only: whoever may open the file is believed. */
  readonly tls: RelayTls | null;
  /** This node. */
  readonly node: NodeLife;
  /** Tunnels of this process: `Presence.local`. */
  readonly tunnels: ReadonlyMap<string, LocalTunnel>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Belongs to each context: one that is set anew has the versions of Node otherwise. */
const versions = { minVersion: 'TLSv1.3' } as const;

/** The owner's side of the relay: lets other nodes open channels to devices whose tunnels end in this process. */
export class RelayListener {
  readonly #options: RelayListenerOptions;
  readonly #files: RelayTlsFiles | null;
  readonly #server: Server;
  readonly #peers: ServedPeers;
  readonly #refused: HandshakeFailures;
  /** Of TCP or of the Unix socket. */
  readonly #sockets = new Set<Socket>();
  /** Those on which nobody has said who it is, the oldest first. */
  readonly #strangers = new Set<Socket>();
  /** Whose end is told already. */
  readonly #tooMuch = new WeakSet<Socket>();
  #look: Cancellable | null = null;
  #inspection: Cancellable | null = null;
  /** Whose lifetime was told last. */
  #inspected: RelayTlsContents | null = null;
  #closed: Promise<void> | null = null;

  private constructor(options: RelayListenerOptions) {
    const { tls, address, limits, clock, log } = options;
    if (!tls && !('path' in address)) throw new TypeError('a relay without TLS needs a Unix socket');
    this.#options = { ...options, clock: containTimers(clock, (error) => this.#failed(error)) };
    this.#files = tls && new RelayTlsFiles(tls);
    this.#peers = new ServedPeers({ ...this.#options, faulty: (error) => this.#failed(error) });
    this.#refused = new HandshakeFailures(clock, limits, log, {
      first: 'a connection to the relay was refused',
      further: 'further connections to the relay were refused in this network',
    });
    this.#server = this.#files ? this.#tlsServer(this.#files) : createServer({ noDelay: true });
    containServer(this.#server, (error) => this.#failed(error));
    this.#server.on('connection', (socket: Socket) => this.#came(socket));
    if (!this.#files) this.#server.on('connection', (socket: Socket) => this.#serve(socket, () => null));
  }

  /** Rejects with the error of `listen`, or with that of an unreadable TLS file. */
  static async listen(options: RelayListenerOptions): Promise<RelayListener> {
    const listener = new RelayListener(options);
    const { address } = options;
    if ('path' in address) {
      await removeLeftOver(address.path);
      await listener.#listen(address);
      chmodSync(address.path, 0o600);
    } else await listener.#listen(address);
    listener.#lookForChanges();
    listener.#inspectCertificateDaily();
    return listener;
  }

  /** `null`: it listens on a Unix socket. */
  get port(): number | null {
    const address = this.#server.address() as AddressInfo | string | null;
    return typeof address === 'object' ? (address?.port ?? null) : null;
  }

  /**
   * Reads the TLS files anew, for connections that come from now on; it also happens by itself within `limits.relayTlsMs` of a
   * change. Throws when they cannot be used: then those of before remain.
   */
  reloadTls(): void {
    if (!this.#files) return;
    const contents = this.#files.read();
    (this.#server as TlsServer).setSecureContext({ ...contents, ...versions });
    if (contents !== this.#inspected) this.#inspectCertificateDaily();
  }

  /** Ends all connections and their channels. Resolves when none is left. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const { clock, limits } = this.#options;
      this.#look?.cancel();
      this.#inspection?.cancel();
      this.#peers.end('this node stops');
      const timer = clock.schedule(limits.closeMs, () => {
        for (const socket of this.#sockets) socket.destroy();
      });
      this.#server.close(() => {
        timer.cancel();
        this.#refused.stop();
        resolve();
      });
    });
    return this.#closed;
  }

  #listen(address: RelayListenerOptions['address']): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      // Of this process alone, also where several share the port for users.
      server.listen({ ...address, exclusive: true }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#failed(error));
        resolve();
      });
    });
  }

  #tlsServer(files: RelayTlsFiles): TlsServer {
    const server = createTlsServer({
      ...files.read(),
      ...versions,
      requestCert: true,
      // We look at it ourselves, so that the log can say what is wrong.
      rejectUnauthorized: false,
      handshakeTimeout: this.#options.limits.relayHelloMs,
      noDelay: true,
    });
    this.#refusedHandshakes(server);
    server.on('secureConnection', (socket: TLSSocket) => this.#authenticate(socket));
    return server;
  }

  #refusedHandshakes(server: TlsServer): void {
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      this.#refused.add(addressOf(socket), reasonOf(error));
    });
  }

  /** Before anything is read of it. */
  #came(socket: Socket): void {
    this.#sockets.add(socket);
    this.#strangers.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#strangers.delete(socket);
    });
    const { relayStrangers, relayConnections } = this.#options.limits;
    if (this.#sockets.size > relayConnections) this.#tooMany(socket);
    // The oldest one goes: a node says who it is at once, and whoever only holds connections keeps no node out.
    const [oldest] = this.#strangers;
    if (oldest && this.#strangers.size > relayStrangers) this.#tooMany(oldest);
  }

  #tooMany(socket: Socket): void {
    this.#refused.add(addressOf(socket), 'too many connections');
    this.#strangers.delete(socket);
    this.#tooMuch.add(socket);
    socket.destroy();
  }

  #authenticate(socket: TLSSocket): void {
    const certificate = socket.getPeerX509Certificate();
    const fault = !certificate
      ? 'it has no certificate'
      : socket.authorized
        ? null
        : certificateFault(String(socket.authorizationError));
    if (!certificate || fault !== null) {
      // Whoever has none is no node that could be told why.
      if (certificate) this.#serve(socket, () => fault);
      else {
        this.#refused.add(addressOf(socket), fault ?? '');
        socket.destroy();
      }
      return;
    }
    this.#serve(socket, ({ name }) =>
      namesNode(certificate, name) ? null : `its certificate does not name ${JSON.stringify(name)}`,
    );
  }

  #serve(socket: Duplex, objection: (hello: Hello) => string | null): void {
    if (socket.destroyed) return;
    const address = addressOf(socket as Socket);
    this.#peers.serve(socket, {
      address,
      objection,
      greeted: () => this.#strangers.delete(underTls(socket as Socket)),
      refused: (reason) => {
        if (!this.#tooMuch.has(underTls(socket as Socket))) this.#refused.add(address, reason);
      },
    });
  }

  /** Says how long the certificate is good: at the start, each day, and when it was read again. */
  #inspectCertificateDaily(): void {
    const { tls, clock, limits, log } = this.#options;
    if (!tls || !this.#files) return;
    this.#inspection?.cancel();
    this.#inspection = clock.schedule(limits.certificateMs, () => this.#inspectCertificateDaily());
    try {
      this.#inspected = this.#files.read();
      const { level, message } = certificateLifetime(this.#inspected.cert, clock.date(), ' of this node');
      log[level]({ cert: tls.cert }, message);
    } catch (error) {
      log.error({ cert: tls.cert, err: error }, 'the certificate of this node cannot be read');
    }
  }

  #lookForChanges(): void {
    if (!this.#files) return;
    const { clock, limits, log } = this.#options;
    this.#look = clock.schedule(limits.relayTlsMs, () => {
      this.#lookForChanges();
      try {
        this.reloadTls();
      } catch (error) {
        log.error({ err: error }, 'the TLS files of the relay cannot be used: those of before remain');
      }
    });
  }

  #failed(error: unknown): void {
    this.#options.log.error({ err: error }, 'the relay failed');
  }
}

/** A socket of TLS that has been closed does not know its peer any more; the one under it does. */
function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? underTls(socket).remoteAddress ?? '';
}

function underTls(socket: Socket): Socket {
  return (socket as { readonly _parent?: Socket })._parent ?? socket;
}

/** A process that was killed leaves the file of its socket. Rejects nothing: `listen` tells what is wrong. */
function removeLeftOver(path: string): Promise<void> {
  return new Promise((resolve) => {
    const attempt = connect(path);
    attempt.once('connect', () => {
      attempt.destroy();
      resolve();
    });
    attempt.once('error', ({ code }: NodeJS.ErrnoException) => {
      try {
        if (code === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path);
      } catch {
        // Somebody else was faster.
      }
      resolve();
    });
  });
}
