import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** How often a service that does not read looks whether somebody is still there, in milliseconds. */
const LOOKS_MS = 30_000;

/** Bytes that both ends can make: any part of it tells where it is from. */
const pattern = Buffer.alloc(1 << 20);
for (let i = 0; i < pattern.length; i += 4) pattern.writeUInt32LE((i * 2_654_435_761) >>> 0, i);

/** The first `length` bytes, at most 1 MiB. */
export function patternOf(length: number): Buffer {
  return pattern.subarray(0, length);
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What the device of the soak offers, in this process. */
export class SoakServices {
  /** HTTP: `GET /LENGTH` gives bytes of {@link patternOf}, `POST` the digest of what was sent. */
  readonly web: number;
  /** Gives back what it gets. */
  readonly echo: number;
  /** Sends without an end. */
  readonly source: number;
  /** Reads next to nothing. */
  readonly stubborn: number;
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;

  private constructor(servers: readonly Server[], sockets: Set<Socket>) {
    const [web = 0, echo = 0, source = 0, stubborn = 0] = servers.map(
      (server) => (server.address() as AddressInfo).port,
    );
    this.web = web;
    this.echo = echo;
    this.source = source;
    this.stubborn = stubborn;
    this.#servers = servers;
    this.#sockets = sockets;
  }

  static async open(): Promise<SoakServices> {
    const sockets = new Set<Socket>();
    const web = createHttpServer((request, response) => {
      response.on('error', () => {});
      if (request.method === 'GET') {
        response.end(patternOf(Number(request.url?.slice(1))));
        return;
      }
      const hash = createHash('sha256');
      request.on('error', () => {});
      request.on('data', (bytes: Buffer) => hash.update(bytes));
      request.on('end', () => response.end(hash.digest('hex')));
    });
    const echo = createServer((socket) => socket.pipe(socket));
    const source = createServer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(pattern.subarray(0, 65_536)));
      };
      socket.on('drain', more);
      more();
    });
    const stubborn = createServer((socket) => {
      socket.pause();
      // A service that never reads never learns that its peer has gone, and would keep the socket with all that is in it.
      const look = setInterval(() => {
        socket.resume();
        setImmediate(() => socket.pause());
      }, LOOKS_MS);
      socket.on('close', () => clearInterval(look));
    });
    const servers = [web, echo, source, stubborn];
    for (const server of servers) {
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return new SoakServices(servers, sockets);
  }

  get all(): readonly { readonly port: number; readonly kind: string }[] {
    return [
      { port: this.web, kind: 'http' },
      ...[this.echo, this.source, this.stubborn].map((port) => ({ port, kind: 'tcp' })),
    ];
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
