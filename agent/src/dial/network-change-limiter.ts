/** How long a change of the network is left to settle, in milliseconds: an address is followed by its routes. */
const SETTLE_MS = 500;

/** The longest time that is added at random, in milliseconds: a whole site may be behind the router that has come back. */
const JITTER_MS = 1000;

/** Changes that the link reacts to at once, and the milliseconds after which there is one more of them. */
const BURST = 8;
const REFILL_MS = 30_000;

/**
 * Limits how often the link reacts to changes of the network. A device that starts or roams sees a few of them and is to
 * react at once; an interface that flaps for hours must not make it dial without end.
 */
export class NetworkChangeLimiter {
  /** When the last of the burst is free again; each reaction puts it off by one refill. */
  #spentUntil = Number.NEGATIVE_INFINITY;
  #dueAt: number | null = null;

  /** The network has changed; `random` is uniform in [0, 1). */
  changed(now: number, random: number): void {
    this.#dueAt ??= Math.max(
      now + SETTLE_MS + random * JITTER_MS,
      this.#spentUntil - (BURST - 1) * REFILL_MS,
    );
  }

  /** When to react to what has changed since the last time, or `null`. */
  get dueAt(): number | null {
    return this.#dueAt;
  }

  /** Whether it is time to react; if so, the change counts as handled. */
  take(now: number): boolean {
    if (this.#dueAt === null || now < this.#dueAt) return false;
    this.#dueAt = null;
    this.#spentUntil = Math.max(now, this.#spentUntil) + REFILL_MS;
    return true;
  }

  /** Drops a change that is not handled yet. */
  forget(): void {
    this.#dueAt = null;
  }
}
