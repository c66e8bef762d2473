import { StoreUnavailable } from '../ports/store.ts';
import { asUnavailable } from './unavailable.ts';

/** How a running reflector lives with a data file that fails now and then. */
export interface StoreCare {
  /** How long a call waits for another process that holds the file, ms. Node does nothing else meanwhile. */
  readonly busyMs: number;
  /** How long calls of the same kind fail at once after one has failed, ms. */
  readonly retryMs: number;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Calls of this kind have begun to fail. */
  failed(kind: 'read' | 'write', error: StoreUnavailable): void;
  /** They succeed again. */
  recovered(kind: 'read' | 'write'): void;
}

/**
 * Runs the calls of one kind. After a failure further calls fail at once for `retryMs`, so that a file that is locked
 * does not stop the process for `busyMs` each time.
 */
export class Breaker {
  readonly #kind: 'read' | 'write';
  #care: StoreCare | null = null;
  #failure: StoreUnavailable | null = null;
  #retryAt = 0;
  /** Calls within a transaction prove nothing: it may still fail to commit. */
  #depth = 0;

  constructor(kind: 'read' | 'write') {
    this.#kind = kind;
  }

  watch(care: StoreCare): void {
    this.#care = care;
  }

  /** Throws {@link StoreUnavailable} when the file cannot be used; other errors as they are. */
  run<Result>(call: () => Result): Result {
    if (this.#failure && this.#care && this.#care.now() < this.#retryAt) throw this.#failure;
    this.#depth++;
    try {
      const result = call();
      if (this.#failure && this.#depth === 1) {
        this.#failure = null;
        this.#care?.recovered(this.#kind);
      }
      return result;
    } catch (thrown) {
      const error = asUnavailable(thrown);
      if (error instanceof StoreUnavailable) this.#fail(error);
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #fail(error: StoreUnavailable): void {
    const first = this.#failure === null;
    this.#failure = error;
    if (!this.#care) return;
    error.told();
    this.#retryAt = this.#care.now() + this.#care.retryMs;
    if (first) this.#care.failed(this.#kind, error);
  }
}
