import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import { networkOf } from 'rm-reflector/accounts';
import type { Limits } from '../limits.ts';

/** How often somebody who has not logged in may ask, by address. */
export class AddressRate {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'openCallsPerAddress' | 'openCallsMs'>;
  readonly #windows: LRUCache<string, { readonly began: number; count: number }>;

  constructor(clock: Clock, limits: Pick<Limits, 'openCallsPerAddress' | 'openCallsMs' | 'callers'>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#windows = new LRUCache({ max: limits.callers });
  }

  /** False beyond `limits.openCallsPerAddress` in `limits.openCallsMs`. */
  take(address: string): boolean {
    const now = this.#clock.now();
    // An IPv6 network of one customer has as many addresses as anybody likes.
    const key = networkOf(address);
    let window = this.#windows.get(key);
    if (!window || now - window.began >= this.#limits.openCallsMs) {
      window = { began: now, count: 0 };
      this.#windows.set(key, window);
    }
    window.count++;
    return window.count <= this.#limits.openCallsPerAddress;
  }
}
