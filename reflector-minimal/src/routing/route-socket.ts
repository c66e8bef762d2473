import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { RouteSocket } from '../ports/routes.ts';
import { Liveness } from '../websocket/liveness.ts';
import type { ServerWebSocket } from '../websocket/server-web-socket.ts';

type SocketLimits = Pick<Limits, 'userQueueBytes' | 'pongMs'>;

/** A WebSocket, as a route sees it. */
export class RouteWebSocket implements RouteSocket {
  readonly #webSocket: ServerWebSocket;
  /** Under it. */
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #limits: SocketLimits;
  /** Received, and not asked for yet. */
  readonly #unread: (string | Buffer)[] = [];
  #liveness: Liveness;
  #ended = false;
  /** Nobody has shown yet that they may send anything. */
  #stranger = false;
  #wake: (() => void) | null = null;
  readonly #listeners = {
    message: (data: Buffer, isBinary: boolean) => this.#received(data, isBinary),
    pong: () => this.#liveness.seen(),
    ping: () => this.#liveness.seen(),
    error: () => {},
    close: () => this.#closed(),
  } as const;

  constructor(webSocket: ServerWebSocket, socket: Duplex, clock: Clock, limits: SocketLimits) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#clock = clock;
    this.#limits = limits;
    this.#liveness = this.#watch();
    const emitter = webSocket as EventEmitter;
    for (const [event, listener] of Object.entries(this.#listeners)) emitter.on(event, listener);
  }

  /** Closes the WebSocket if more bytes come before its first message is there; to be called before any can come. */
  boundFirst(most: number): void {
    this.#stranger = true;
    let left = most;
    const count = (piece: Buffer) => {
      left -= piece.length;
      if (left < 0) this.close(1009);
    };
    // The WebSocket reads first, so a message that came with more behind it is there by then.
    this.#webSocket.once('message', () => {
      left = Number.POSITIVE_INFINITY;
      this.#socket.off('data', count);
    });
    this.#socket.on('data', count);
  }

  /** The connection under the WebSocket. */
  get connection(): Duplex {
    return this.#socket;
  }

  get messages(): AsyncIterable<string | Buffer> {
    return this.#receive();
  }

  async send(message: string | Uint8Array): Promise<boolean> {
    const webSocket = this.#webSocket;
    if (!webSocket.isOpen) return false;
    if (webSocket.bufferedAmount > this.#limits.userQueueBytes) {
      webSocket.terminate();
      return false;
    }
    return new Promise((resolve) => webSocket.send(message, (error) => resolve(!error)));
  }

  close(code = 1000, reason = ''): void {
    // Nothing counts any more: it may be closed because the caller has lost access.
    this.#ended = true;
    this.#unread.length = 0;
    this.#wake?.();
    // The close frame of the caller has to be read.
    this.#webSocket.resume();
    this.#webSocket.close(code, reason);
    if (!this.#stranger) return;
    // The WebSocket would collect a message until the close frame: what a stranger sends from now on is dropped.
    this.#socket.removeAllListeners('data').resume();
    this.#socket.end();
  }

  /**
   * Gives the WebSocket away, with what was received and not asked for yet: nothing of it comes here any more, and it is
   * paused. `null`: it has ended.
   */
  detach(): {
    readonly webSocket: ServerWebSocket;
    readonly socket: Duplex;
    readonly unread: readonly (string | Buffer)[];
  } | null {
    if (this.#ended) return null;
    const [webSocket, unread] = [this.#webSocket, this.#unread.splice(0)];
    webSocket.pause();
    this.#ended = true;
    this.#liveness.stop();
    const emitter = webSocket as EventEmitter;
    for (const [event, listener] of Object.entries(this.#listeners)) emitter.off(event, listener);
    return { webSocket, socket: this.#socket, unread };
  }

  #received(data: Buffer, isBinary: boolean): void {
    this.#liveness.seen();
    if (this.#ended) return;
    this.#unread.push(isBinary ? data : data.toString('utf8'));
    this.#webSocket.pause();
    this.#wake?.();
  }

  #closed(): void {
    this.#ended = true;
    this.#liveness.stop();
    this.#wake?.();
  }

  async *#receive(): AsyncGenerator<string | Buffer> {
    for (;;) {
      const message = this.#unread.shift();
      if (message !== undefined) {
        yield message;
        continue;
      }
      if (this.#ended) return;
      this.#webSocket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  /** Also keeps proxies in between from taking the connection for idle. */
  #watch(): Liveness {
    const { pongMs } = this.#limits;
    const ping = () => this.#webSocket.ping();
    return new Liveness(this.#clock, pongMs, { ping, pongMs }, () => {
      // While the route takes nothing, no answer is read either.
      if (this.#unread.length > 0) this.#liveness = this.#watch();
      else this.#webSocket.terminate();
    });
  }
}
