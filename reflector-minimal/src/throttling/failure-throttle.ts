import type { Clock } from 'rm-protocol';
import type { LearnCount, SharedCounter } from '../ports/shared-state.ts';
import { IdleEvictingMap } from './idle-evicting-map.ts';

export interface ThrottleBounds {
  /** Failures that cost no wait, and attempts that may be under way at once until then. */
  readonly free: number;
  /** Longest wait, ms. */
  readonly waitMs: number;
  /** Failures are forgotten after this time without another one, ms. */
  readonly memoryMs: number;
  /** Keys that are remembered. */
  readonly keys: number;
  /** Attempts that wait for others of the same key. */
  readonly waiting: number;
}

/** `waiting` attempts wait already. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

interface Entry {
  failures: number;
  /** Of the last failure. */
  at: number;
  /** No attempt before this. */
  until: number;
  underWay: number;
  readonly waiting: (() => void)[];
}

/** An attempt that was let through; `end` must be called once. */
export interface Turn {
  end(outcome: 'failed' | 'neither' | 'succeeded'): void;
}

const firstWaitMs = 1000;

/**
 * Counts failed attempts by key. The first `free` failures cost nothing. After each further one the key waits, twice as
 * long as before. An attempt during that time is not made and does not extend it. Only as many attempts are under way at
 * once as could fail for free; the others wait their turn, so parallel attempts gain nothing.
 */
export class FailureThrottle {
  readonly #clock: Clock;
  readonly #bounds: ThrottleBounds;
  readonly #entries: IdleEvictingMap<Entry>;
  /** Counts with other processes; `null`: there are none. */
  readonly #shared: SharedCounter | null;
  #waiting = 0;

  /** `share`: what counts with other processes, given what is told of their counts; none by default. */
  constructor(
    clock: Clock,
    bounds: ThrottleBounds,
    share: ((learn: LearnCount) => SharedCounter) | null = null,
  ) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.#entries = new IdleEvictingMap(bounds.keys);
    this.#shared = share?.((key, failures, agoMs) => this.#learn(key, failures, agoMs)) ?? null;
  }

  /** Keys in memory. */
  get size(): number {
    return this.#entries.size;
  }

  /** A turn, or the ms to wait before the next attempt. Rejects with {@link TooManyWaiting}. */
  async begin(key: string): Promise<Turn | number> {
    for (;;) {
      const entry = this.#entry(key);
      const wait = entry.until - this.#clock.now();
      if (wait > 0) return wait;
      if (entry.underWay < Math.max(1, this.#bounds.free - entry.failures)) return this.#turn(key, entry);
      if (this.#waiting >= this.#bounds.waiting) throw new TooManyWaiting('too many log-ins');
      this.#waiting++;
      await new Promise<void>((resolve) => entry.waiting.push(resolve));
      this.#waiting--;
    }
  }

  #turn(key: string, entry: Entry): Turn {
    entry.underWay++;
    return {
      end: (outcome) => {
        entry.underWay--;
        if (outcome === 'failed') {
          this.#fail(entry);
          this.#shared?.add(key, 1, { memoryMs: this.#bounds.memoryMs, perMs: 0 });
        } else if (outcome === 'succeeded') {
          if (entry.failures > 0) this.#shared?.reset(key);
          entry.failures = 0;
        }
        for (const resume of entry.waiting.splice(0)) resume();
        if (entry.failures === 0 && entry.underWay === 0 && this.#entries.peek(key) === entry) {
          this.#entries.delete(key);
        }
      },
    };
  }

  #fail(entry: Entry): void {
    entry.at = this.#clock.now();
    entry.failures++;
    this.#wait(entry);
  }

  /** What all processes have counted together. */
  #learn(key: string, failures: number, agoMs: number): void {
    const known = this.#entries.peek(key);
    if (failures === 0 && known) known.failures = 0;
    // Fewer, but some: what they had counted was lost, and this process has not forgotten.
    if (failures <= (known?.failures ?? 0)) return;
    const entry = this.#entry(key);
    entry.failures = failures;
    entry.at = this.#clock.now() - agoMs;
    this.#wait(entry);
  }

  #wait(entry: Entry): void {
    const { free, waitMs } = this.#bounds;
    const beyond = entry.failures - free;
    const wait = Math.min(waitMs, firstWaitMs * 2 ** Math.min(beyond, 30));
    if (beyond >= 0) entry.until = Math.max(entry.until, entry.at + wait);
  }

  #entry(key: string): Entry {
    const now = this.#clock.now();
    const entry = this.#entries.use(key, () => ({
      failures: 0,
      at: now,
      until: 0,
      underWay: 0,
      waiting: [],
    }));
    if (now - entry.at >= this.#bounds.memoryMs) entry.failures = 0;
    return entry;
  }
}
