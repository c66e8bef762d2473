import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';

/** How often each user may call: so many at once, and one more each `limits.callMs`. */
export class CallRate {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'callsBurst' | 'callMs' | 'callers'>;
  /** The time at which the bucket of a user is full again. */
  readonly #fullAt: LRUCache<string, number>;

  constructor(clock: Clock, limits: Pick<Limits, 'callsBurst' | 'callMs' | 'callers'>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#fullAt = new LRUCache({ max: limits.callers });
  }

  /** `null`: go on. Otherwise the whole seconds after which the user may call again. */
  take(user: string): number | null {
    const { callsBurst, callMs } = this.#limits;
    const now = this.#clock.now();
    const fullAt = Math.max(now, this.#fullAt.get(user) ?? now) + callMs;
    const wait = fullAt - now - callsBurst * callMs;
    if (wait > 0) return Math.ceil(wait / 1000);
    this.#fullAt.set(user, fullAt);
    return null;
  }
}
