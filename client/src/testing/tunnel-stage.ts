import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { DeviceStream } from '../tunnel/device-stream.ts';
import { TestServer } from './server.ts';

/** A frame of a client, unmasked. */
export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A device stream whose other end is in the hand of the test. */
export class TunnelStage {
  readonly clock = new ManualClock();
  readonly stream: DeviceStream;
  /** The client's socket, below the stream. */
  readonly socket: Socket;
  /** The reflector's socket. */
  readonly peer: Socket;
  readonly #server: TestServer;
  #bytes = Buffer.alloc(0);
  #waiting: (() => void) | null = null;

  private constructor(server: TestServer, socket: Socket, extended: boolean) {
    this.#server = server;
    const [peer] = server.sockets;
    if (!peer) throw new Error('not connected');
    this.peer = peer;
    this.socket = socket;
    this.stream = new DeviceStream({
      socket,
      name: 'pump-7 port 22',
      extended,
      maxMessage: extended ? defaultLimits.messageBytes : 2048,
      keepAliveMs: defaultLimits.keepAliveMs,
      limits: defaultLimits,
      clock: this.clock,
    });
    peer.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#waiting?.();
    });
  }

  static async open({ extended = true } = {}): Promise<TunnelStage> {
    const server = await TestServer.open(() => {});
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    while (server.sockets.length === 0) await new Promise(setImmediate);
    return new TunnelStage(server, socket, extended);
  }

  /** Sends bytes given in hexadecimal. */
  send(hex: string): void {
    this.peer.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }

  /** Sends a binary message. */
  sendMessage(payload: Buffer): void {
    const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(payload.length, 6);
    const length = payload.length;
    const short =
      length < 126 ? Buffer.from([0x82, length]) : Buffer.from([0x82, 126, length >> 8, length & 255]);
    this.peer.write(Buffer.concat([length < 65_536 ? short : head, payload]));
  }

  /** The next frame from the client. */
  async frame(): Promise<ReceivedFrame> {
    for (;;) {
      const frame = this.#take();
      if (frame) return frame;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.stream.on('error', () => {}).destroy();
    await this.#server.close();
  }

  #take(): ReceivedFrame | null {
    const bytes = this.#bytes;
    if (bytes.length < 2) return null;
    const short = bytes.readUInt8(1) & 0x7f;
    const at = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < at) return null;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
    if (bytes.length < at + 4 + length) return null;
    const key = bytes.subarray(at, at + 4);
    const masked = bytes.subarray(at + 4, at + 4 + length);
    this.#bytes = bytes.subarray(at + 4 + length);
    return {
      opcode: bytes.readUInt8(0) & 15,
      payload: Buffer.from(masked.map((byte, i) => byte ^ key.readUInt8(i & 3))),
    };
  }
}
