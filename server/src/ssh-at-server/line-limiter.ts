/** Lets one line of each reason into the log once in a while, whoever tries again and again. */
export class LineLimiter {
  readonly #clock: { now(): number };
  readonly #everyMs: number;
  /** By reason: when it was last in the log, and how often it was left out since. */
  readonly #said = new Map<string, { readonly at: number; more: number }>();

  constructor(clock: { now(): number }, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** How many lines of this reason, of which there are few, were left out since the last one; `null`: this one is left out, too. */
  admit(reason: string): number | null {
    const now = this.#clock.now();
    const said = this.#said.get(reason);
    if (said && now - said.at < this.#everyMs) {
      said.more++;
      return null;
    }
    this.#said.set(reason, { at: now, more: 0 });
    return said?.more ?? 0;
  }
}
