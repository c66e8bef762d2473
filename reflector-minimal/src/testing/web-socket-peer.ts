import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One WebSocket frame as it came (RFC 6455 section 5.2). */
export interface RawFrame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

const zeroMask = Buffer.alloc(4);

/** The response to an upgrade that was refused. */
export class UpgradeRefused extends Error {
  readonly status: number;
  readonly head: string;

  constructor(head: string) {
    super(head.split('\r\n', 1)[0]);
    this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    this.head = head;
  }

  /** All values of a header. */
  values(name: string): string[] {
    return headerValues(this.head, name);
  }
}

function headerValues(head: string, name: string): string[] {
  const lines = head.split('\r\n').slice(1);
  const wanted = `${name.toLowerCase()}:`;
  return lines
    .filter((line) => line.toLowerCase().startsWith(wanted))
    .map((line) => line.slice(wanted.length).trim());
}

/**
 * A WebSocket client made of a socket and nothing else: it sends exactly the head it is given, and hands out frames as
 * they come, so that tests see what is on the wire. It answers nothing by itself.
 */
export class WebSocketPeer {
  readonly socket: Socket;
  /** The head of the 101 response. */
  readonly head: string;
  onFrame: (frame: RawFrame) => void = () => {};
  #buffer: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, head: string, rest: Buffer) {
    this.socket = socket;
    this.head = head;
    socket.on('data', (chunk) => this.#receive(chunk));
    if (rest.length > 0) setImmediate(() => this.#receive(rest));
  }

  /** Sends `head` and waits for the response. Rejects with {@link UpgradeRefused} for anything but 101. */
  static async connect(port: number, head: string | Buffer): Promise<WebSocketPeer> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(head);
    let received = Buffer.alloc(0);
    return new Promise((resolve, reject) => {
      const onEnd = () => reject(new UpgradeRefused(received.toString('latin1')));
      const onData = (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf('\r\n\r\n');
        if (end < 0 || !received.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) return;
        socket.off('data', onData).off('close', onEnd);
        const rest = received.subarray(end + 4);
        resolve(new WebSocketPeer(socket, received.toString('latin1', 0, end), rest));
      };
      socket.on('data', onData).on('close', onEnd);
    });
  }

  header(name: string): string | undefined {
    return headerValues(this.head, name)[0];
  }

  /** A final masked frame; `opcode` 2 is binary. */
  send(payload: Uint8Array, opcode = 2, final = true): boolean {
    const length = payload.length;
    const start = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
    start[0] = (final ? 0x80 : 0) | opcode;
    if (length < 126) start[1] = 0x80 | length;
    else if (length < 65536) {
      start[1] = 0x80 | 126;
      start.writeUInt16BE(length, 2);
    } else {
      start[1] = 0x80 | 127;
      start.writeBigUInt64BE(BigInt(length), 2);
    }
    this.socket.cork();
    this.socket.write(start);
    this.socket.write(zeroMask);
    const more = this.socket.write(payload);
    this.socket.uncork();
    return more;
  }

  close(code = 1000): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(payload, 8);
  }

  #receive(chunk: Buffer): void {
    this.#buffer = this.#buffer.length > 0 ? Buffer.concat([this.#buffer, chunk]) : chunk;
    for (;;) {
      const buffer = this.#buffer;
      if (buffer.length < 2) return;
      const first = buffer[0] ?? 0;
      let length = (buffer[1] ?? 0) & 0x7f;
      let at = 2;
      if (length === 126) {
        if (buffer.length < 4) return;
        length = buffer.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (buffer.length < 10) return;
        length = Number(buffer.readBigUInt64BE(2));
        at = 10;
      }
      if (buffer.length < at + length) return;
      this.#buffer = buffer.subarray(at + length);
      this.onFrame({
        final: (first & 0x80) !== 0,
        opcode: first & 0x0f,
        payload: buffer.subarray(at, at + length),
      });
    }
  }
}
