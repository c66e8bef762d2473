import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { reservedPort } from '../system/loopback-port.ts';

/** The broker aedes, within this process. It speaks MQTT 3.1.1. */
export class AedesBroker {
  readonly port: number;
  readonly #aedes: Aedes;
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    this.#aedes.handle(socket);
  });
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, aedes: Aedes) {
    this.port = port;
    this.#aedes = aedes;
  }

  static async run(): Promise<AedesBroker> {
    const broker = new AedesBroker(await reservedPort(), await Aedes.createBroker());
    await once(broker.#server.listen(broker.port, '127.0.0.1'), 'listening');
    return broker;
  }

  get uri(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }
}
