import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can stop carrying anything, as a NAT does that has forgotten a connection: nobody is told. */
export class SeveredLink {
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  /** Of the connections that are open. */
  readonly #sever = new Map<string, () => void>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(target: number): Promise<SeveredLink> {
    const server = createServer();
    const link = new SeveredLink(server);
    server.on('connection', (near) => link.#carry(near, connect(target, '127.0.0.1')));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Carries nothing more, in either direction, of what was opened by a request for this path. Returns whether there was one. */
  sever(path: string): boolean {
    const sever = this.#sever.get(path);
    sever?.();
    return sever !== undefined;
  }

  close(): void {
    this.#server.close();
    for (const end of this.#ends) end.destroy();
  }

  #carry(near: Socket, far: Socket): void {
    let isSevered = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#ends.add(from);
      from.on('error', () => {});
      from.on('data', (piece) => {
        const path = /^GET (\/\S*) HTTP/.exec(piece.toString('latin1'))?.[1];
        if (from === near && path !== undefined) {
          this.#sever.set(path, () => {
            isSevered = true;
          });
        }
        if (!isSevered) to.write(piece);
      });
      from.on('close', () => {
        this.#ends.delete(from);
        if (!isSevered) to.destroy();
      });
    }
  }
}
