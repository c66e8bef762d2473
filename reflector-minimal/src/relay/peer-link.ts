import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import type { Channel } from '../tunnels/channel.ts';
import { parsePeerAddress } from './address.ts';
import type { Hello, NodeLife } from './hello.ts';
import { PeerConnection } from './peer-connection.ts';
import { PeerViolation } from './peer-violation.ts';
import { certificateFault, namesNode, type RelayTlsFiles } from './tls.ts';

/** Where another node listens for its peers. */
export interface Peer extends NodeLife {
  /** `host:port`, or `unix:PATH`. */
  readonly address: string;
}

/** A connection that is being made: it emits `connect`, or `error` and `close`. */
export type ConnectPeer = (peer: Peer) => Duplex;

/** What takes the way to another node. */
export interface LinkedChannel {
  readonly channel: Channel;
  /** The other node can be asked now. */
  linked(): void;
  onConfirm(): void;
  onRefused(error: number): void;
  onUnavailable(why: number, reason: string): void;
  /** The link carries it no more, or never did. */
  onLinkLost(reason: string): void;
}

export interface PeerLinkOptions {
  readonly peer: Peer;
  readonly node: NodeLife;
  /** `null`: Unix sockets only. */
  readonly tls: RelayTlsFiles | null;
  /** In the place of TLS and Unix sockets. */
  readonly connect?: ConnectPeer | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  carried(bytes: number): void;
  /** It carries nothing any more; called once. */
  lost(link: PeerLink, reason: string): void;
  faulty(error: unknown): void;
}

/** The way to another node, from the attempt to connect to the end of the connection, and the channels that take it. */
export class PeerLink {
  readonly peer: Peer;
  readonly #options: PeerLinkOptions;
  readonly #channels = new Map<number, LinkedChannel>();
  readonly #boundary: Boundary;
  #socket: Duplex | null = null;
  #connection: PeerConnection | null = null;
  #timer: Cancellable | null = null;
  #greeted = false;
  /** The other node has accepted this one. */
  #accepted = false;
  #lost = false;

  constructor(options: PeerLinkOptions) {
    this.peer = options.peer;
    this.#options = options;
    const { clock, limits, faulty } = options;
    this.#boundary = new Boundary(() => this.#end('a fault of this node'), faulty);
    this.#timer = clock.schedule(limits.relayHelloMs, () => this.#end('no connection in time'));
    try {
      this.#dial();
    } catch (error) {
      // Not before the caller knows of this link.
      queueMicrotask(() => this.#boundary.run(() => this.#end((error as Error).message)));
    }
  }

  /** Asks the other node for a channel once it can be asked. */
  add(dialed: LinkedChannel): void {
    this.#channels.set(dialed.channel.number, dialed);
    if (this.#connection?.live && this.#greeted) dialed.linked();
  }

  remove({ channel }: LinkedChannel): void {
    this.#channels.delete(channel.number);
  }

  control(frame: Uint8Array): void {
    this.#connection?.control(frame);
  }

  ready(channel: Channel): void {
    this.#connection?.ready(channel);
  }

  unready(channel: Channel): void {
    this.#connection?.unready(channel);
  }

  /** Ends it; its channels fail. Idempotent. */
  end(reason: string): void {
    if (this.#connection) this.#connection.end(reason);
    else this.#end(reason);
  }

  #dial(): void {
    const { connect: connectPeer, peer } = this.#options;
    const { socket, connected } = connectPeer
      ? { socket: connectPeer(peer), connected: 'connect' }
      : this.#dialAddress(peer.address);
    this.#socket = socket;
    this.#boundary.contain(socket);
    socket.once(connected, () => this.#connected(socket));
    // Once it is connected, the connection itself says why it has ended.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.#connection) this.#end(connectFault(error));
    });
    socket.once('close', () => {
      if (!this.#connection) this.#end('connection closed before the hello');
    });
  }

  /** The connection, and which of its events says that it is there. */
  #dialAddress(address: string): { readonly socket: Duplex; readonly connected: string } {
    const { tls } = this.#options;
    const where = parsePeerAddress(address);
    if (!where) throw new Error(`not an address: ${JSON.stringify(address)}`);
    const local = 'path' in where;
    if (!local && !tls) throw new Error('TLS is needed beyond this host');
    if (!tls || local) {
      const socket = connect(where);
      socket.setNoDelay(true);
      return { socket, connected: 'connect' };
    }
    const verified = { minVersion: 'TLSv1.3', checkServerIdentity: () => undefined } as const;
    const socket = connectTls({ ...where, ...tls.read(), ...verified });
    socket.setNoDelay(true);
    return { socket, connected: 'secureConnect' };
  }

  #connected(socket: Duplex): void {
    const { peer, node, limits, clock, faulty } = this.#options;
    if (this.#lost) return;
    if (socket instanceof TLSSocket) {
      const certificate = socket.getPeerX509Certificate();
      if (!certificate || !namesNode(certificate, peer.name)) {
        this.#end(`its certificate does not name ${JSON.stringify(peer.name)}`);
        return;
      }
    }
    this.#timer?.cancel();
    const dialed = (number: number) => {
      this.#accept();
      return this.#channels.get(number);
    };
    this.#connection = new PeerConnection({
      socket,
      node,
      limits,
      clock,
      carried: (bytes) => this.#options.carried(bytes),
      events: {
        greeted: (hello) => this.#greet(hello),
        lives: () => this.#accept(),
        open: () => {
          throw new PeerViolation('open request of a node that was dialled');
        },
        // A frame for a number without a channel was on its way when the channel ended.
        confirmed: (number) => dialed(number)?.onConfirm(),
        refused: (number, error) => dialed(number)?.onRefused(error),
        unavailable: (number, why, reason) => dialed(number)?.onUnavailable(why, reason),
        data: (number, piece) => dialed(number)?.channel.onData(piece),
        credit: (number, bytes) => dialed(number)?.channel.onCredit(bytes),
        closed: (number) => dialed(number)?.channel.onClose(),
        failed: (number, error) => dialed(number)?.channel.onError(error),
        lost: (reason) => this.#end(reason),
        faulty,
      },
    });
  }

  #greet({ name, epoch }: Hello): string | null {
    const { peer } = this.#options;
    if (name !== peer.name) return `${JSON.stringify(name)} answers in place of ${JSON.stringify(peer.name)}`;
    if (epoch !== peer.epoch) return `it is in epoch ${epoch}, not in ${peer.epoch}`;
    this.#greeted = true;
    for (const dialed of [...this.#channels.values()]) dialed.linked();
    return null;
  }

  /**
   * The other node has said something after its hello. Before that it may refuse us: with TLS 1.3, the handshake ends here before it
   * has looked at our certificate, and its hello comes before it has read ours.
   */
  #accept(): void {
    if (this.#accepted) return;
    this.#accepted = true;
    const { peer, log } = this.#options;
    log.info(
      { peer: peer.name, epoch: peer.epoch, address: peer.address },
      'connected to the relay of a node',
    );
  }

  #end(reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#timer?.cancel();
    // A connection closes its socket by itself.
    if (!this.#connection) this.#socket?.destroy();
    this.#options.lost(this, reason);
    for (const dialed of [...this.#channels.values()]) dialed.onLinkLost(reason);
    this.#channels.clear();
  }
}

/** In words, why a connection could not be made. */
function connectFault({ code = '', message }: NodeJS.ErrnoException): string {
  const verification = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_)/.test(code);
  return verification ? certificateFault(code) : message;
}
