import { connect, type Socket as NetSocket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConnectOptions, HostError, Socket, SocketHandler, TlsOptions } from '../src/host.ts';
import { Backlog } from './backlog.ts';
import { toHostError } from './errors.ts';
import { Slab } from './slab.ts';
import { type StartedTls, sessionOf, startTls } from './tls.ts';

/** Writes shorter than this are gathered until the end of the turn and sent with one system call. */
const GATHER_BYTES = 16_384;

/** Writes on their way to the kernel from which on short ones wait in the backlog. */
const MAX_SHORT_WRITES = 64;

/** What the backlog holds at most before it becomes a write. */
const BACKLOG_BYTES = 65_536;

/** A `net.Socket` (or the TLS sockets over it) as the host's socket. It must have been made with `allowHalfOpen`. */
export class NodeSocket implements Socket {
  readAtMost?: (bytes: number) => void;
  readonly #tcp: NetSocket;
  #stream: NetSocket | TLSSocket;
  #handler: SocketHandler | null;
  #error: HostError | null = null;
  #corked = false;
  /** Writes that the kernel has not taken yet. */
  #writes = 0;
  readonly #backlog = new Backlog();
  #paused = false;

  /** Dials TCP. */
  static dial({ address, port, probeAfterSeconds = 0 }: ConnectOptions, handler: SocketHandler): NodeSocket {
    let slab = Slab.take();
    let readBytes = Number.POSITIVE_INFINITY;
    const socket: NetSocket = connect({
      host: address,
      port,
      noDelay: true,
      keepAlive: probeAfterSeconds > 0,
      keepAliveInitialDelay: probeAfterSeconds * 1000,
      allowHalfOpen: true,
      onread: {
        // Node asks for the place of the next read after each, which its types do not know.
        buffer: (() => {
          slab = slab.next();
          return slab.bytes.subarray(0, readBytes);
        }) as unknown as Uint8Array,
        callback: (count) => {
          slab.deliver(count, dialled.#receive);
          return true;
        },
      },
    });
    socket.on('close', () => slab.detach());
    const dialled = new NodeSocket(socket, handler);
    dialled.readAtMost = (bytes) => {
      readBytes = bytes;
    };
    return dialled;
  }

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
    const part = count === bytes.length ? bytes : bytes.subarray(start, end);
    const isShort = count < GATHER_BYTES;
    // Not corked: they are those of an earlier turn.
    if (isShort && this.#writes > (this.#corked ? MAX_SHORT_WRITES : 0)) {
      this.#backlog.add(part);
      if (this.#backlog.length >= BACKLOG_BYTES) this.#writeBacklog();
      return true;
    }
    this.#writeBacklog();
    if (isShort && !this.#corked) {
      this.#corked = true;
      stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    let slab: Slab | null = null;
    this.#write(part, () => slab?.release());
    if (stream.writableLength === 0) return true;
    slab = Slab.refer(part);
    return false;
  }

  #write(part: Uint8Array, done: () => void = () => undefined): void {
    this.#writes++;
    this.#stream.write(part, (error) => {
      this.#writes--;
      done();
      if (error) return;
      this.#handler?.taken(part.length);
      if (this.#writes === 0) this.#writeBacklog();
    });
  }

  #writeBacklog(): void {
    if (this.#backlog.length > 0) this.#write(this.#backlog.take());
  }

  end(): void {
    this.#writeBacklog();
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
    // Within an event of TLS, Node uses the connection below once more when the event returns: resetting it there crashes.
    if (this.#stream === this.#tcp) this.#discard();
    else setImmediate(() => this.#discard());
  }

  #discard(): void {
    const stream = this.#stream;
    const orderly = stream.readableEnded && stream.writableFinished;
    // While a FIN is on its way the kernel's socket cannot be reset (libuv: EINVAL), and Node would lose it unclosed.
    const ending = stream.writableEnded && !stream.writableFinished && stream.writableLength === 0;
    if (!orderly && !ending && !this.#tcp.destroyed && isTcp(this.#tcp)) this.#tcp.resetAndDestroy();
    else this.#tcp.destroy();
    stream.destroy();
  }

  startTls(options: TlsOptions): void {
    const below = this.#stream;
    below.removeAllListeners('data');
    below.removeAllListeners('end');
    below.removeAllListeners('close');
    let started: StartedTls;
    try {
      started = startTls(below, options);
    } catch (error) {
      const failed: HostError = { code: 'tls-files', message: (error as Error).message };
      process.nextTick(() => this.#closed(failed));
      return;
    }
    const { stream, refusal } = started;
    this.#stream = stream;
    this.#listen(stream);
    stream.once('secureConnect', () => {
      const error = refusal();
      if (error) stream.destroy(error);
      else this.#handler?.secured?.(sessionOf(stream));
    });
  }

  readonly #receive = (bytes: Uint8Array, start: number, end: number): void => {
    this.#handler?.data(bytes, start, end);
  };

  #listen(stream: NetSocket): void {
    stream.on('data', (chunk: Buffer) => this.#receive(chunk, 0, chunk.length));
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
