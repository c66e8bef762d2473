import { gatewayLimits } from '../config/limits.ts';
import type { Cancellable, Clock } from '../host.ts';

/** A device that dials, or waits for its turn. */
export interface DialSlot extends Cancellable {}

interface Holder {
  /** `null` when it has begun. */
  run: (() => void) | null;
  timer: Cancellable | null;
}

/**
 * Lets few devices dial at once, in the order in which they asked, so that 200 that have lost their reflector do not shake
 * hands at the same moment. One that takes long, because nobody answers it, keeps the others for a moment only.
 */
export class DialSlots {
  readonly #clock: Clock;
  readonly #waiting = new Set<Holder>();
  readonly #running = new Set<Holder>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `run` when it is this device's turn, never from within the call. `cancel` gives the turn back. */
  take(run: () => void): DialSlot {
    const holder: Holder = { run, timer: null };
    this.#waiting.add(holder);
    this.#next();
    return { cancel: () => this.#leave(holder) };
  }

  #leave(holder: Holder): void {
    holder.timer?.cancel();
    holder.timer = null;
    this.#waiting.delete(holder);
    if (this.#running.delete(holder)) this.#next();
  }

  #next(): void {
    for (const holder of this.#waiting) {
      if (this.#running.size >= gatewayLimits.dialsAtOnce) return;
      this.#waiting.delete(holder);
      this.#running.add(holder);
      holder.timer = this.#clock.schedule(0, () => this.#begin(holder));
    }
  }

  #begin(holder: Holder): void {
    holder.timer = this.#clock.schedule(gatewayLimits.dialMs, () => this.#leave(holder));
    holder.run?.();
    holder.run = null;
  }
}
