import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { StoreUnavailable } from '../ports/store.ts';

/**
 * Writes that nobody waits for: who is on line, properties, counters. While the data file cannot be used they are kept in
 * their order and tried again, so that a full disk or a lock costs no tunnel and loses no counter.
 */
export class DeferredWrites {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'storeRetryMs' | 'deferredWrites'>;
  readonly #waiting = new Map<string, () => void>();
  #retry: Cancellable | null = null;

  constructor(clock: Clock, limits: Pick<Limits, 'storeRetryMs' | 'deferredWrites'>) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Writes that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Writes now or later. A write that still waits under the same key is replaced. */
  write(key: string, run: () => void): void {
    if (this.#waiting.size === 0 && this.#attempt(run)) return;
    this.#waiting.delete(key);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size < this.#limits.deferredWrites) break;
      this.#waiting.delete(oldest);
    }
    this.#waiting.set(key, run);
    this.#retry ??= this.#schedule();
  }

  /** Tries what waits; false when some of it still does. */
  flush(): boolean {
    for (const [key, run] of this.#waiting) {
      if (!this.#attempt(run)) return false;
      this.#waiting.delete(key);
    }
    return true;
  }

  stop(): void {
    this.#retry?.cancel();
    this.#retry = null;
  }

  #attempt(run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return false;
    }
  }

  #schedule(): Cancellable {
    return this.#clock.schedule(this.#limits.storeRetryMs, () => {
      this.#retry = null;
      try {
        this.flush();
      } finally {
        if (this.#waiting.size > 0) this.#retry = this.#schedule();
      }
    });
  }
}
