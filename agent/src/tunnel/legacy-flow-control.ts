import { ChannelError } from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { Cancellable, Clock } from '../host.ts';
import type { Channel } from './channel.ts';

/**
 * Flow control towards a reflector that has no extension (`webtunnel.md` section 3). All it understands is that the
 * whole tunnel is not read. That is right for as long as the local reader that is behind goes on taking bytes: it is
 * slow, and TCP passes its pace on. A reader that takes nothing for `limits.stallMs` has stalled: its channel ends.
 */
export class LegacyFlowControl {
  readonly #clock: Clock;
  readonly #limits: Limits;
  /** Asked to stop (true) and to go on (false) reading the tunnel. */
  readonly #pauseReading: (stop: boolean) => void;
  /** Channels that are behind, with the time at which each was last seen to take bytes. */
  readonly #behind = new Map<Channel, number>();
  #timer: Cancellable | null = null;

  constructor(clock: Clock, limits: Limits, pauseReading: (stop: boolean) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#pauseReading = pauseReading;
  }

  /** `channel` holds more or fewer bytes than before. */
  changed(channel: Channel, progress: boolean): void {
    const behind = this.#behind.has(channel);
    if (!behind && channel.held > this.#limits.windowBytes / 2) {
      this.#behind.set(channel, this.#clock.now());
      if (this.#behind.size === 1) this.#pauseReading(true);
      this.#timer ??= this.#clock.schedule(this.#limits.stallMs, () => this.#review());
    } else if (behind && channel.held <= this.#limits.windowBytes / 4) {
      this.forget(channel);
    } else if (behind && progress) {
      this.#behind.set(channel, this.#clock.now());
    }
  }

  forget(channel: Channel): void {
    if (!this.#behind.delete(channel) || this.#behind.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#pauseReading(false);
  }

  #review(): void {
    this.#timer = null;
    const now = this.#clock.now();
    for (const [channel, since] of [...this.#behind]) {
      if (now - since >= this.#limits.stallMs) {
        channel.expire(ChannelError.timeout);
        this.forget(channel);
      }
    }
    if (this.#behind.size === 0) return;
    const next = Math.min(...this.#behind.values()) + this.#limits.stallMs - now;
    this.#timer = this.#clock.schedule(Math.max(1, next), () => this.#review());
  }
}
