export interface TokenBucketBounds {
  /** Tokens in the bucket, at most and at the start. */
  readonly atOnce: number;
  /** Tokens a second that come in, at the start and once `rampMs` have passed. */
  readonly perSecondAtStart: number;
  readonly perSecond: number;
  readonly rampMs: number;
  /** Longest time that is asked for. */
  readonly askedMs: number;
  /** How far those of one network push back all others. */
  readonly shareMs: number;
}

/** Where those of one network stand. */
export interface QueuePosition {
  /** The moment that was given to the last of them. */
  last: number;
}

/**
 * A bucket of tokens, one for each device that is let in, and filled at a rate that grows. Who finds it empty is told when
 * to come again (RFC 9110 section 10.2.3): each a moment later than the one before, as if they stood in a queue that is
 * served at that rate. Agents add up to as much again of their own, so that some two thirds of the rate are used and no
 * second wave forms. Those who wait cost no memory. Of one network, those who are more than its share stand behind everybody
 * else: whoever comes ten thousand times does not make the others wait for ten thousand.
 */
export class TokenBucket {
  readonly #bounds: TokenBucketBounds;
  readonly #start: number;
  #tokens: number;
  #at: number;
  /** The moment that was given to the last who was asked to wait. */
  #last: number;

  /** `now` in milliseconds of a monotonic clock, here and below. */
  constructor(bounds: TokenBucketBounds, now: number) {
    this.#bounds = bounds;
    this.#start = now;
    this.#tokens = bounds.atOnce;
    this.#at = now;
    this.#last = now;
  }

  /**
   * `null` lets one device pass; otherwise the seconds after which it is to come again, at least 1. `position`: of its
   * network, asked for where it is needed.
   */
  admit(now: number, position?: () => QueuePosition): number | null {
    this.#refill(now);
    const rate = this.#rate(now);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return null;
    }
    const excess = position ? this.#excess(position(), now, 1000 / rate) : 0;
    if (excess === 0) this.#last = Math.max(this.#last, now) + 1000 / rate;
    const wait = Math.max(this.#last - now, 0) + excess;
    return Math.ceil(Math.min(Math.max(wait, 1), this.#bounds.askedMs) / 1000);
  }

  /** Whether so few come that nobody has to wait for anybody: an eighth of the tokens at most is taken. */
  isQuiet(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= (this.#bounds.atOnce * 7) / 8;
  }

  #refill(now: number): void {
    const come = ((now - this.#at) / 1000) * this.#rate(now);
    this.#tokens = Math.min(this.#bounds.atOnce, this.#tokens + come);
    this.#at = now;
  }

  /** By how much one more is beyond the share of its network, ms. */
  #excess(position: QueuePosition, now: number, stepMs: number): number {
    position.last = Math.max(position.last, now) + stepMs;
    return Math.max(0, position.last - now - this.#bounds.shareMs);
  }

  /** Devices a second. */
  #rate(now: number): number {
    const { perSecondAtStart: from, perSecond: to, rampMs } = this.#bounds;
    return from + (to - from) * Math.min(1, (now - this.#start) / rampMs);
  }
}
