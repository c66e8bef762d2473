import type { Clock } from 'rm-protocol';
import type { WebSocket } from 'ws';
import type { Limits } from '../limits.ts';
import type { RouteSocket } from '../ports/routes.ts';
import { Liveness } from '../websocket/liveness.ts';

type SocketLimits = Pick<Limits, 'userQueueBytes' | 'pongMs'>;

/** A WebSocket, as a route sees it. */
export class RouteWebSocket implements RouteSocket {
  readonly #webSocket: WebSocket;
  readonly #clock: Clock;
  readonly #limits: SocketLimits;
  /** Received, and not asked for yet. */
  readonly #unread: (string | Buffer)[] = [];
  #liveness: Liveness;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(webSocket: WebSocket, clock: Clock, limits: SocketLimits) {
    this.#webSocket = webSocket;
    this.#clock = clock;
    this.#limits = limits;
    this.#liveness = this.#watch();
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#liveness.seen();
      if (this.#ended) return;
      this.#unread.push(isBinary ? data : data.toString('utf8'));
      webSocket.pause();
      this.#wake?.();
    });
    webSocket.on('pong', () => this.#liveness.seen());
    webSocket.on('ping', () => this.#liveness.seen());
    webSocket.on('error', () => {});
    webSocket.on('close', () => {
      this.#ended = true;
      this.#liveness.stop();
      this.#wake?.();
    });
  }

  get messages(): AsyncIterable<string | Buffer> {
    return this.#receive();
  }

  async send(message: string | Uint8Array): Promise<boolean> {
    const webSocket = this.#webSocket;
    if (webSocket.readyState !== webSocket.OPEN) return false;
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
