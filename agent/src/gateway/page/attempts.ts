import type { Clock } from 'rm-protocol';
import { pageLimits } from './limits.ts';

/** Attempts that wait for each other. After some wrong ones, each further one has to wait twice as long, up to a minute. */
export class Attempts {
  /** Whose passwords are verified now. */
  underWay = 0;
  readonly #clock: Pick<Clock, 'now'>;
  #failures = 0;
  #openAt = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** How long the next attempt has to wait, in milliseconds; 0: it may come. */
  get waitMs(): number {
    return Math.max(0, this.#openAt - this.#clock.now());
  }

  failed(): void {
    this.#failures++;
    const more = this.#failures - pageLimits.freeAttempts;
    if (more < 0) return;
    this.#openAt = this.#clock.now() + Math.min(pageLimits.longestWaitMs, 1000 * (1 << Math.min(more, 16)));
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openAt = 0;
  }
}
