import type { Forgetting } from 'rm-reflector/ports';

/** What was added to one key and is not written yet. */
export interface PendingCount extends Forgetting {
  readonly amount: number;
  /** What others have counted before is to be forgotten. */
  readonly isReset: boolean;
}

/** Additions that wait to be written, by key, the one that waits longest first. */
export class PendingCounts {
  readonly #most: number;
  readonly #counts = new Map<string, PendingCount>();

  /** Beyond `most` keys, the one that waits longest is dropped. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#counts.size;
  }

  /** What is to be added to this key. */
  of(key: string): PendingCount | undefined {
    return this.#counts.get(key);
  }

  add(key: string, amount: number, forgetting: Forgetting): void {
    const former = this.#counts.get(key);
    this.#set(key, {
      ...forgetting,
      amount: (former?.amount ?? 0) + amount,
      isReset: former?.isReset ?? false,
    });
  }

  reset(key: string, memoryMs: number): void {
    this.#set(key, { amount: 0, isReset: true, memoryMs, perMs: 0 });
  }

  /** Takes out those that wait longest. */
  take(most: number): Map<string, PendingCount> {
    const taken = new Map<string, PendingCount>();
    for (const [key, count] of this.#counts) {
      if (taken.size >= most) break;
      taken.set(key, count);
      this.#counts.delete(key);
    }
    return taken;
  }

  /** What was taken and could not be written comes before what was added since. */
  putBack(taken: ReadonlyMap<string, PendingCount>): void {
    for (const [key, earlier] of taken) {
      const later = this.#counts.get(key);
      if (later?.isReset) continue;
      this.#set(
        key,
        later ? { ...later, amount: later.amount + earlier.amount, isReset: earlier.isReset } : earlier,
      );
    }
  }

  #set(key: string, count: PendingCount): void {
    if (!this.#counts.has(key) && this.#counts.size >= this.#most) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    this.#counts.set(key, count);
  }
}
