import type { Duplex } from 'node:stream';
import { WebSocketOpcode } from 'rm-protocol';
import { MAX_HEAD_BYTES, writeHead } from './frame-head.ts';

/** Payloads up to this many bytes are copied behind their head: cheaper than one more buffer in the system call. */
const copyBelow = 4096;

/**
 * Writes unmasked binary messages straight to the socket of a {@link ServerWebSocket}, one frame each, and puts a
 * WebTunnel header before the payload without a copy of it. The WebSocket writes its own frames (PONG, close) to the same
 * socket, each whole, so the two never mix within a frame.
 *
 * Between {@link begin} and {@link end} small messages are gathered into one block; everything goes to the kernel in
 * one system call.
 */
export class MessageWriter {
  readonly #socket: Duplex;
  #block: Buffer | null = null;
  #blockBytes = 0;
  #start = 0;
  #at = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Bytes that wait for the kernel. */
  get queued(): number {
    return this.#socket.writableLength + this.#at - this.#start;
  }

  /** Calls `done` once the kernel has taken everything written so far; never if the connection breaks first. */
  whenTaken(done: () => void): void {
    this.#socket.write(Buffer.alloc(0), (error) => {
      if (!error) done();
    });
  }

  /** `expected`: bytes that small messages of this turn may come to. */
  begin(expected: number): void {
    this.#blockBytes = Math.min(expected, 65536);
    this.#socket.cork();
  }

  /** Nothing is kept of the block: an idle tunnel costs no buffer. */
  end(): void {
    this.#flush();
    this.#block = null;
    this.#at = 0;
    this.#start = 0;
    this.#socket.uncork();
  }

  /** One message: `header` and then `pieces`, whose lengths add up to `length`. The pieces must not change any more. */
  message(header: Uint8Array, pieces: readonly Uint8Array[], length: number): void {
    const size = header.length + length;
    const copied = size <= copyBelow;
    const block = this.#reserve(MAX_HEAD_BYTES + (copied ? size : header.length));
    this.#at = writeHead(block, this.#at, WebSocketOpcode.binary, size);
    block.set(header, this.#at);
    this.#at += header.length;
    if (!copied) this.#flush();
    for (const piece of pieces) {
      if (copied) {
        block.set(piece, this.#at);
        this.#at += piece.length;
      } else {
        this.#socket.write(piece);
      }
    }
  }

  #reserve(bytes: number): Buffer {
    if (this.#block && this.#at + bytes <= this.#block.length) return this.#block;
    this.#flush();
    this.#block = Buffer.allocUnsafe(Math.max(this.#blockBytes, bytes));
    this.#start = 0;
    this.#at = 0;
    return this.#block;
  }

  #flush(): void {
    if (!this.#block || this.#at === this.#start) return;
    this.#socket.write(this.#block.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }
}
