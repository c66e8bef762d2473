import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { DeviceChannel } from '../ports/presence.ts';
import type { ByteBudget } from './byte-budget.ts';

export interface UplinkOptions {
  readonly channel: DeviceChannel;
  /** The user's connection. Both may be called in any state of it. */
  readonly source: { pause(): void; resume(): void };
  /** Finds out whether the user is still there by sending something without a meaning. */
  readonly probe?: () => void;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Bytes read ahead of all users. */
  readonly total: ByteBudget;
}

/** Memory of a message besides its bytes: its view and its place in the stream's queue. */
const messageBytes = 256;

/**
 * Writes what one user sends to a channel. While the device takes nothing, the user is not read.
 *
 * The end of a connection stays in the kernel behind the bytes before it. If nobody reads those, a user who has gone keeps
 * the device's connection for as long as the device stalls. So when the device has taken nothing for `readAheadMs`, the
 * user is read again, up to `readAheadBytes`: as much as kernels keep of a sender that has gone. A device that is only
 * slow still holds its user back.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  /** Bytes read ahead, as counted in the total. */
  #ahead = 0;
  #paused = false;
  #readingOn = false;
  /** The user has gone, and its timer is that of the device. */
  #left = false;
  #timer: Cancellable | null = null;

  constructor(options: UplinkOptions) {
    this.#options = options;
    const { channel } = options;
    channel.on('drain', () => this.#taken());
    // After `end` a stream emits no `drain`.
    for (const end of ['finish', 'close']) {
      channel.on(end, () => {
        this.stop();
        this.#taken();
      });
    }
  }

  write(bytes: Buffer): void {
    const { channel, limits, clock, total } = this.#options;
    if (channel.write(bytes)) return;
    if (this.#readingOn) {
      const cost = bytes.length + messageBytes;
      this.#ahead += cost;
      total.add(cost);
      if (this.#full) this.#readOn();
    } else if (!this.#timer) {
      this.#pause();
      this.#timer = clock.schedule(limits.readAheadMs, () => this.#readOn());
    }
  }

  /** The user has ended in order. The device gets the rest for as long as it makes progress. */
  end(): void {
    const { channel } = this.#options;
    this.stop();
    channel.end();
    if (!channel.writableFinished && !channel.destroyed) this.#awaitProgress();
  }

  /**
   * The user has gone in order, and nobody waits for what the device sends. The end is sent once the device has taken the rest,
   * as it gives no credit afterwards.
   */
  leave(): void {
    const { channel } = this.#options;
    this.stop();
    if (channel.destroyed) return;
    this.#left = true;
    const awaitClose = () => {
      if (!channel.destroyed && !channel.readableEnded) this.#awaitClose();
    };
    if (channel.writableFinished) {
      awaitClose();
      return;
    }
    this.#awaitProgress();
    channel.once('finish', awaitClose);
    if (channel.writableEnded) return;
    const endIfTaken = () => {
      if (channel.writableLength === 0 && channel.untaken === 0) channel.end();
    };
    channel.on('taken', endIfTaken);
    channel.write(Buffer.alloc(0), endIfTaken);
  }

  /** Ends the timers: the user is not read any more, or read to the end whatever the device takes. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#readingOn = false;
  }

  get #full(): boolean {
    return this.#ahead >= this.#options.limits.readAheadBytes || this.#options.total.exceeded;
  }

  #readOn(): void {
    const { limits, clock, probe } = this.#options;
    this.stop();
    this.#readingOn = !this.#full;
    if (this.#readingOn) {
      this.#resume();
      return;
    }
    this.#pause();
    this.#timer = clock.schedule(limits.clientProbeMs, () => {
      probe?.();
      this.#readOn();
    });
  }

  /** The device has taken everything, or will get no more. */
  #taken(): void {
    if (!this.#left) this.stop();
    this.#options.total.add(-this.#ahead);
    this.#ahead = 0;
    this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#options.source.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.source.resume();
  }

  get #leftover(): number {
    const { channel } = this.#options;
    return channel.writableLength + channel.queued + channel.untaken;
  }

  #awaitProgress(): void {
    const { channel, limits, clock } = this.#options;
    const before = this.#leftover;
    this.#timer = clock.schedule(limits.leftoverMs, () => {
      this.#timer = null;
      if (this.#leftover === before) channel.destroy();
      else this.#awaitProgress();
    });
  }

  /** The end is sent. The device may have some left that it gives no credit for, so it gets as much time once more. */
  #awaitClose(): void {
    const { channel, limits, clock } = this.#options;
    const resetAfter = (ms: number) => {
      this.#timer?.cancel();
      this.#timer = clock.schedule(ms, () => channel.destroy());
    };
    resetAfter(limits.leftoverMs);
    // What it says now has nobody to go to.
    channel.once('data', () => resetAfter(limits.lingerMs));
  }
}
