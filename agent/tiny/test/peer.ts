import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

/** A server on the loopback interface, which a guest connects to; it goes with the test. */
export class Peer<S extends Socket = Socket> {
  readonly server: Server;
  readonly #sockets: S[] = [];
  readonly #waiting: ((socket: S) => void)[] = [];

  private constructor(server: Server) {
    this.server = server;
  }

  static async tcp(): Promise<Peer> {
    const peer: Peer = new Peer(
      createServer({ allowHalfOpen: true, noDelay: true }, (socket) => peer.#came(socket)),
    );
    return peer.#listen();
  }

  static async tls(options: TlsOptions): Promise<Peer<TLSSocket>> {
    const server = createTlsServer({ allowHalfOpen: true, ...options } as TlsOptions, (socket) =>
      peer.#came(socket),
    );
    const peer: Peer<TLSSocket> = new Peer<TLSSocket>(server);
    // What a guest that refuses the server leaves behind.
    server.on('tlsClientError', () => undefined);
    return peer.#listen();
  }

  async #listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    onTestFinished(() => void this.server.close());
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  #came(socket: S): void {
    socket.on('error', () => undefined);
    const taker = this.#waiting.shift();
    if (taker) taker(socket);
    else this.#sockets.push(socket);
  }

  /** The next connection. */
  connection(): Promise<S> {
    const socket = this.#sockets.shift();
    return socket ? Promise.resolve(socket) : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Reads `length` bytes, or to the end of the stream. */
export async function read(socket: Socket, length = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  while (size < length) {
    const part: Buffer | null = socket.read();
    if (part) {
      const rest = length - size;
      if (part.length > rest) socket.unshift(part.subarray(rest));
      parts.push(part.subarray(0, rest));
      size += Math.min(part.length, rest);
    } else if (socket.readableEnded) {
      break;
    } else {
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of ['readable', 'end', 'close']) socket.off(event, done);
          resolve();
        };
        for (const event of ['readable', 'end', 'close']) socket.on(event, done);
      });
      if (socket.destroyed && socket.readableLength === 0) break;
    }
  }
  return Buffer.concat(parts);
}
