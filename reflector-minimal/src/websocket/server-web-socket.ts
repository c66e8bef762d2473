import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { type Cancellable, type Clock, closePayload, utf8Encode, WebSocketOpcode } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { MAX_HEAD_BYTES, writeHead } from './frame-head.ts';
import { FrameError, FrameReader } from './frame-reader.ts';

type SocketLimits = Pick<Limits, 'messageFragments' | 'messageReads' | 'pendingPongs' | 'closeMs'>;

export interface ServerWebSocketOptions {
  /** Nothing of it has been read, and the 101 response has been written. */
  readonly socket: Duplex;
  /** Largest message of the client, in bytes. */
  readonly messageBytes: number;
  /** As `FrameReaderOptions.pieces`. */
  readonly pieces: boolean;
  readonly limits: SocketLimits;
  readonly clock: Clock;
}

interface Events {
  /** As `FrameHandler.message`. */
  message: [bytes: Buffer, isBinary: boolean, isLast: boolean];
  ping: [];
  pong: [];
  /** The client broke the protocol, or a bound. */
  error: [error: Error];
  /** The connection has ended. `code` is 1006 without a close frame of the client (RFC 6455 section 7.1.5). */
  close: [code: number];
}

function frame(opcode: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(MAX_HEAD_BYTES + payload.length);
  const at = writeHead(bytes, 0, opcode, payload.length);
  bytes.set(payload, at);
  return bytes.subarray(0, at + payload.length);
}

/**
 * The server's end of a WebSocket (RFC 6455) on a socket whose handshake is over. PINGs are answered. A client that breaks the
 * protocol gets a close frame with the code for it.
 */
export class ServerWebSocket extends EventEmitter<Events> {
  readonly #socket: Duplex;
  readonly #limits: SocketLimits;
  readonly #clock: Clock;
  readonly #reader: FrameReader;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #paused = false;
  #pongs = 0;
  #closeSent = false;
  /** What follows is not read: the client has sent its close frame, or something wrong. */
  #deaf = false;
  #closeCode = 1006;
  #closeTimer: Cancellable | null = null;

  constructor({ socket, messageBytes, pieces, limits, clock }: ServerWebSocketOptions) {
    super();
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    const { messageFragments, messageReads } = limits;
    this.#reader = new FrameReader(
      {
        message: (bytes, isBinary, isLast) => this.emit('message', bytes, isBinary, isLast),
        ping: (payload) => this.#pinged(payload),
        pong: () => this.emit('pong'),
        close: (code, reason) => this.#closedByClient(code, reason),
      },
      { messageBytes, messageFragments, messageReads, pieces },
    );
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('end', () => {
      this.#closing();
      socket.end();
    });
    socket.on('error', () => this.terminate());
    socket.on('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Bytes that wait for the kernel. */
  get bufferedAmount(): number {
    return this.#socket.writableLength;
  }

  /** Messages of what has been read already still come. */
  pause(): void {
    if (this.#state === 'closed') return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state === 'closed') return;
    this.#paused = false;
    this.#socket.resume();
  }

  ping(): void {
    if (this.#state === 'open') this.#write(WebSocketOpcode.ping, new Uint8Array());
  }

  pong(): void {
    if (this.#state === 'open') this.#write(WebSocketOpcode.pong, new Uint8Array());
  }

  /** A message; text, if it is a string. `done` is told once the kernel has taken it, or why it will not. */
  send(message: string | Uint8Array, done?: (error?: Error | null) => void): void {
    if (this.#state !== 'open') {
      done?.(new Error('the WebSocket is closed'));
    } else if (typeof message === 'string') {
      this.#write(WebSocketOpcode.text, utf8Encode(message), done);
    } else {
      this.#write(WebSocketOpcode.binary, message, done);
    }
  }

  /**
   * Sends a close frame. The connection ends with that of the client, or after `limits.closeMs`. Idempotent. Throws `UsageError` if
   * `reason` has more than 123 bytes in UTF-8; the WebSocket is open then.
   */
  close(code?: number, reason = ''): void {
    const payload = code === undefined ? new Uint8Array() : closePayload(code, utf8Encode(reason));
    // Also if the client has ended its side: it may never take what waits for it.
    if (this.#state !== 'closed') this.#closeTimer ??= this.#destroyLater();
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#write(WebSocketOpcode.close, payload, (error) => {
      if (error) return;
      this.#closeSent = true;
      if (this.#deaf) this.#socket.end();
    });
  }

  /** Ends the connection without a close frame. */
  terminate(): void {
    this.#closing();
    this.#socket.destroy();
  }

  #destroyLater(): Cancellable {
    return this.#clock.schedule(this.#limits.closeMs, () => this.#socket.destroy());
  }

  #closing(): void {
    if (this.#state === 'open') this.#state = 'closing';
  }

  #write(opcode: number, payload: Uint8Array, done?: (error?: Error | null) => void): void {
    this.#socket.write(frame(opcode, payload), done);
  }

  #read(bytes: Buffer): void {
    if (this.#deaf) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#hearNoMore();
      this.close(error.closeCode);
      this.emit('error', error);
    }
  }

  #pinged(payload: Buffer): void {
    if (this.#state === 'open') {
      if (this.#pongs >= this.#limits.pendingPongs) {
        this.terminate();
      } else {
        this.#pongs++;
        this.#write(WebSocketOpcode.pong, payload, () => this.#pongs--);
      }
    }
    this.emit('ping');
  }

  #closedByClient(code: number, reason: string): void {
    this.#closeCode = code;
    this.#hearNoMore();
    if (code === 1005) this.close();
    else this.close(code, reason);
  }

  /** The rest is dropped. */
  #hearNoMore(): void {
    this.#deaf = true;
    this.#socket.resume();
    if (this.#closeSent) this.#socket.end();
  }

  #closed(): void {
    this.#closing();
    // A paused socket may end with bytes that nobody has read.
    const unread = this.#socket.readableLength > 0 ? (this.#socket.read() as Buffer | null) : null;
    if (unread) this.#read(unread);
    this.#closeTimer?.cancel();
    this.#reader.stop();
    this.#state = 'closed';
    this.emit('close', this.#closeCode);
  }
}
