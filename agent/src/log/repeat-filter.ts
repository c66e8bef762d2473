/** Reasons that pass in a day of one outage, and the first of each kind. */
const MOST_REASONS = 8;
const DAY_MS = 86_400_000;

/**
 * Lets each reason of an outage pass once a day, in whatever order they alternate, so that a reflector that is away for a
 * month does not wear the flash out.
 */
export class RepeatFilter {
  readonly #seen = new Set<string>();
  readonly #kinds = new Set<string>();
  #since = 0;

  /**
   * `now` in monotonic milliseconds. `kind`: one of few. Reasons with addresses are many, and what is of another kind passes behind
   * them, too.
   */
  isNew(reason: string, now: number, kind = ''): boolean {
    if (now - this.#since >= DAY_MS) {
      this.end();
      this.#since = now;
    }
    if (this.#seen.has(reason)) return false;
    if (this.#seen.size >= MOST_REASONS && this.#kinds.has(kind)) return false;
    this.#seen.add(reason);
    this.#kinds.add(kind);
    return true;
  }

  /** The outage is over. */
  end(): void {
    this.#seen.clear();
    this.#kinds.clear();
  }
}
