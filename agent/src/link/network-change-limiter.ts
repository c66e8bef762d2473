/** How long a change of the network is left to settle, in milliseconds: an address is followed by its routes. */
const SETTLE_MS = 500;

/** The longest time that is added at random, in milliseconds: a whole site may be behind the router that has come back. */
const JITTER_MS = 1000;

/** Changes that are acted upon at once, and the milliseconds after which there is one more of them. */
const BURST = 8;
const REFILL_MS = 30_000;

/**
 * Says when the link may act on a change of the network. A device that starts, or that roams, sees a few of them and is
 * to be quick at each; an interface that flaps for hours must not make a hammer of it.
 */
export class Haste {
  /** When the last of the burst is free again; each act puts it off by one refill. */
  #spentUntil = Number.NEGATIVE_INFINITY;
  #actAt: number | null = null;

  /** The network has changed; `random` is uniform in [0, 1). */
  changed(now: number, random: number): void {
    this.#actAt ??= Math.max(
      now + SETTLE_MS + random * JITTER_MS,
      this.#spentUntil - (BURST - 1) * REFILL_MS,
    );
  }

  /** When to act on what has changed since the last act, or `null`. */
  get actAt(): number | null {
    return this.#actAt;
  }

  /** Whether the time to act has come; if so, what has changed is dealt with. */
  take(now: number): boolean {
    if (this.#actAt === null || now < this.#actAt) return false;
    this.#actAt = null;
    this.#spentUntil = Math.max(now, this.#spentUntil) + REFILL_MS;
    return true;
  }

  /** What has changed is of no interest any more. */
  forget(): void {
    this.#actAt = null;
  }
}
