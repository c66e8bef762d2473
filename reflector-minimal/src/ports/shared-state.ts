/** How a count is forgotten. */
export interface Forgetting {
  /** After this time without another addition, ms. */
  readonly memoryMs: number;
  /** This much in each ms, evenly; 0: not before `memoryMs`. */
  readonly perMs: number;
}

/** A counter of many keys that several processes add to. */
export interface SharedCounter {
  /** Adds soon. Never waits and never fails: while the state is away, what was added waits with a bound, and this process counts alone. */
  add(key: string, amount: number, forgetting: Forgetting): void;
  /** What was added before counts no more, by whomever. */
  reset(key: string): void;
}

/**
 * Told of a count that may be another than this process knows: with its own additions, also those that others do not know yet.
 * `agoMs`: since the last addition.
 */
export type LearnCount = (key: string, count: number, agoMs: number) => void;

/**
 * What several processes of one installation know together, see `docs/ports/shared-state.md`. It may lose everything, but then its
 * epoch is another one.
 */
export interface SharedState {
  /** Milliseconds of one clock, which all processes read alike to a second or two. It is no process's own, and never waits. */
  now(): number;
  /** Eight bytes. Another one: what was used before is not known any more, and counts as used. */
  readonly epoch: Buffer;
  /**
   * Uses a key up. True for one call of any process at most, within `ms`. False: it was used, or was given out in another epoch than
   * the present one. Rejects with `StoreUnavailable` when that cannot be told, also because too many keys are used: nobody is let in by it.
   */
  once(key: Buffer, epoch: Buffer, ms: number): Promise<boolean>;
  /** `name`: of letters and hyphens, the same in all processes. What one process adds, the others learn within 2 s. */
  counter(name: string, learn: LearnCount): SharedCounter;
  close(): Promise<void>;
}
