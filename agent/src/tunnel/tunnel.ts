import {
  type ChannelErrorCode,
  closePayload,
  type Extension,
  encodePropertiesUpdate,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  type Property,
  ProtocolError,
  utf8Encode,
  type WebSocketHandler,
  WebSocketOpcode,
  WebSocketReader,
} from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { Clock, Crypto, Socket } from '../host.ts';
import { type ChannelEvents, ChannelTable, type ChannelTimeouts, type Traffic } from './channel-table.ts';
import type { ForwardedPort } from './forwarded-port.ts';
import { FrameQueue } from './frame-queue.ts';

/** Why a tunnel has ended. */
export interface TunnelEnd {
  /** The close code that was received or sent (RFC 6455 section 7.4). */
  readonly code: number;
  readonly reason: string;
  readonly by: 'reflector' | 'agent';
}

/** The state of the direction to the reflector; times in milliseconds of the monotonic clock, 0 for never. */
export interface SendState {
  /** When the last PONG came, or `null`. */
  readonly pongedAt: number | null;
  /** When bytes were last sent. */
  readonly activeAt: number;
  /** When the kernel last took bytes that had waited for room, which the peer's side must have made. */
  readonly movedAt: number;
  /** Since when bytes wait and the kernel takes none of them, or `null`. */
  readonly stuckSince: number | null;
}

export interface TunnelOptions {
  /** Upgraded; the tunnel writes to it and never reads, ends or destroys it. */
  readonly socket: Socket;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly limits: Limits;
  readonly services: ReadonlyMap<number, ForwardedPort>;
  readonly timeouts: ChannelTimeouts;
  readonly extension: Extension | null;
  readonly events: ChannelEvents;
  /** The tunnel has sent or received a close frame; called once. The owner then ends the socket. */
  readonly ended: (end: TunnelEnd) => void;
}

/** Why the tunnel's socket is not read. */
const HELD_BY_READER = 1;
const HELD_BY_ANSWERS = 2;

/** One live tunnel: WebSocket messages on one side, channels on the other. Its owner feeds it what the socket reports. */
export class Tunnel implements WebSocketHandler {
  readonly #options: TunnelOptions;
  readonly #queue: FrameQueue;
  readonly #reader: WebSocketReader;
  readonly #decoder: FrameDecoder;
  readonly #channels: ChannelTable;
  #paused = 0;
  #pongedAt: number | null = null;
  #closing = false;
  #over = false;

  constructor(options: TunnelOptions) {
    const { limits, socket, extension } = options;
    this.#options = options;
    const frameBytes = extension?.maxFrame ?? limits.frameBytes;
    this.#queue = new FrameQueue(socket, options.clock, options.crypto, limits.frameBytes);
    this.#channels = new ChannelTable({
      clock: options.clock,
      limits,
      queue: this.#queue,
      services: options.services,
      timeouts: options.timeouts,
      extension,
      events: options.events,
      pauseReading: (stop) => this.#pause(HELD_BY_READER, stop),
    });
    this.#decoder = new FrameDecoder(this.#channels, { frameBytes, propertiesBytes: 0 });
    // A data frame that is too long is a channel's violation; only what no frame can be ends the tunnel.
    this.#reader = new WebSocketReader(this, 2 * frameBytes + FRAME_HEADER_BYTES);
  }

  /** Channels whose number is taken. */
  get channels(): number {
    return this.#channels.size;
  }

  /** Payload bytes of these channels. */
  get traffic(): Traffic {
    return this.#channels.traffic;
  }

  /** The tunnel is not read because a local reader is slow, so the reflector's silence proves nothing. */
  get waitsForReader(): boolean {
    return (this.#paused & HELD_BY_READER) !== 0;
  }

  get outgoing(): SendState {
    const { activeAt, movedAt, queued } = this.#queue;
    return { pongedAt: this.#pongedAt, activeAt, movedAt, stuckSince: queued > 0 ? activeAt : null };
  }

  // ---- what the socket reports ----

  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    this.#channels.enter();
    try {
      this.#reader.push(bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#sendClose(error.closeCode, error.message);
      this.#end({ code: error.closeCode, reason: error.message, by: 'agent' });
    }
    this.#queue.flush();
    this.#watchAnswers();
  }

  taken(count: number): void {
    this.#queue.taken(count);
    this.#watchAnswers();
    this.#channels.drained();
  }

  /** The socket is gone. */
  abandon(): void {
    this.#over = true;
    this.#reader.stop();
    this.#channels.abandon();
  }

  // ---- what the owner asks ----

  ping(): void {
    this.#queue.message(WebSocketOpcode.ping, new Uint8Array());
    this.#queue.flush();
  }

  /** At most 255 properties. */
  updateProperties(properties: readonly Property[]): void {
    this.#queue.frame(encodePropertiesUpdate(properties));
    this.#queue.flush();
  }

  /** Ends these channels with this error. */
  endChannels(numbers: ReadonlySet<number>, error: ChannelErrorCode): void {
    this.#channels.endChannels(numbers, error);
  }

  /** Starts the closing handshake (RFC 6455 section 7.1.2) and ends all channels; `ended` follows when it is answered. */
  close(code: number, reason: string): void {
    this.#channels.abandon();
    this.#sendClose(code, reason);
    this.#queue.flush();
  }

  // ---- WebSocketHandler ----

  messageData(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#closing) this.#decoder.push(bytes, start, end);
  }

  messageEnd(): void {
    if (this.#closing) return;
    this.#decoder.end();
    this.#channels.messageEnd();
  }

  pinged(payload: Uint8Array): void {
    if (!this.#closing) this.#queue.message(WebSocketOpcode.pong, payload);
  }

  ponged(): void {
    this.#pongedAt = this.#options.clock.now();
  }

  closed(code: number, reason: string): void {
    this.#sendClose(code === 1005 ? 1000 : code, '');
    this.#end({ code, reason, by: 'reflector' });
  }

  // ---- inside ----

  #sendClose(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#queue.message(WebSocketOpcode.close, closePayload(code, utf8Encode(reason.slice(0, 40))));
  }

  #end(end: TunnelEnd): void {
    this.#queue.flush();
    this.abandon();
    this.#options.ended(end);
  }

  #watchAnswers(): void {
    const { queueBytes, answerBytes } = this.#options.limits;
    const held = (this.#paused & HELD_BY_ANSWERS) !== 0;
    const { queued } = this.#queue;
    if (held ? queued <= queueBytes : queued > queueBytes + answerBytes) this.#pause(HELD_BY_ANSWERS, !held);
  }

  #pause(reason: number, stop: boolean): void {
    const before = this.#paused;
    this.#paused = stop ? before | reason : before & ~reason;
    if (before === 0 && this.#paused !== 0) this.#options.socket.pause();
    else if (before !== 0 && this.#paused === 0) this.#options.socket.resume();
  }
}
