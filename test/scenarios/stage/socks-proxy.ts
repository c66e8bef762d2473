import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Mailbox, within } from './wait.ts';

/** What the agent has asked a SOCKS5 proxy for. */
export interface SocksRequest {
  /** `name HOST`, `ipv4 HEX` or `ipv6 HEX`. */
  readonly destination: string;
  readonly port: number;
  /** `USER:PASSWORD`, when the proxy has asked for them. */
  readonly login: string | null;
}

/** A SOCKS5 proxy (RFC 1928), written down a second time. It leads to the loopback interface whatever it is asked for. */
export class SocksProxy {
  readonly port: number;
  readonly requests = new Mailbox<SocksRequest>('a SOCKS5 request');
  readonly #login: string | null;
  readonly #stop: () => void;

  private constructor(port: number, login: string | null, stop: () => void) {
    this.port = port;
    this.#login = login;
    this.#stop = stop;
  }

  /** With `login` (`USER:PASSWORD`) nobody gets in without. */
  static async start(login: string | null = null): Promise<SocksProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      proxy.#serve(socket).catch(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await within(once(server, 'listening'), 'the SOCKS5 proxy to listen');
    const proxy = new SocksProxy((server.address() as AddressInfo).port, login, () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return proxy;
  }

  stop(): void {
    this.#stop();
  }

  async #serve(socket: Socket): Promise<void> {
    const read = reader(socket);
    const [, count = 0] = await read(2);
    const methods = await read(count);
    const method = this.#login === null ? 0 : 2;
    if (!methods.includes(method)) {
      socket.end(Buffer.of(5, 0xff));
      return;
    }
    socket.write(Buffer.of(5, method));
    const login = method === 2 ? await this.#readLogin(read) : null;
    if (method === 2) {
      const right = login === this.#login;
      socket[right ? 'write' : 'end'](Buffer.of(1, right ? 0 : 1));
      if (!right) return;
    }
    const [, , , type] = await read(4);
    const size = type === 1 ? 4 : type === 4 ? 16 : ((await read(1))[0] ?? 0);
    const address = await read(size);
    const port = (await read(2)).readUInt16BE();
    const kind = { 1: 'ipv4', 3: 'name', 4: 'ipv6' }[type ?? 0];
    const text = type === 3 ? address.toString() : address.toString('hex');
    this.requests.put({ destination: `${kind} ${text}`, port, login });
    const there = connect(port, '127.0.0.1');
    there.on('error', () => socket.end(Buffer.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0)));
    there.on('connect', () => {
      socket.write(Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 80));
      socket.pipe(there).pipe(socket);
    });
    socket.on('close', () => there.destroy());
  }

  async #readLogin(read: (count: number) => Promise<Buffer>): Promise<string> {
    const [, userLength = 0] = await read(2);
    const user = await read(userLength);
    const [passwordLength = 0] = await read(1);
    return `${user}:${await read(passwordLength)}`;
  }
}

/** Reads a socket by counts. */
function reader(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    for (;;) {
      const bytes: Buffer | null = count === 0 ? Buffer.alloc(0) : socket.read(count);
      if (bytes) return bytes;
      await once(socket, 'readable');
    }
  };
}
