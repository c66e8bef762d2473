/**
 * Lets one call after the other begin, one in each turn of the event loop. Between two calls the loop handles all that has come
 * through tunnels, so those wait for one call at most, and not for all that have come together.
 */
export class LoopTurns {
  readonly #soon: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;

  /** `soon` runs a function in the next turn, as `setImmediate` does. */
  constructor(soon: (run: () => void) => void) {
    this.#soon = soon;
  }

  /** Resolves when it is the caller's turn, in the order of calls. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(() => {
      this.#scheduled = false;
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}
