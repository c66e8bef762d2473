import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { StoreUnavailable } from '../ports/store.ts';

type Write = () => Promise<void>;

/**
 * Writes that nobody waits for: who is on line, properties, counters. All that wait are begun in their order, so that a store
 * far away may write them as one; later ones wait until all of these have ended. While the store cannot be used
 * they are kept in their order and tried again, so that a full disk or a lock costs no tunnel and loses no counter.
 */
export class DeferredWrites {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'storeRetryMs' | 'deferredWrites'>;
  readonly #failed: (error: unknown) => void;
  readonly #waiting = new Map<string, Write>();
  #writing: Promise<boolean> | null = null;
  #retry: Cancellable | null = null;

  /** `failed` is told of errors that are a fault of ours: that write is not tried again. */
  constructor(
    clock: Clock,
    limits: Pick<Limits, 'storeRetryMs' | 'deferredWrites'>,
    failed: (error: unknown) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#failed = failed;
  }

  /** Writes that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Writes now or later. A write that still waits under the same key is replaced. */
  write(key: string, run: Write): void {
    this.#waiting.delete(key);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size < this.#limits.deferredWrites) break;
      this.#waiting.delete(oldest);
    }
    this.#waiting.set(key, run);
    if (!this.#retry) this.flush().catch(this.#failed);
  }

  /** Tries what waits; false when some of it still does. */
  flush(): Promise<boolean> {
    if (this.#waiting.size === 0) return Promise.resolve(true);
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  stop(): void {
    this.#retry?.cancel();
    this.#retry = null;
  }

  async #writeAll(): Promise<boolean> {
    let isAway = false;
    while (this.#waiting.size > 0 && !isAway) {
      const round = [...this.#waiting];
      await Promise.all(
        round.map(async ([key, run]) => {
          try {
            await run();
          } catch (error) {
            if (error instanceof StoreUnavailable) {
              isAway = true;
              return;
            }
            this.#failed(error);
          }
          if (this.#waiting.get(key) === run) this.#waiting.delete(key);
        }),
      );
    }
    this.#writing = null;
    if (isAway) this.#retry ??= this.#schedule();
    return !isAway;
  }

  #schedule(): Cancellable {
    return this.#clock.schedule(this.#limits.storeRetryMs, () => {
      this.#retry = null;
      this.flush().catch(this.#failed);
    });
  }
}
