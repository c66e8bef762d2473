/** Reasons that pass in a day of one outage. */
const MOST_REASONS = 8;
const DAY_MS = 86_400_000;

/**
 * Lets each reason of an outage pass once a day, in whatever order they alternate, so that a reflector that is away for a
 * month does not wear the flash out.
 */
export class RepeatFilter {
  readonly #seen = new Set<string>();
  #since = 0;

  /** `now` in monotonic milliseconds. */
  isNew(reason: string, now: number): boolean {
    if (now - this.#since >= DAY_MS) {
      this.#seen.clear();
      this.#since = now;
    }
    if (this.#seen.has(reason) || this.#seen.size >= MOST_REASONS) return false;
    this.#seen.add(reason);
    return true;
  }

  /** The outage is over. */
  end(): void {
    this.#seen.clear();
  }
}
