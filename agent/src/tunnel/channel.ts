import {
  ChannelError,
  type ChannelErrorCode,
  encodeBare,
  encodeCredit,
  encodeWord,
  Opcode,
  ReceiveCredit,
  SendCredit,
} from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { Dial, LocalHandler } from '../dial/dial-service.ts';
import type { Cancellable, HostError, Socket } from '../host.ts';
import type { FrameQueue } from './frame-queue.ts';

/** What a channel needs of the tunnel it belongs to. */
export interface ChannelOwner {
  readonly queue: FrameQueue;
  readonly limits: Limits;
  /** Largest data payload to send. */
  readonly frameBytes: number;
  /** Credit of each channel and direction, or `null` where the reflector does not know the extension. */
  readonly window: number | null;
  /** Monotonic time of the present event, in milliseconds. */
  readonly now: number;
  /** An event that came from the local socket begins; every one ends with `leave`. */
  enter(): void;
  leave(): void;
  /** The local socket is connected, or (`false`) will never be. */
  dialled(channel: Channel, connected: boolean): void;
  /** The channel's number is free again. */
  released(channel: Channel, error: ChannelErrorCode | null): void;
  /** The local service cannot be reached, or has broken the connection before it sent anything. */
  failed(channel: Channel, reason: string): void;
  /** Nothing is left of the channel: neither socket nor bytes. Idempotent. */
  gone(channel: Channel): void;
  /** The channel now holds `delta` bytes more (or less) for its local reader. */
  holds(channel: Channel, delta: number): void;
  /** The queue to the reflector is full; the owner calls `resumeReading` in turn. */
  awaitQueue(channel: Channel): void;
}

/** What one read of a socket brings at most, on any host. */
const READ_BYTES = 65_536;

/** Why reading from the local socket is suspended; any of them suffices. */
const WAITS_FOR_CREDIT = 1;
const WAITS_FOR_QUEUE = 2;

/**
 * One forwarded connection: the rules of `webtunnel.md` section 2, table of answers.
 *
 * A channel is *opening* until its local socket is connected, then *open*. Each direction ends by itself: `close` from
 * the reflector becomes FIN to the local peer, FIN of the local peer becomes `close`. When both have ended the number
 * is *released*; the channel lives on until its socket has taken what is still held. An error in either direction
 * releases it at once.
 */
export class Channel implements LocalHandler {
  readonly number: number;
  readonly port: number;
  /** Time of the last data in either direction. */
  lastActivity: number;
  /** Payload bytes from and to the reflector. */
  received = 0;
  sent = 0;
  /** Why the local side failed, in the host's words; `null` unless it did. */
  localFailure: string | null = null;
  readonly #owner: ChannelOwner;
  /** Let go when it is over: it refers to this channel, and what refers to itself stays until it is searched for. */
  #attempt: Cancellable | null;
  readonly #sendCredit: SendCredit | null;
  readonly #receiveCredit: ReceiveCredit | null;
  #socket: Socket | null = null;
  #opening = true;
  #released = false;
  /** The reflector has sent close. */
  #remoteClosed = false;
  /** The local peer has sent FIN; close follows once `#rest` is sent. */
  #localEnded = false;
  /** We have sent close. */
  #localClosed = false;
  #held = 0;
  #readsAtMost = READ_BYTES;
  /** What was read from the local socket, by a host that can't bound its reads, and has no credit. */
  #rest: Uint8Array | null = null;
  #suspended = 0;

  constructor(owner: ChannelOwner, number: number, port: number, dial: Dial) {
    this.#owner = owner;
    this.number = number;
    this.port = port;
    this.lastActivity = owner.now;
    this.#sendCredit = owner.window === null ? null : new SendCredit(owner.window, 0xffffffff);
    this.#receiveCredit = owner.window === null ? null : new ReceiveCredit(owner.window);
    this.#attempt = dial(this);
  }

  get opening(): boolean {
    return this.#opening;
  }

  /** Payload bytes that wait for the local reader. */
  get held(): number {
    return this.#held;
  }

  // ---- from the reflector ----

  remoteData(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#opening || this.#remoteClosed) {
      this.fail(ChannelError.violation);
      return;
    }
    this.lastActivity = this.#owner.now;
    if (this.#receiveCredit && !this.#receiveCredit.spend(length)) {
      this.fail(ChannelError.violation);
      return;
    }
    const { windowBytes } = this.#owner.limits;
    const held = this.#held + length;
    // The tunnel pauses at half a window, and by then it has already read once more: a small window must not cost a quick
    // reader its channel.
    if (!this.#receiveCredit && held > windowBytes && held > windowBytes / 2 + READ_BYTES) {
      this.fail(ChannelError.timeout);
      return;
    }
    if (!this.#socket) return;
    this.received += length;
    this.#held = held;
    this.#socket.write(bytes, start, end);
    this.#owner.holds(this, length);
  }

  remoteClose(): void {
    if (this.#remoteClosed) return;
    this.#remoteClosed = true;
    this.#socket?.end();
    this.#releaseWhenClosed();
  }

  /** The reflector gave the channel up: the local socket is closed at once. */
  remoteError(): void {
    this.#end(null);
  }

  remoteCredit(increment: number): void {
    if (!this.#sendCredit?.grant(increment)) {
      this.fail(ChannelError.violation);
      return;
    }
    const rest = this.#rest;
    if (rest) {
      this.#rest = null;
      this.#send(rest, 0, rest.length);
      if (this.#rest) return;
      if (this.#localEnded) this.#sendClose();
    }
    this.#readWithinCredit();
  }

  /** The queue to the reflector has room again. */
  resumeReading(): void {
    this.#suspend(this.#suspended & ~WAITS_FOR_QUEUE);
  }

  /** Ends the channel in both directions and tells the reflector why. */
  fail(error: ChannelErrorCode): void {
    if (!this.#released) {
      const opcode = this.#opening ? Opcode.openFault : Opcode.error;
      this.#owner.queue.frame(encodeWord(opcode, this.number, error));
    }
    this.#end(error);
  }

  /** As `fail`, for a timer: an event of its own. */
  expire(error: ChannelErrorCode): void {
    this.#owner.enter();
    this.fail(error);
    this.#owner.leave();
  }

  /** Ends the channel without a frame: the tunnel itself is gone. */
  abandon(): void {
    this.#end(null);
  }

  // ---- from the local socket ----

  connected(socket: Socket): void {
    this.#owner.enter();
    this.#socket = socket;
    this.#opening = false;
    this.#attempt = null;
    this.lastActivity = this.#owner.now;
    this.#owner.dialled(this, true);
    this.#owner.queue.frame(encodeBare(Opcode.openConfirm, this.number));
    if (this.#remoteClosed) socket.end();
    this.#owner.leave();
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    this.#owner.enter();
    this.lastActivity = this.#owner.now;
    this.#send(bytes, start, end);
    this.#readWithinCredit();
    if (this.#owner.queue.queued > this.#owner.limits.queueBytes) {
      this.#suspend(this.#suspended | WAITS_FOR_QUEUE);
      this.#owner.awaitQueue(this);
    }
    this.#owner.leave();
  }

  taken(count: number): void {
    this.#owner.enter();
    this.lastActivity = this.#owner.now;
    this.#held -= count;
    this.#owner.holds(this, -count);
    const increment = this.#remoteClosed ? 0 : (this.#receiveCredit?.taken(count) ?? 0);
    if (increment > 0) this.#owner.queue.frame(encodeCredit(this.number, increment));
    this.#owner.leave();
  }

  ended(): void {
    this.#owner.enter();
    this.#localEnded = true;
    if (this.#rest === null) this.#sendClose();
    this.#owner.leave();
  }

  closed(error: HostError | null): void {
    this.#owner.enter();
    if (error) {
      this.#socket = null;
      this.localFailure = error.message;
      if (this.#opening) this.#owner.failed(this, error.message);
      else if (this.sent === 0 && !this.#localEnded)
        this.#owner.failed(this, `${error.message} before a byte came`);
      this.fail(this.#opening ? faultFor(error) : ChannelError.socket);
    } else {
      this.#socket = null;
      this.#dropHeld();
      this.#goneWhenDone();
    }
    this.#owner.leave();
  }

  // ---- inside ----

  #send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#rest) {
      // Reading is suspended, but a host may have had one more piece under way.
      const joined = new Uint8Array(this.#rest.length + end - start);
      joined.set(this.#rest);
      joined.set(bytes.subarray(start, end), this.#rest.length);
      this.#rest = joined;
      return;
    }
    const credit = this.#sendCredit;
    while (start < end) {
      let length = Math.min(end - start, this.#owner.frameBytes);
      if (credit) {
        length = Math.min(length, credit.left);
        if (length === 0) {
          // A copy, which slice() of a Node Buffer is not.
          this.#rest = new Uint8Array(bytes.subarray(start, end));
          return;
        }
        credit.spend(length);
      }
      this.#owner.queue.data(this.number, bytes, start, start + length);
      this.sent += length;
      start += length;
    }
  }

  #sendClose(): void {
    this.#localClosed = true;
    this.#owner.queue.frame(encodeBare(Opcode.close, this.number));
    this.#releaseWhenClosed();
  }

  #releaseWhenClosed(): void {
    if (!this.#localClosed || !this.#remoteClosed || this.#released) return;
    this.#released = true;
    this.#owner.released(this, null);
    this.#goneWhenDone();
  }

  #goneWhenDone(): void {
    if (!this.#socket && this.#released) this.#owner.gone(this);
  }

  #end(error: ChannelErrorCode | null): void {
    if (this.#opening) {
      this.#opening = false;
      this.#attempt?.cancel();
      this.#attempt = null;
      this.#owner.dialled(this, false);
    }
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
    this.#rest = null;
    this.#remoteClosed = true;
    this.#dropHeld();
    if (!this.#released) {
      this.#released = true;
      this.#owner.released(this, error);
    }
    this.#goneWhenDone();
  }

  #dropHeld(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#owner.holds(this, -held);
  }

  /** Reads no more than may be sent: what has no credit stays in the kernel. */
  #readWithinCredit(): void {
    if (!this.#sendCredit) return;
    const { left } = this.#sendCredit;
    this.#suspend(left > 0 ? this.#suspended & ~WAITS_FOR_CREDIT : this.#suspended | WAITS_FOR_CREDIT);
    const most = Math.min(left, READ_BYTES);
    if (most === 0 || most === this.#readsAtMost) return;
    this.#readsAtMost = most;
    this.#socket?.readAtMost?.(most);
  }

  #suspend(reasons: number): void {
    const before = this.#suspended;
    this.#suspended = reasons;
    if (before === 0 && reasons !== 0) this.#socket?.pause();
    else if (before !== 0 && reasons === 0) this.#socket?.resume();
  }
}

/** The fault that tells the reflector why the local socket could not be connected. */
function faultFor(error: HostError): ChannelErrorCode {
  if (error.code === 'refused') return ChannelError.refused;
  if (error.code === 'timed-out') return ChannelError.timeout;
  return ChannelError.socket;
}
