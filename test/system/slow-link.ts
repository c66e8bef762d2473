import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from 'node:net';

export interface LinkSpeed {
  /** Bits a second from the side that connects. */
  readonly up: number;
  /** Bits a second to it. */
  readonly down: number;
  /** Of a byte, one way, besides the time that it takes to be sent; milliseconds. */
  readonly delay: number;
}

/** What a queue may hold before its sender waits: as the buffer of a modem. */
const queueBytes = 32 * 1024;

/** A slow link to a port of this machine. All connections share its speed. */
export class SlowLink {
  readonly port: number;
  /** So far, from and to the side that connects. */
  readonly bytes = { up: 0, down: 0 };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async open(to: number, { up, down, delay }: LinkSpeed): Promise<SlowLink> {
    const directions = { up: new Direction(up, delay), down: new Direction(down, delay) };
    const server = createServer((from) => {
      const other = tcp(to, '127.0.0.1');
      for (const socket of [from, other]) {
        socket.setNoDelay(true);
        link.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          link.#sockets.delete(socket);
          from.destroy();
          other.destroy();
        });
      }
      for (const [direction, source, sink] of [
        ['up', from, other],
        ['down', other, from],
      ] as const) {
        source.on('data', (data: Buffer) => {
          link.bytes[direction] += data.length;
          directions[direction].send(data, source, sink);
        });
        source.on('end', () => directions[direction].send(null, source, sink));
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const link = new SlowLink(server);
    return link;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Bytes leave in their order, each when those before it have been sent. */
class Direction {
  readonly #bits: number;
  readonly #delay: number;
  /** When what is queued has been sent; by the clock of `performance`. */
  #free = 0;

  constructor(bits: number, delay: number) {
    this.#bits = bits;
    this.#delay = delay;
  }

  /** `data` `null`: the end. */
  send(data: Buffer | null, source: Socket, sink: Socket): void {
    const now = performance.now();
    const size = data?.length ?? 0;
    this.#free = Math.max(this.#free, now) + (size * 8_000) / this.#bits;
    if ((this.#free - now) * this.#bits > queueBytes * 8_000) {
      source.pause();
      setTimeout(() => source.resume(), this.#free - now - (queueBytes * 4_000) / this.#bits);
    }
    setTimeout(
      () => {
        if (sink.destroyed) return;
        if (data === null) sink.end();
        else sink.write(data);
      },
      this.#free - now + this.#delay,
    );
  }
}
