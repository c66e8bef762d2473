import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Authorization } from '../account/authorization.ts';
import type { Route } from '../connection/dial.ts';
import { Failure, reasonOf } from '../failure.ts';
import { openDevice, type Target } from '../tunnel/open-device.ts';
import { relay } from '../tunnel/relay.ts';

export interface ListenerOptions {
  readonly route: Route;
  /** Called for each connection; may reject with a {@link Failure}. */
  readonly authorize: () => Promise<Authorization>;
  readonly target: Target;
  /** Where it listens: an address of this machine. */
  readonly address?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Called with one line if a connection cannot be opened or breaks. */
  readonly failed: (message: string) => void;
}

/** Forwards a port of this machine, on 127.0.0.1 unless another address is given, to a port of a device. Each connection has its own tunnel. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: ListenerOptions) {
    this.#options = options;
    const { connections } = options.route.limits;
    // Nothing is read before the tunnel is open, so nothing needs a buffer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      this.#serve(socket).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        options.failed(error.message);
      });
    });
    this.#server.maxConnections = connections;
    this.#server.on('drop', () =>
      options.failed(`more than ${connections} connections at once: one was refused`),
    );
  }

  /** Rejects with a {@link Failure} if it cannot listen on the port. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    const server = listener.#server;
    const { address = '127.0.0.1', port } = options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new Failure(`${address} port ${port}: ${reasonOf(error)}`)));
      server.listen(port, address, resolve);
    });
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections, too. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const { route, authorize, target } = this.#options;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    try {
      const remote = await openDevice(route, await authorize(), target);
      if (socket.destroyed) {
        remote.destroy();
        return;
      }
      await relay({ source: socket, sink: socket, break: () => socket.resetAndDestroy() }, remote);
      // The device's end is closed, so nobody takes what the program still sends.
      socket.destroySoon();
    } catch (error) {
      socket.resetAndDestroy();
      // If the local program broke the connection, it needs no message.
      if (error instanceof Failure) throw error;
    }
  }
}
