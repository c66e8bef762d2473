import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';

/** Response headers that a handshake under way adds. */
const additions = new WeakMap<IncomingMessage, readonly string[]>();

/** Completes WebTunnel upgrades with the library `ws`, which on its own refuses the original's requests. */
export class Handshake {
  readonly #server: WebSocketServer;
  readonly #failed: (error: unknown) => void;

  /** `maxMessage`: the largest message that a peer may send, in bytes. `failed` is told of faults of ours. */
  constructor(limits: Limits, maxMessage: number, failed: (error: unknown) => void) {
    this.#failed = failed;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxMessage,
      maxFragments: limits.messageFragments,
      maxBufferedChunks: limits.messageReads,
      maxPendingAutoPongs: limits.pendingPongs,
      closeTimeout: limits.closeMs,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
    this.#server.on('headers', (headers, request) => headers.push(...(additions.get(request) ?? [])));
    // Nothing but a broken head gets here; ws would otherwise answer it with a page of its own.
    this.#server.on('wsClientError', (_error, socket) => {
      // Nobody reads it any more, so it would not be noticed when the peer closes it.
      socket.once('finish', () => socket.destroy());
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
  }

  /**
   * Sends the 101 response with `headers` in it and calls `done` at once, or refuses a broken head with 400. What a
   * listener of the WebSocket throws crosses `boundary`, which ends the WebSocket.
   */
  complete(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    headers: readonly (readonly [name: string, value: string])[],
    done: (webSocket: WebSocket, boundary: Boundary) => void,
  ): void {
    // The original upgrades with POST, and its subprotocol names have a `/`, which is no token character: `ws` would
    // answer 405 and 400 (webtunnel.md section 1).
    request.method = 'GET';
    delete request.headers['sec-websocket-protocol'];
    additions.set(
      request,
      headers.map(([name, value]) => `${name}: ${value}`),
    );
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const boundary = contained(webSocket, this.#failed);
      boundary.run(() => done(webSocket, boundary));
    });
  }
}

/** Apart from the handshake: what its function closes over would last as long as the WebSocket, the request among it. */
function contained(webSocket: WebSocket, failed: (error: unknown) => void): Boundary {
  const boundary = new Boundary(() => webSocket.terminate(), failed);
  boundary.contain(webSocket);
  return boundary;
}
