import {
  ChannelError,
  type ChannelErrorCode,
  type Extension,
  encodeWord,
  type FrameHandler,
  LEGACY_FRAME_BYTES,
  Opcode,
} from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { LocalHandler } from '../dial/dial-service.ts';
import type { Cancellable, Clock } from '../host.ts';
import { Channel, type ChannelOwner } from './channel.ts';
import type { ForwardedPort, Refusal } from './forwarded-port.ts';
import type { FrameQueue } from './frame-queue.ts';
import { LegacyFlowControl } from './legacy-flow-control.ts';

export interface ChannelTimeouts {
  /** To connect a local socket, in milliseconds. */
  readonly connectMs: number;
  /** Without data in either direction, in milliseconds. */
  readonly localMs: number;
}

/** Payload bytes from and to the reflector. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** The events of channels. */
export interface ChannelEvents {
  opened(channel: Channel): void;
  /** `error` is what was sent to the reflector, or `null` after an orderly end. Also called for an open that failed. */
  closed(channel: Channel, error: ChannelErrorCode | null): void;
  /** The reflector asked for what is not allowed, in words for the log. */
  refused(what: string): void;
  /** The local service of this port does not work, in words for a person; `closed` follows. */
  failed(port: number, reason: string): void;
}

export interface ChannelTableOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly queue: FrameQueue;
  /** Read for each open request, so that a change of the list takes effect at once. */
  readonly services: ReadonlyMap<number, ForwardedPort>;
  readonly timeouts: ChannelTimeouts;
  /** What is in force with this reflector. */
  readonly extension: Extension | null;
  readonly events: ChannelEvents;
  /** Asks to stop (true) and to go on (false) reading the tunnel. */
  readonly pauseReading: (stop: boolean) => void;
}

/** All channels of one tunnel: opens them, finds them by number, shares the tunnel among them and bounds their sum. */
export class ChannelTable implements FrameHandler, ChannelOwner {
  readonly queue: FrameQueue;
  readonly limits: Limits;
  readonly frameBytes: number;
  readonly window: number | null;
  now: number;
  readonly #options: ChannelTableOptions;
  readonly #legacyFlowControl: LegacyFlowControl | null;
  readonly #byNumber = new Map<number, Channel>();
  /** All that exist: also those whose number is free and whose socket still drains. */
  readonly #all = new Set<Channel>();
  readonly #dialling = new Map<Channel, Cancellable>();
  /** Channels that wait for room in the queue, in the order in which they are to go on. */
  readonly #waiting = new Set<Channel>();
  #resumption: Cancellable | null = null;
  #idleTimer: Cancellable | null = null;
  #held = 0;
  /** The current message has been answered with error 1. */
  #answered = false;

  constructor(options: ChannelTableOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.limits = options.limits;
    this.frameBytes = options.extension?.maxFrame ?? LEGACY_FRAME_BYTES;
    this.window = options.extension?.window ?? null;
    this.now = options.clock.now();
    this.#legacyFlowControl = options.extension
      ? null
      : new LegacyFlowControl(options.clock, options.limits, options.pauseReading);
  }

  /** Channels whose number is taken. */
  get size(): number {
    return this.#byNumber.size;
  }

  /** Payload bytes of these channels; what ends is reported with its bytes to {@link ChannelEvents}. */
  get traffic(): Traffic {
    let received = 0;
    let sent = 0;
    for (const channel of this.#byNumber.values()) {
      received += channel.received;
      sent += channel.sent;
    }
    return { received, sent };
  }

  // ---- frames from the reflector ----

  openRequest(number: number, port: number): void {
    const existing = this.#byNumber.get(number);
    const service = this.#options.services.get(port);
    if (existing) {
      this.#refuse(number, ChannelError.inUse, `channel ${number} is in use`);
    } else if (!service) {
      this.#refuse(number, ChannelError.notForwarded, `port ${port} is not forwarded`);
    } else if (this.#all.size >= this.limits.channels || this.#dialling.size >= this.limits.pendingOpens) {
      this.#refuse(number, ChannelError.socket, `${this.#all.size} channels are open, no more are allowed`);
    } else {
      this.#admit(number, service);
    }
  }

  data(number: number, bytes: Uint8Array, start: number, end: number): void {
    const channel = this.#byNumber.get(number);
    if (channel) {
      channel.remoteData(bytes, start, end);
      // If these bytes have ended the channel, the reflector knows; the rest of the message is not answered.
      this.#answered = !this.#byNumber.has(number);
    } else if (!this.#answered) {
      this.#answered = true;
      this.#unknown(number);
    }
  }

  /** The current message is complete. */
  messageEnd(): void {
    this.#answered = false;
  }

  close(number: number): void {
    const channel = this.#byNumber.get(number);
    if (channel) channel.remoteClose();
  }

  error(number: number): void {
    this.#byNumber.get(number)?.remoteError();
  }

  credit(number: number, increment: number): void {
    if (this.window === null) this.violation(number, 'unknown opcode 0x20');
    // A channel that has just ended may be granted credit that was on its way; that is no error.
    else this.#byNumber.get(number)?.remoteCredit(increment);
  }

  openConfirm(number: number): void {
    this.violation(number, 'open confirm to a device');
  }

  openFault(number: number): void {
    this.violation(number, 'open fault to a device');
  }

  properties(): void {
    this.violation(0, 'properties update to a device');
  }

  violation(number: number, what: string): void {
    this.#options.events.refused(`${what} on channel ${number}`);
    const channel = this.#byNumber.get(number);
    if (channel) channel.fail(ChannelError.violation);
    else this.queue.frame(encodeWord(Opcode.error, number, ChannelError.violation));
  }

  // ---- the tunnel ----

  /** The queue to the reflector has become shorter. */
  drained(): void {
    if (this.#waiting.size > 0 && this.queue.queued <= this.limits.queueBytes / 2) this.#resumeWaiting();
  }

  /** Ends these channels with this error. */
  endChannels(numbers: ReadonlySet<number>, error: ChannelErrorCode): void {
    for (const number of numbers) this.#byNumber.get(number)?.expire(error);
  }

  /** The tunnel is gone: every local connection ends at once. */
  abandon(): void {
    for (const channel of [...this.#all]) channel.abandon();
    this.#idleTimer?.cancel();
    this.#resumption?.cancel();
    this.#waiting.clear();
  }

  // ---- ChannelOwner ----

  enter(): void {
    this.now = this.#options.clock.now();
  }

  leave(): void {
    this.queue.flush();
  }

  dialled(channel: Channel, connected: boolean): void {
    this.#dialling.get(channel)?.cancel();
    this.#dialling.delete(channel);
    if (connected) this.#options.events.opened(channel);
  }

  released(channel: Channel, error: ChannelErrorCode | null): void {
    this.#byNumber.delete(channel.number);
    this.#options.events.closed(channel, error);
  }

  failed({ port }: Channel, reason: string): void {
    this.#options.events.failed(port, reason);
  }

  gone(channel: Channel): void {
    this.#all.delete(channel);
    this.#legacyFlowControl?.forget(channel);
    this.#waiting.delete(channel);
    if (this.#all.size === 0) {
      this.#idleTimer?.cancel();
      this.#idleTimer = null;
    }
  }

  holds(channel: Channel, delta: number): void {
    this.#held += delta;
    this.#legacyFlowControl?.changed(channel, delta < 0);
    if (this.#held > this.limits.totalBytes) {
      let largest = channel;
      for (const other of this.#all) if (other.held > largest.held) largest = other;
      largest.fail(ChannelError.timeout);
    }
  }

  awaitQueue(channel: Channel): void {
    this.#waiting.add(channel);
  }

  // ---- inside ----

  /**
   * Lets as many channels read as the queue has room for, the longest waiting first. One that then has nothing to send
   * leaves the room unused, so the rest is looked at again in the next turn of the loop.
   */
  #resumeWaiting(): void {
    const room = Math.floor((this.limits.queueBytes - this.queue.queued) / this.frameBytes);
    const next = [...this.#waiting].slice(0, Math.max(1, room));
    for (const channel of next) this.#waiting.delete(channel);
    for (const channel of next) channel.resumeReading();
    if (this.#waiting.size === 0 || this.#resumption) return;
    this.#resumption = this.#options.clock.schedule(0, () => {
      this.#resumption = null;
      this.drained();
    });
  }

  #expireIdle(): void {
    this.enter();
    this.#idleTimer = null;
    const { localMs } = this.#options.timeouts;
    let next = localMs;
    for (const channel of [...this.#all]) {
      const left = channel.lastActivity + localMs - this.now;
      // One that is not open yet has a limit of its own.
      if (channel.opening) continue;
      if (left <= 0) channel.fail(ChannelError.timeout);
      else next = Math.min(next, left);
    }
    if (this.#all.size > 0) {
      this.#idleTimer = this.#options.clock.schedule(Math.ceil(next), () => this.#expireIdle());
    }
    this.leave();
  }

  /** Opens the channel, at once or when it is let in; as long as it waits it counts as one that is dialled. */
  #admit(number: number, { port, dial, admit }: ForwardedPort): void {
    let decide: ((refusal: Refusal | null) => void) | undefined;
    const answer = admit?.(number, (refusal) => decide?.(refusal)) ?? null;
    if (answer && 'fault' in answer) {
      this.#refuse(number, answer.fault, `port ${port} ${answer.reason}`);
      return;
    }
    const later =
      answer &&
      ((handler: LocalHandler) => {
        let attempt = answer;
        decide = (refusal) => {
          if (refusal) {
            channel.expire(refusal.fault);
            return;
          }
          this.#limitDialling(channel);
          attempt = dial(handler);
        };
        return { cancel: () => attempt.cancel() };
      });
    const channel = new Channel(this, number, port, later ?? dial);
    this.#byNumber.set(number, channel);
    this.#all.add(channel);
    if (answer) this.#dialling.set(channel, answer);
    else this.#limitDialling(channel);
    this.#idleTimer ??= this.#options.clock.schedule(this.#options.timeouts.localMs, () =>
      this.#expireIdle(),
    );
  }

  #limitDialling(channel: Channel): void {
    const { clock, timeouts } = this.#options;
    const timer = clock.schedule(timeouts.connectMs, () => {
      this.failed(channel, `no answer within ${timeouts.connectMs / 1000} s`);
      channel.expire(ChannelError.timeout);
    });
    this.#dialling.set(channel, timer);
  }

  #refuse(number: number, error: ChannelErrorCode, what: string): void {
    this.#options.events.refused(what);
    this.queue.frame(encodeWord(Opcode.openFault, number, error));
  }

  #unknown(number: number): void {
    this.queue.frame(encodeWord(Opcode.error, number, ChannelError.badChannel));
  }
}
