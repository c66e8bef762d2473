import type { LearnCount, SharedCounter } from '../ports/shared-state.ts';
import { IdleEvictingMap } from './idle-evicting-map.ts';

/** The budget of one key: it may fail `failures` times in a period. */
export interface Budget {
  readonly key: string;
  readonly failures: number;
}

/** A debt of so many budgets is remembered for other processes. */
const debtPeriods = 10;

interface Entry {
  /** Failures that are not forgotten yet; may be a fraction. */
  failures: number;
  /** When `failures` was computed. */
  at: number;
  underWay: number;
  /** The time given to the last arrival of this key that was told to come back later. */
  last: number;
}

/**
 * Counts failures by key and forgets them evenly, a whole budget in each period. Successes cost nothing. A key without
 * failures may have any number of attempts under way. A key with failures may have only as many as its budget can still
 * pay for. Failures beyond the budget are a debt that is forgotten first, so that many attempts at once gain nothing.
 */
export class FailureBudgets {
  readonly #periodMs: number;
  readonly #strict: boolean;
  readonly #entries: IdleEvictingMap<Entry>;
  readonly #shared: SharedCounter | null;

  /**
   * `keys`: the most that are remembered; the oldest without an attempt under way is forgotten first. `strict`: attempts
   * under way count also for a key without failures. `share`: what counts with other processes, given what is told of their counts, and
   * `now`; none by default.
   */
  constructor({
    periodMs,
    keys,
    strict = false,
    share = null,
  }: {
    readonly periodMs: number;
    readonly keys: number;
    readonly strict?: boolean;
    readonly share?: {
      counter(learn: LearnCount): SharedCounter;
      now(): number;
    } | null;
  }) {
    this.#periodMs = periodMs;
    this.#entries = new IdleEvictingMap(keys);
    this.#strict = strict;
    this.#shared = share?.counter((key, failures) => this.#learn(key, failures, share.now())) ?? null;
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
    // Attempts under way end soon, and may succeed.
    return Math.max(1, ((entry.failures + 1 - budget) * this.#periodMs) / budget);
  }

  begin({ key }: Budget, now: number): void {
    this.#of(key, now).underWay++;
  }

  end({ key, failures: budget }: Budget, failed: boolean, now: number): void {
    const entry = this.#of(key, now);
    this.#forget(entry, budget, now);
    entry.underWay--;
    if (failed) {
      entry.failures++;
      this.#shared?.add(key, 1, { memoryMs: debtPeriods * this.#periodMs, perMs: budget / this.#periodMs });
    }
    if (entry.failures === 0 && entry.underWay === 0 && entry.last <= now) this.#entries.delete(key);
  }

  /** Counts one failure that takes no time. */
  spend(budget: Budget, now: number): void {
    this.begin(budget, now);
    this.end(budget, true, now);
  }

  /** Whether this key has failures that are not forgotten yet. */
  counts({ key, failures: budget }: Budget, now: number): boolean {
    const entry = this.#entries.peek(key);
    if (!entry) return false;
    this.#forget(entry, budget, now);
    return entry.failures > 0;
  }

  /** The key's position in the queue of those that were told to come back later; kept with the key. */
  position(key: string, now: number): { last: number } {
    return this.#of(key, now);
  }

  /** What all processes have counted together. */
  #learn(key: string, failures: number, now: number): void {
    if (failures === 0 && !this.#entries.peek(key)) return;
    const entry = this.#of(key, now);
    entry.failures = failures;
    entry.at = now;
  }

  #forget(entry: Entry, budget: number, now: number): void {
    entry.failures = Math.max(0, entry.failures - ((now - entry.at) * budget) / this.#periodMs);
    entry.at = now;
  }

  #of(key: string, now: number): Entry {
    return this.#entries.use(key, () => ({ failures: 0, at: now, underWay: 0, last: now }));
  }
}
