import type { Limits } from '../limits.ts';

export interface ArrivalBounds {
  /** Tokens in the bucket, at most and at the start. */
  readonly atOnce: number;
  /** Tokens a second that come in, at the start and once `rampMs` have passed. */
  readonly perSecondAtStart: number;
  readonly perSecond: number;
  readonly rampMs: number;
  /** Longest time that is asked for. */
  readonly askedMs: number;
}

/**
 * A bucket of tokens, one for each device that is let in, and filled at a rate that grows. Who finds it empty is told when
 * to come again (RFC 9110 section 10.2.3): each a moment later than the one before, as if they stood in a queue that is
 * served at that rate. Agents add up to as much again of their own, so that some two thirds of the rate are used and no
 * second wave forms. Those who wait cost no memory.
 */
export class Arrivals {
  readonly #bounds: ArrivalBounds;
  readonly #start: number;
  #tokens: number;
  #at: number;
  /** The moment that was given to the last who was asked to wait. */
  #last: number;

  /** `now` in milliseconds of a monotonic clock, here and below. */
  constructor(bounds: ArrivalBounds, now: number) {
    this.#bounds = bounds;
    this.#start = now;
    this.#tokens = bounds.atOnce;
    this.#at = now;
    this.#last = now;
  }

  /** `null` lets one device pass; otherwise the seconds after which it is to come again, at least 1. */
  admit(now: number): number | null {
    const rate = this.#rate(now);
    this.#tokens = Math.min(this.#bounds.atOnce, this.#tokens + ((now - this.#at) / 1000) * rate);
    this.#at = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return null;
    }
    this.#last = Math.max(this.#last, now) + 1000 / rate;
    return Math.ceil(Math.min(this.#last - now, this.#bounds.askedMs) / 1000);
  }

  /** Devices a second. */
  #rate(now: number): number {
    const { perSecondAtStart: from, perSecond: to, rampMs } = this.#bounds;
    return from + (to - from) * Math.min(1, (now - this.#start) / rampMs);
  }
}

/**
 * Holds devices back that come with too many others. After a restart the whole fleet comes back: what is more than can be
 * verified would wait, give up and come again, and nobody would get in (`docs/fleet.md`). Whoever needs scrypt has a bucket
 * of its own, so that neither such devices nor who guesses passwords delays those that do not need it.
 */
export class Door {
  readonly #all: Arrivals;
  readonly #slow: Arrivals;

  constructor(limits: Limits, now: number) {
    const { arrivalsRampMs: rampMs, arrivalsAskedMs: askedMs } = limits;
    const all = {
      atOnce: limits.arrivalsAtOnce,
      perSecondAtStart: limits.arrivalsPerSecondAtStart,
      perSecond: limits.arrivalsPerSecond,
    };
    const slow = {
      atOnce: limits.slowArrivalsAtOnce,
      perSecondAtStart: limits.slowArrivalsPerSecondAtStart,
      perSecond: limits.slowArrivalsPerSecond,
    };
    this.#all = new Arrivals({ ...all, rampMs, askedMs }, now);
    this.#slow = new Arrivals({ ...slow, rampMs, askedMs }, now);
  }

  /** As {@link Arrivals.admit}; `slow` is one that needs scrypt. */
  admit(slow: boolean, now: number): number | null {
    return (slow ? this.#slow.admit(now) : null) ?? this.#all.admit(now);
  }
}
