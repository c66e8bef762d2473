import type { Socket as NetSocket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HostError, Socket, SocketHandler, TlsOptions } from '../host.ts';
import { toHostError } from './errors.ts';
import { sessionOf, startTls } from './tls.ts';

/** Writes shorter than this are gathered until the end of the turn and sent with one system call. */
const GATHER_BYTES = 16_384;

/** A `net.Socket` (or the TLS sockets over it) as the host's socket. It must have been made with `allowHalfOpen`. */
export class NodeSocket implements Socket {
  readonly #tcp: NetSocket;
  #stream: NetSocket | TLSSocket;
  #handler: SocketHandler | null;
  #error: HostError | null = null;
  #corked = false;
  #paused = false;

  constructor(socket: NetSocket, handler: SocketHandler) {
    this.#tcp = socket;
    this.#stream = socket;
    this.#handler = handler;
    this.#listen(socket);
    socket.on('connect', () => this.#handler?.connected());
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return true;
    const count = end - start;
    if (count < GATHER_BYTES && !this.#corked) {
      this.#corked = true;
      stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    const part = count === bytes.length ? bytes : bytes.subarray(start, end);
    stream.write(part, (error) => {
      if (!error) this.#handler?.taken(count);
    });
    return stream.writableLength === 0;
  }

  end(): void {
    this.#stream.end();
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream.resume();
  }

  destroy(): void {
    this.#handler = null;
    const stream = this.#stream;
    const orderly = stream.readableEnded && stream.writableFinished;
    if (!orderly && !this.#tcp.destroyed && isTcp(this.#tcp)) this.#tcp.resetAndDestroy();
    else this.#tcp.destroy();
    stream.destroy();
  }

  startTls(options: TlsOptions): void {
    const below = this.#stream;
    below.removeAllListeners('data');
    below.removeAllListeners('end');
    below.removeAllListeners('close');
    let stream: TLSSocket;
    try {
      stream = startTls(below, options);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const failed: HostError =
        code === 'RM_TLS_FILE'
          ? { code: 'tls-files', message }
          : { code: 'tls-files', message: `TLS files: ${message}` };
      process.nextTick(() => this.#closed(failed));
      return;
    }
    this.#stream = stream;
    this.#listen(stream);
    stream.on('secureConnect', () => this.#handler?.secured?.(sessionOf(stream)));
  }

  #listen(stream: NetSocket): void {
    stream.on('data', (chunk: Buffer) => this.#handler?.data(chunk, 0, chunk.length));
    stream.on('end', () => this.#handler?.ended());
    stream.on('error', (error) => {
      this.#error ??= toHostError(error);
    });
    stream.on('close', () => this.#closed(this.#error));
    if (this.#paused) stream.pause();
  }

  #closed(error: HostError | null): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#tcp.destroy();
    handler?.closed(error);
  }
}

/** Only TCP knows a reset; a local socket is closed. */
function isTcp(socket: NetSocket): boolean {
  return socket.remoteFamily !== undefined;
}
