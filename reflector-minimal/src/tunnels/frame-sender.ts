import type { Duplex } from 'node:stream';
import { FRAME_HEADER_BYTES, LEGACY_FRAME_BYTES, Opcode, writeFrameHeader } from 'rm-protocol';
import { boundaryOf } from '../boundary.ts';
import { MessageWriter } from '../websocket/message-writer.ts';
import type { Channel } from './channel.ts';

export interface FrameSenderOptions {
  /** The socket under the tunnel's WebSocket. */
  readonly socket: Duplex;
  /** Largest payload of a frame. */
  readonly maxFrame: number;
  /** Bytes in the socket's queue above which channels wait (`limits.tunnelQueueBytes`); at least its high-water mark. */
  readonly queueBytes: number;
  /** Told of payload bytes as they are queued. */
  readonly sent: (bytes: number) => void;
}

/** Of the frame that is being written, of any tunnel: the writer copies it. */
const header = new Uint8Array(FRAME_HEADER_BYTES);

/**
 * Shares a tunnel's socket among its channels: one frame each in turn, while the socket's queue is below its bound. So a
 * short request waits for at most one frame of each busy channel.
 *
 * Frames leave when the event loop has read what has come on all sockets, so that those of many users share one system call.
 */
export class FrameSender {
  readonly #options: FrameSenderOptions;
  readonly #writer: MessageWriter;
  readonly #queueBytes: number;
  /** Channels with something to send, the one whose turn it is first. */
  readonly #waiting = new Set<Channel>();
  /** Frames that do not wait for a turn, until the event loop is ready to send. */
  readonly #controls: Uint8Array[] = [];
  #controlBytes = 0;
  #scheduled = false;
  /** The queue is full: nothing is sent before it is empty. */
  #draining = false;
  #stopped = false;

  constructor(options: FrameSenderOptions) {
    this.#options = options;
    this.#writer = new MessageWriter(options.socket);
    // Below its high-water mark a stream does not emit `drain`.
    this.#queueBytes = Math.max(options.queueBytes, options.socket.writableHighWaterMark);
    options.socket.on('drain', () => {
      this.#draining = false;
      this.#schedule();
    });
  }

  /** Bytes that wait for the kernel. */
  get queued(): number {
    return this.#writer.queued + this.#controlBytes;
  }

  /** The channel gets its turn. */
  ready(channel: Channel): void {
    this.#waiting.add(channel);
    this.#schedule();
  }

  unready(channel: Channel): void {
    this.#waiting.delete(channel);
  }

  /** Sends a frame that does not wait for its turn. */
  control(frame: Uint8Array): void {
    if (this.#stopped) return;
    this.#controls.push(frame);
    this.#controlBytes += frame.length;
    this.#schedule();
  }

  /** Sends nothing from now on, beyond the control frames that it was given. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#waiting.clear();
    this.#writer.begin(this.#expectedControlBytes);
    this.#writeControls();
    this.#writer.end();
  }

  #schedule(): void {
    const some = this.#controls.length > 0 || (this.#waiting.size > 0 && !this.#draining);
    if (this.#scheduled || !some) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#stopped) return;
      const boundary = boundaryOf(this.#options.socket);
      if (boundary) boundary.run(() => this.#pump());
      else this.#pump();
    });
  }

  #pump(): void {
    const budget = this.#draining ? 0 : this.#queueBytes - this.#writer.queued;
    this.#writer.begin(this.#expectedControlBytes + this.#expectedBytes(budget));
    this.#writeControls();
    this.#writeTurns(budget);
    // A channel that has sent everything may have ended by that.
    this.#writeControls();
    this.#writer.end();
    if (this.#writer.queued >= this.#queueBytes) this.#draining = true;
    this.#schedule();
  }

  /** Each frame is longer than the head of its WebSocket message. */
  get #expectedControlBytes(): number {
    return 2 * this.#controlBytes;
  }

  #writeControls(): void {
    for (const frame of this.#controls) this.#writer.message(frame, [], 0);
    this.#controls.length = 0;
    this.#controlBytes = 0;
  }

  #writeTurns(bytes: number): void {
    let budget = bytes;
    const write = (channel: Channel, pieces: readonly Buffer[], length: number) => {
      budget -= length;
      writeFrameHeader(header, 0, Opcode.data, channel.number);
      this.#writer.message(header, pieces, length);
      this.#options.sent(length);
    };
    while (budget > 0) {
      const next = this.#waiting.values().next();
      if (next.done) break;
      const channel = next.value;
      this.#waiting.delete(channel);
      if (channel.sendNext(write)) this.#waiting.add(channel);
    }
  }

  /** Bytes that the small frames of this turn may need. Large payloads are not copied. */
  #expectedBytes(budget: number): number {
    if (this.#options.maxFrame > LEGACY_FRAME_BYTES) return 1024;
    let bytes = 0;
    for (const channel of this.#waiting) {
      bytes += Math.min(channel.queued, budget);
      if (bytes >= budget) break;
    }
    return Math.ceil(Math.min(bytes, budget) * 1.01) + 64;
  }
}
