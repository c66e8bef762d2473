import type { Configuration } from '../config/configuration.ts';
import { buildDate } from '../config/version.ts';
import type { Clock, TlsOptions } from '../host.ts';

/** How the dates of certificates are judged. */
export type Judgement = Pick<TlsOptions, 'judgedAt' | 'ignoreNotBefore'>;

/**
 * A time from elsewhere counts in whole hours: sessions can be resumed only as long as it is the same. It is rounded up,
 * so that a certificate made in this hour is valid.
 */
const STEP_MS = 3_600_000;

/** A date that is later than this after the build is taken for a mistake of the reflector: 30 years. */
const MOST_MS = 30 * 365 * 86_400_000;

/**
 * What time it is, as far as certificates are concerned. A clock that shows a time before the agent was built was never
 * set: then nothing is known but that it is later than the build, until a reflector that has proven who it is tells the
 * time. Kept in memory only, and of no interest when the clock is set.
 */
export class CertificateTime {
  readonly #clock: Clock;
  /** What a reflector has said, and when, by the monotonic clock. */
  #learned: { readonly date: number; readonly now: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get clockIsSet(): boolean {
    return this.#clock.date() >= buildDate;
  }

  /** The reflector is known to be the right one and says that it is `date`, in Unix milliseconds; true when that is news. */
  learn(date: number): boolean {
    if (this.clockIsSet || date < buildDate || date > buildDate + MOST_MS) return false;
    const news = this.#learned === null;
    this.#learned = { date, now: this.#clock.now() };
    return news;
  }

  judge(by: Configuration['tls']['clock']): Judgement {
    if (by === 'system' || this.clockIsSet) return { judgedAt: null, ignoreNotBefore: false };
    if (this.#learned === null) return { judgedAt: buildDate, ignoreNotBefore: true };
    const date = this.#learned.date + this.#clock.now() - this.#learned.now;
    return { judgedAt: Math.ceil(date / STEP_MS) * STEP_MS, ignoreNotBefore: false };
  }
}
