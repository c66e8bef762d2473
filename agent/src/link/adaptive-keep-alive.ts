/** The shortest interval that is learned, in milliseconds: no middlebox in use forgets sooner. */
const FLOOR_MS = 15_000;

/** How far apart the idle times of two links may be that were cut by one rule: timers of middleboxes are coarse. */
const TOLERANCE_MS = 2000;
const TOLERANCE = 0.05;

/** How long a learned interval holds, in milliseconds: a link that is made later tries twice as much. */
const LEARNED_FOR_MS = 7 * 86_400_000;

/**
 * Learns how long a link may be silent before a middlebox on its way forgets it. Two links in a row that were cut when
 * they had been idle for the same time, and that were dialled again at the first attempt (so that the network was
 * there), halve the interval, again and again until it is shorter than that time, down to a floor.
 *
 * What is learned is kept in memory only. The way back up is one doubling at most a week, when a link happens to be made.
 */
export class AdaptiveKeepAlive {
  /** The longest interval that is thought safe, in milliseconds. */
  #safeMs = Number.POSITIVE_INFINITY;
  #learnedAt = 0;
  #inForceMs = 0;
  /** The idle time at which the link before the last was cut, and the last. */
  #earlier: number | null = null;
  #latest: number | null = null;

  /** A link is made: the interval for it, where `agreedMs` is that of the configuration or the reflector. */
  begin(agreedMs: number, now: number): number {
    if (this.#safeMs < agreedMs && now - this.#learnedAt >= LEARNED_FOR_MS) {
      this.#safeMs *= 2;
      this.#learnedAt = now;
    }
    this.#learn(now);
    this.#inForceMs = Math.min(agreedMs, this.#safeMs);
    return this.#inForceMs;
  }

  /** The link was lost without a close, after `idleMs` milliseconds without traffic. */
  linkLost(idleMs: number): void {
    this.#earlier = this.#latest;
    this.#latest = idleMs >= FLOOR_MS ? idleMs : null;
  }

  /** The link has ended otherwise, or an attempt has failed: earlier losses prove nothing. */
  inconclusive(): void {
    this.#earlier = this.#latest = null;
  }

  #learn(now: number): void {
    if (this.#earlier === null || this.#latest === null) return;
    const age = Math.min(this.#earlier, this.#latest);
    if (Math.abs(this.#earlier - this.#latest) > Math.max(TOLERANCE_MS, age * TOLERANCE)) return;
    this.inconclusive();
    let shorter = this.#inForceMs / 2;
    while (shorter >= age) shorter /= 2;
    if (this.#inForceMs <= FLOOR_MS) return;
    this.#safeMs = Math.max(FLOOR_MS, shorter);
    this.#learnedAt = now;
  }
}
