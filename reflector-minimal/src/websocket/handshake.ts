import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { acceptForKey } from 'rm-protocol';
import { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import { systemClock } from '../system-clock.ts';
import { ServerWebSocket } from './server-web-socket.ts';

export interface HandshakeOptions {
  readonly limits: Limits;
  /** The largest message that a peer may send, in bytes. */
  readonly messageBytes: number;
  /** As `FrameReaderOptions.pieces`. */
  readonly pieces?: boolean;
  /** Told of faults of ours. */
  readonly failed: (error: unknown) => void;
}

/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Completes upgrades to WebSocket (RFC 6455 section 4.2), also those of the original, which sends POST. */
export class Handshake {
  readonly #options: HandshakeOptions;

  constructor(options: HandshakeOptions) {
    this.#options = options;
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
    done: (webSocket: ServerWebSocket, boundary: Boundary) => void,
  ): void {
    const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = request.headers;
    const isKnown = version === '13' || version === '8';
    if (upgrade?.toLowerCase() !== 'websocket' || !isKnown || !key || !keyPattern.test(key)) {
      socket.on('error', () => socket.destroy());
      // Nobody reads it any more, so it would not be noticed when the peer closes it.
      socket.once('finish', () => socket.destroy());
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    // The peer has ended its side already.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const accept = acceptForKey(key, (data) => createHash('sha1').update(data).digest());
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${accept}`,
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    const { limits, messageBytes, pieces = false, failed } = this.#options;
    const connection = socket as Partial<Socket> & Duplex;
    connection.setTimeout?.(0);
    connection.setNoDelay?.();
    if (head.length > 0) socket.unshift(head);
    const webSocket = new ServerWebSocket({
      socket,
      messageBytes,
      pieces,
      limits,
      // For the close frame of the peer, whose way over the network no simulated clock knows.
      clock: systemClock,
    });
    const boundary = contained(webSocket, failed);
    boundary.run(() => done(webSocket, boundary));
  }
}

/** Apart from the handshake: what its function closes over would last as long as the WebSocket, the request among it. */
function contained(webSocket: ServerWebSocket, failed: (error: unknown) => void): Boundary {
  const boundary = new Boundary(() => webSocket.terminate(), failed);
  boundary.contain(webSocket);
  return boundary;
}
