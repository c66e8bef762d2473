import { acceptForKey, encodeResponseHead, HeadReader, type RequestHead, SERVER_PROTOCOL } from 'rm-protocol';
import { ascii, concat } from '../../protocol/src/testing/bytes.ts';
import { crypto } from '../node/crypto.ts';
import type { SocketHandler } from '../src/host.ts';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedSocket, TlsAnswer } from './socket.ts';
import { TunnelPeer } from './tunnel-peer.ts';

/** One connection to a reflector (or to a proxy before one): request heads, and from the upgrade on a tunnel. */
export class ReflectorConnection implements SocketHandler {
  readonly socket: SimulatedSocket;
  readonly requests: RequestHead[] = [];
  peer: TunnelPeer | null = null;
  hasEnded = false;
  isClosed = false;
  #head = new HeadReader(65_536);
  readonly #reflector: SimulatedReflector;

  constructor(socket: SimulatedSocket, reflector: SimulatedReflector) {
    this.socket = socket;
    this.#reflector = reflector;
  }

  connected(): void {}

  data(bytes: Uint8Array, start: number, end: number): void {
    if (this.peer) {
      this.peer.frames.push(bytes, start, end);
      return;
    }
    const rest = this.#head.push(bytes, start, end);
    if (rest < 0) return;
    const request = this.#head.request();
    this.#head = new HeadReader(65_536);
    this.requests.push(request);
    const answer = this.#reflector.answer(request, this);
    if (answer === 'accept') this.accept(request);
    else if (answer !== 'silent') this.socket.write(typeof answer === 'string' ? ascii(answer) : answer);
    if (rest < end) this.data(bytes, rest, end);
  }

  taken(): void {}

  ended(): void {
    this.hasEnded = true;
    this.socket.end();
  }

  closed(): void {
    this.isClosed = true;
  }

  /** Answers 101; `early` comes in the same packet. */
  accept(request: RequestHead, early: Uint8Array = new Uint8Array()): void {
    this.peer = new TunnelPeer(this.socket);
    const key = request.headers.get('sec-websocket-key') ?? '';
    const head = encodeResponseHead(101, 'Switching Protocols', [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Accept', acceptForKey(key, (data) => crypto.digest('sha-1', data))],
      ['Sec-WebSocket-Protocol', SERVER_PROTOCOL],
      ...this.#reflector.fields,
    ]);
    this.socket.write(concat(head, early));
  }
}

/** What a reflector answers: a response head as text or bytes, 101, or nothing. */
export type Answer = 'accept' | 'silent' | (string & {}) | Uint8Array;

/** A reflector that answers as the test says. */
export class SimulatedReflector {
  readonly connections: ReflectorConnection[] = [];
  /** Further fields of its 101. */
  fields: readonly (readonly [string, string])[] = [];
  answer: (request: RequestHead, connection: ReflectorConnection) => Answer = () => 'accept';

  constructor(network: SimulatedNetwork, address: string, port: number, tls?: TlsAnswer) {
    network.listen(address, port, (socket) => this.take(socket), tls);
  }

  take(socket: SimulatedSocket): ReflectorConnection {
    const connection = new ReflectorConnection(socket, this);
    this.connections.push(connection);
    return connection;
  }

  get last(): ReflectorConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody has connected');
    return connection;
  }

  get peer(): TunnelPeer {
    const { peer } = this.last;
    if (!peer) throw new Error('not upgraded');
    return peer;
  }
}
