import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Channel, type ChannelSocket } from '../connection/channel.ts';

/** A TCP connection as the page has it: a WebSocket whose binary messages are its bytes. */
class TcpSocket extends EventTarget {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (data) => {
      this.dispatchEvent(Object.assign(new Event('message'), { data: Uint8Array.from(data).buffer }));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.dispatchEvent(Object.assign(new Event('close'), { code: 1000, reason: '' }));
    });
  }

  get readyState(): number {
    return this.#socket.destroyed ? 3 : 1;
  }

  get bufferedAmount(): number {
    return this.#socket.writableLength;
  }

  send(data: Uint8Array): void {
    this.#socket.write(data);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A channel to a port of this machine. */
export async function channelTo(port: number): Promise<Channel> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return new Channel(new TcpSocket(socket) as unknown as ChannelSocket);
}
