/** Reasons that are told of one outage in a day. */
const MOST = 8;
const DAY_MS = 86_400_000;

/**
 * What is news of an outage: each reason once a day, in whatever order they alternate, so that a reflector that is away
 * for a month does not wear the flash out.
 */
export class OutageNews {
  readonly #told = new Set<string>();
  #since = 0;

  /** `now` in monotonic milliseconds. */
  isNews(reason: string, now: number): boolean {
    if (now - this.#since >= DAY_MS) {
      this.#told.clear();
      this.#since = now;
    }
    if (this.#told.has(reason) || this.#told.size >= MOST) return false;
    this.#told.add(reason);
    return true;
  }

  /** The outage is over, or of no interest. */
  end(): void {
    this.#told.clear();
  }
}
