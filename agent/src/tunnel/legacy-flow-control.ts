import { ChannelError } from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { Cancellable, Clock } from '../host.ts';
import type { Channel } from './channel.ts';

/**
 * Flow control towards a reflector that has no extension (`webtunnel.md` section 3). All it understands is that the
 * whole tunnel is not read. That is right for as long as the local reader that is behind goes on taking bytes: it is
 * slow, and TCP passes its pace on. A reader that takes nothing for `limits.stallMs` has stalled: its channel ends.
 * A late review ends nothing: the process has stood still itself, and could not see what the readers took.
 */
export class LegacyFlowControl {
  readonly #clock: Clock;
  readonly #limits: Limits;
  /** Asked to stop (true) and to go on (false) reading the tunnel. */
  readonly #pauseReading: (stop: boolean) => void;
  /** Channels that are behind, with the time at which each was last seen to take bytes. */
  readonly #behind = new Map<Channel, number>();
  #timer: Cancellable | null = null;
  /** When the next review is due. */
  #due = 0;

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
      if (!this.#timer) this.#reviewIn(this.#limits.stallMs);
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

  #reviewIn(delayMs: number): void {
    this.#due = this.#clock.now() + delayMs;
    this.#timer = this.#clock.schedule(delayMs, () => this.#review());
  }

  #review(): void {
    this.#timer = null;
    const { stallMs } = this.#limits;
    const now = this.#clock.now();
    if (now > this.#due + stallMs / 2) {
      for (const channel of this.#behind.keys()) this.#behind.set(channel, now);
      this.#reviewIn(stallMs);
      return;
    }
    for (const [channel, since] of [...this.#behind]) {
      if (now - since >= stallMs) {
        channel.expire(ChannelError.timeout);
        this.forget(channel);
      }
    }
    if (this.#behind.size === 0) return;
    this.#reviewIn(Math.max(1, Math.min(...this.#behind.values()) + stallMs - now));
  }
}
