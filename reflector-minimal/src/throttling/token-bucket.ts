export interface TokenBucketBounds {
  /** Tokens in the bucket, at most and at the start. */
  readonly atOnce: number;
  /** Tokens added per second, at the start and after `rampMs`. */
  readonly perSecondAtStart: number;
  readonly perSecond: number;
  readonly rampMs: number;
  /** Longest wait that is asked for, ms. */
  readonly askedMs: number;
  /** How far the devices of one network may delay all others, ms. */
  readonly shareMs: number;
}

/** Where a network stands in the queue. */
export interface QueuePosition {
  /** The time given to the last of its devices. */
  last: number;
}

/**
 * A token bucket whose rate grows after the start. Each admitted device takes a token. A device that finds the bucket empty
 * is told when to come back (RFC 9110 section 10.2.3): each one a little later than the one before, as if they stood in a
 * queue that is served at the bucket's rate. Agents add up to the same time again, so about two thirds of the rate are used
 * and no second wave forms. Waiting devices cost no memory. Devices beyond the share of their network queue behind all
 * others: a network that comes ten thousand times does not delay the others by ten thousand places.
 */
export class TokenBucket {
  readonly #bounds: TokenBucketBounds;
  readonly #start: number;
  #tokens: number;
  #at: number;
  /** The time given to the last device that was told to wait. */
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
   * `null` admits one device. Otherwise the seconds after which it is to come back, at least 1. `position`: of its network;
   * called only when it is needed.
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

  /** Whether nobody has to wait: at most an eighth of the tokens is taken. */
  isQuiet(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= (this.#bounds.atOnce * 7) / 8;
  }

  #refill(now: number): void {
    const come = ((now - this.#at) / 1000) * this.#rate(now);
    this.#tokens = Math.min(this.#bounds.atOnce, this.#tokens + come);
    this.#at = now;
  }

  /** How far one more device is beyond the share of its network, ms. */
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
