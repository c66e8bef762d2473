import { IdleEvictingMap } from './idle-evicting-map.ts';

/** Somebody's budget of failures: whoever is counted under `key` may fail `failures` times in a period. */
export interface Budget {
  readonly key: string;
  readonly failures: number;
}

interface Entry {
  /** Failures that are not forgotten yet; a fraction of one is. */
  failures: number;
  /** When that was true. */
  at: number;
  underWay: number;
  /** The moment that was given to the last of this key who was asked to come again. */
  last: number;
}

/**
 * Counts failures by key, and forgets a key's whole budget of them in a period, evenly. Successes cost nothing. A key
 * without a failure may have any number of attempts under way; one with failures no more than it could afford to fail.
 * What fails beyond the budget is a debt that has to be forgotten first, so that nothing is gained by coming all at once.
 */
export class FailureBudgets {
  readonly #periodMs: number;
  readonly #strict: boolean;
  readonly #entries: IdleEvictingMap<Entry>;

  /**
   * `keys`: as many are remembered, beyond them the oldest that have nothing under way are forgotten. `strict`: what is
   * under way counts from the beginning.
   */
  constructor({
    periodMs,
    keys,
    strict = false,
  }: {
    readonly periodMs: number;
    readonly keys: number;
    readonly strict?: boolean;
  }) {
    this.#periodMs = periodMs;
    this.#entries = new IdleEvictingMap(keys);
    this.#strict = strict;
  }

  /** Keys in memory. */
  get size(): number {
    return this.#entries.size;
  }

  /** How long a further attempt has to wait, ms; 0 for not at all. `now`: monotonic ms, here and below. */
  wait({ key, failures: budget }: Budget, now: number): number {
    const entry = this.#entries.peek(key);
    if (!entry) return 0;
    this.#forget(entry, budget, now);
    if (entry.failures === 0 && !this.#strict) return 0;
    if (entry.failures + entry.underWay + 1 <= budget) return 0;
    // What is under way is over in a moment, and may turn out well.
    return Math.max(1, ((entry.failures + 1 - budget) * this.#periodMs) / budget);
  }

  begin({ key }: Budget, now: number): void {
    this.#of(key, now).underWay++;
  }

  end({ key, failures: budget }: Budget, failed: boolean, now: number): void {
    const entry = this.#of(key, now);
    this.#forget(entry, budget, now);
    entry.underWay--;
    if (failed) entry.failures++;
    if (entry.failures === 0 && entry.underWay === 0 && entry.last <= now) this.#entries.delete(key);
  }

  /** Counts one that takes no time. */
  spend(budget: Budget, now: number): void {
    this.begin(budget, now);
    this.end(budget, true, now);
  }

  /** Whether something is counted for this key that is not forgotten yet. */
  counts({ key, failures: budget }: Budget, now: number): boolean {
    const entry = this.#entries.peek(key);
    if (!entry) return false;
    this.#forget(entry, budget, now);
    return entry.failures > 0;
  }

  /** Where a key stands among those who were asked to come again; kept with it. */
  position(key: string, now: number): { last: number } {
    return this.#of(key, now);
  }

  #forget(entry: Entry, budget: number, now: number): void {
    entry.failures = Math.max(0, entry.failures - ((now - entry.at) * budget) / this.#periodMs);
    entry.at = now;
  }

  #of(key: string, now: number): Entry {
    return this.#entries.use(key, () => ({ failures: 0, at: now, underWay: 0, last: now }));
  }
}
