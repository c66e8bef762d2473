import { createServer, type Socket } from 'node:net';
import type { Running } from './device.ts';

/** A request as an imitated device has read it. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** Names in lower case; of several the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** The head with all that belongs to it, in bytes. */
  readonly headBytes: number;
  /** Without chunks, if it came in any. */
  readonly body: Buffer;
}

/** One connection to an imitated device, which answers byte for byte as its file has it. */
export class RawConnection {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #more: (() => void) | null = null;
  #ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => {
      this.#received = Buffer.concat([this.#received, piece]);
      this.#more?.();
    });
    const end = () => {
      this.#ended = true;
      this.#more?.();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  /** The next head, its body still to come; `null` after the last. */
  async head(): Promise<Omit<RawRequest, 'body'> | null> {
    const end = await this.#until(() => {
      const at = this.#received.indexOf('\r\n\r\n');
      return at < 0 ? null : at + 4;
    });
    if (end === null) return null;
    const [first = '', ...lines] = this.#take(end).toString('latin1').trimEnd().split('\r\n');
    const [method = '', target = ''] = first.split(' ');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    return { method, target, headers, headBytes: end };
  }

  /** The next request with its body; `null` after the last. */
  async request(): Promise<RawRequest | null> {
    const head = await this.head();
    if (head === null) return null;
    const body = head.headers.has('transfer-encoding')
      ? await this.#chunks()
      : await this.bytes(Number(head.headers.get('content-length') ?? 0));
    return body === null ? null : { ...head, body };
  }

  /** So many of the bytes that follow; `null` when the user has gone before. */
  async bytes(count: number): Promise<Buffer | null> {
    const end = await this.#until(() => (this.#received.length >= count ? count : null));
    return end === null ? null : this.#take(end);
  }

  write(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  end(text: string | Uint8Array = ''): void {
    this.write(text);
    this.socket.end();
  }

  async #chunks(): Promise<Buffer | null> {
    const pieces: Buffer[] = [];
    for (;;) {
      const line = await this.#until(() => {
        const at = this.#received.indexOf('\r\n');
        return at < 0 ? null : at + 2;
      });
      if (line === null) return null;
      const length = Number.parseInt(this.#take(line).toString('latin1'), 16);
      const piece = await this.bytes(length + 2);
      if (piece === null) return null;
      if (length === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, length));
    }
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #until(found: () => number | null): Promise<number | null> {
    for (;;) {
      const at = found();
      if (at !== null) return at;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#more = resolve;
      });
      this.#more = null;
    }
  }
}

/** Answers each connection by `serve`. */
export async function rawServer(
  port: number,
  serve: (connection: RawConnection) => Promise<void>,
): Promise<Running> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void serve(new RawConnection(socket)).finally(() => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    stop: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
