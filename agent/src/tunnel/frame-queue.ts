import {
  FRAME_HEADER_BYTES,
  LEGACY_FRAME_BYTES,
  MAX_HEADER_BYTES,
  Opcode,
  WebSocketOpcode,
  writeClientHeader,
  writeFrameHeader,
} from 'rm-protocol';
import type { Clock, Crypto, Socket } from '../host.ts';

/** Below this a batch is copied out, so that a waiting answer does not hold a whole batch in memory. */
const SMALL_BATCH_BYTES = 4096;

/** What the kernel takes sooner than this after it was offered was only copied to its buffer. */
const WAITED_MS = 50;

/** Batches that the socket has done with, kept for what comes next. */
const SPARE_BATCHES = 4;

/** The first batch, until more must fit: enough for what a device sends that nobody visits. */
const FIRST_BATCH_BYTES = 512;

/** Masking keys, of 4 bytes each, fetched at once: system calls cost more than memory. */
const KEY_POOL = 256;

/**
 * Frames on their way to the reflector. What one event of the loop causes is gathered into one batch, masked as it
 * is copied there, and written with one call; each entry into the tunnel ends with `flush`.
 */
export class FrameQueue {
  readonly #socket: Socket;
  readonly #crypto: Crypto;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #keys = new Uint32Array(KEY_POOL);
  #nextKey = KEY_POOL;
  /** The key of the frame under way, and its bytes. */
  readonly #keyWord = new Uint32Array(1);
  readonly #key = new Uint8Array(this.#keyWord.buffer);
  #batch: Uint8Array;
  /** Batches that the socket still refers to, each with what it will have taken in all when it no longer does. */
  readonly #lent: { readonly batch: Uint8Array; readonly until: number }[] = [];
  readonly #spare: Uint8Array[] = [];
  #used = 0;
  /** Bytes ever handed to the socket. */
  #written = 0;
  #queued = 0;
  /** When the kernel last took bytes, or was first offered those that wait. */
  #waitingSince = 0;
  /** When the kernel last took bytes for which it had no room at first. */
  #movedAt = 0;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);

  /**
   * A batch has room for `batchBytes` of payload, in short frames too (`webtunnel.md` section 3), so that what one read
   * of a local socket brings leaves with one write.
   */
  constructor(socket: Socket, clock: Clock, crypto: Crypto, batchBytes: number) {
    this.#socket = socket;
    this.#clock = clock;
    this.#crypto = crypto;
    const frames = Math.ceil(batchBytes / LEGACY_FRAME_BYTES);
    this.#capacity = batchBytes + frames * (MAX_HEADER_BYTES + FRAME_HEADER_BYTES);
    this.#batch = new Uint8Array(FIRST_BATCH_BYTES);
  }

  /** Bytes that the kernel has not taken, those of the present batch included. */
  get queued(): number {
    return this.#queued + this.#used;
  }

  /** When bytes were last offered to the kernel, or taken by it. */
  get activeAt(): number {
    return this.#waitingSince;
  }

  /** When bytes were last taken that had to wait for room: it has become free because the peer's side took earlier ones. */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** The socket reports that it has taken `count` bytes. */
  taken(count: number): void {
    const now = this.#clock.now();
    if (now - this.#waitingSince >= WAITED_MS) this.#movedAt = now;
    this.#waitingSince = now;
    this.#queued -= count;
    const taken = this.#written - this.#queued;
    for (let first = this.#lent[0]; first && first.until <= taken; first = this.#lent[0]) {
      this.#lent.shift();
      if (this.#spare.length < SPARE_BATCHES) this.#spare.push(first.batch);
    }
  }

  /** A data frame with `bytes[start..end)`, at most `frameBytes`. */
  data(channel: number, bytes: Uint8Array, start: number, end: number): void {
    this.#begin(WebSocketOpcode.binary, FRAME_HEADER_BYTES + end - start);
    writeFrameHeader(this.#header, 0, Opcode.data, channel);
    this.#append(this.#header, 0, FRAME_HEADER_BYTES, 0);
    this.#append(bytes, start, end, FRAME_HEADER_BYTES);
  }

  /** A binary message with a whole WebTunnel frame. */
  frame(bytes: Uint8Array): void {
    this.message(WebSocketOpcode.binary, bytes);
  }

  /** A WebSocket frame of any opcode. */
  message(opcode: number, payload: Uint8Array): void {
    this.#begin(opcode, payload.length);
    this.#append(payload, 0, payload.length, 0);
  }

  /** Hands the batch to the socket. */
  flush(): void {
    const used = this.#used;
    if (used === 0) return;
    this.#used = 0;
    if (this.#queued === 0) this.#waitingSince = this.#clock.now();
    this.#queued += used;
    this.#written += used;
    if (used <= SMALL_BATCH_BYTES) {
      this.#socket.write(this.#batch.slice(0, used));
    } else if (!this.#socket.write(this.#batch, 0, used)) {
      this.#lent.push({ batch: this.#batch, until: this.#written });
      this.#batch = this.#spare.pop() ?? new Uint8Array(this.#capacity);
    }
  }

  #begin(opcode: number, length: number): void {
    const least = MAX_HEADER_BYTES + length;
    if (this.#used + least > this.#batch.length) {
      if (this.#used + least > this.#capacity) this.flush();
      if (this.#used + least > this.#batch.length) {
        const larger = new Uint8Array(Math.max(this.#capacity, least));
        larger.set(this.#batch.subarray(0, this.#used));
        this.#batch = larger;
      }
    }
    if (this.#nextKey === KEY_POOL) {
      this.#crypto.random(new Uint8Array(this.#keys.buffer));
      this.#nextKey = 0;
    }
    this.#keyWord[0] = this.#keys[this.#nextKey++] ?? 0;
    this.#used = writeClientHeader(this.#batch, this.#used, opcode, length, this.#key);
  }

  #append(bytes: Uint8Array, start: number, end: number, phase: number): void {
    this.#crypto.mask(bytes, start, end, this.#batch, this.#used, this.#key, phase);
    this.#used += end - start;
  }
}
