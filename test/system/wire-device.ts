import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { Mailbox, within } from '../scenarios/stage/wait.ts';

/** One connection to a {@link WireDevice}; one character a byte. */
export interface WireConnection {
  readonly socket: Socket;
  /** The head of its first request. */
  readonly head: string;
  /** Bytes behind that head. */
  readonly body: () => number;
  /** Waits until so many have come, or the connection has ended; gives how many there are. */
  readonly until: (bytes: number) => Promise<number>;
}

/**
 * A device that speaks HTTP byte by byte: `answer` is called once the head of a request is there. What comes behind is
 * counted and dropped, as long as the test does not pause the socket.
 */
export class WireDevice {
  readonly port: number;
  readonly connections = new Mailbox<WireConnection>('a request at the device');
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(answer: (connection: WireConnection) => void): Promise<WireDevice> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      let received = '';
      let body = -1;
      socket.on('data', (bytes: Buffer) => {
        if (body >= 0) {
          body += bytes.length;
          return;
        }
        received += bytes.toString('latin1');
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) return;
        body = received.length - end - 4;
        const until = (bytes: number) =>
          within(
            new Promise<number>((resolve) => {
              const look = () => {
                if (body >= bytes || socket.readableEnded || socket.destroyed) resolve(body);
              };
              socket.on('data', look).on('end', look).on('close', look);
              look();
            }),
            `${bytes} bytes at the device`,
          );
        const connection = { socket, head: received.slice(0, end), body: () => body, until };
        device.connections.put(connection);
        answer(connection);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const device: WireDevice = new WireDevice(server, sockets);
    return device;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
