import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { ChannelError } from '../ports/channel-failure.ts';
import type { ByteBudget } from '../streams/byte-budget.ts';

/** What this needs of a channel. */
export interface BufferingChannel {
  /** Bytes received that its reader has not taken. */
  readonly held: number;
  fail(error: number, message: string): void;
}

/**
 * Bounds the bytes that a tunnel buffers for slow readers. Above the bound the tunnel's socket is paused. That stops all
 * channels of a device without windows, so a pause is bounded too: after `limits.stallMs` the channels that cause it end
 * with error 4, and the others go on.
 */
export class BufferBound {
  readonly #channelBytes: number;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #pause: () => void;
  readonly #resume: () => void;
  /** Channels that buffer anything, and those of them above their own bound. */
  readonly #holding = new Set<BufferingChannel>();
  readonly #over = new Set<BufferingChannel>();
  readonly #all: ByteBudget;
  #total = 0;
  #stallTimer: Cancellable | null = null;

  /** `channelBytes`: bound of one channel; infinite where windows bound it already. */
  constructor(
    channelBytes: number,
    needs: {
      readonly limits: Limits;
      readonly clock: Clock;
      /** Bytes buffered by all tunnels together. */
      readonly all: ByteBudget;
      readonly pause: () => void;
      readonly resume: () => void;
    },
  ) {
    this.#channelBytes = channelBytes;
    this.#limits = needs.limits;
    this.#clock = needs.clock;
    this.#all = needs.all;
    this.#pause = needs.pause;
    this.#resume = needs.resume;
  }

  /** Bytes buffered for all channels. */
  get total(): number {
    return this.#total;
  }

  changed(channel: BufferingChannel, difference: number): void {
    this.#total += difference;
    mark(this.#holding, channel, channel.held > 0);
    mark(this.#over, channel, channel.held > this.#channelBytes);
    this.#weigh();
    this.#all.add(difference);
    if (difference > 0 && this.#all.exceeded) {
      this.#mostHeld()?.fail(ChannelError.timeout, 'its reader has stalled, and all tunnels hold too much');
    }
  }

  stop(): void {
    this.#stallTimer?.cancel();
    this.#stallTimer = null;
  }

  #weigh(): void {
    const over = this.#over.size > 0 || this.#total > this.#limits.tunnelHeldBytes;
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
    const culprits = this.#over.size > 0 ? [...this.#over] : [this.#mostHeld()];
    for (const channel of culprits) {
      channel?.fail(ChannelError.timeout, 'its reader has stalled and held up the whole tunnel');
    }
    // A failed channel gives its bytes back. If others are still above the bound, the timer is armed again.
    if (this.#stallTimer === null) this.#resume();
  }

  #mostHeld(): BufferingChannel | undefined {
    let most: BufferingChannel | undefined;
    for (const channel of this.#holding) if (!most || channel.held > most.held) most = channel;
    return most;
  }
}

function mark(set: Set<BufferingChannel>, channel: BufferingChannel, member: boolean): void {
  if (member) set.add(channel);
  else set.delete(channel);
}
