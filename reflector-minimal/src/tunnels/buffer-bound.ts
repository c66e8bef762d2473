import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { ChannelError } from '../ports/channel-failure.ts';
import { type BufferingChannel, HeldBytes } from './held-bytes.ts';

/**
 * Bounds the bytes that a tunnel buffers for slow readers.
 *
 * With windows, nobody else pays for a reader that stalls: above the bound, channels of the user who holds most end at once.
 *
 * Without windows, the tunnel's socket is paused above the bound. That stops all channels of the device, so a pause is
 * bounded too: after `limits.stallMs` the channels that cause it end with error 4, and the others go on.
 */
export class BufferBound {
  readonly #windows: boolean;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #pause: () => void;
  readonly #resume: () => void;
  readonly #held: HeldBytes;
  /** Channels above their own bound. */
  readonly #over = new Set<BufferingChannel>();
  readonly #all: HeldBytes;
  #stallTimer: Cancellable | null = null;

  constructor(needs: {
    /** The device has windows, which bound each channel. */
    readonly windows: boolean;
    readonly limits: Limits;
    readonly clock: Clock;
    /** Of all tunnels together. */
    readonly all: HeldBytes;
    readonly pause: () => void;
    readonly resume: () => void;
  }) {
    this.#windows = needs.windows;
    this.#limits = needs.limits;
    this.#clock = needs.clock;
    this.#all = needs.all;
    this.#pause = needs.pause;
    this.#resume = needs.resume;
    this.#held = new HeldBytes(needs.limits.tunnelHeldBytes);
  }

  /** Bytes buffered for all channels. */
  get total(): number {
    return this.#held.bytes;
  }

  /** What `channel` holds has changed by `difference`. May end the channel, or others. */
  changed(channel: BufferingChannel, difference: number): void {
    this.#held.changed(channel, difference);
    this.#all.changed(channel, difference);
    if (!this.#windows) this.#weigh(channel);
    if (difference <= 0) return;
    const why = 'its reader is slow, and too much waits for its user';
    if (this.#windows) this.#held.relieve(ChannelError.timeout, why);
    this.#all.relieve(ChannelError.timeout, why);
  }

  stop(): void {
    this.#stallTimer?.cancel();
    this.#stallTimer = null;
  }

  #weigh(channel: BufferingChannel): void {
    if (channel.held > this.#limits.channelHeldBytes) this.#over.add(channel);
    else this.#over.delete(channel);
    const over = this.#over.size > 0 || this.#held.exceeded;
    if (over && !this.#stallTimer) {
      this.#pause();
      this.#stallTimer = this.#clock.schedule(this.#limits.stallMs, () => this.#stalled());
    } else if (!over && this.#stallTimer) {
      this.stop();
      this.#resume();
    }
  }

  #stalled(): void {
    this.#stallTimer = null;
    const culprits = this.#over.size > 0 ? [...this.#over] : [this.#held.fullest()];
    for (const channel of culprits) {
      channel?.fail(ChannelError.timeout, 'its reader has stalled and held up the whole tunnel');
    }
    // A failed channel gives its bytes back. If others are still above the bound, the timer is armed again.
    if (this.#stallTimer === null) this.#resume();
  }
}
