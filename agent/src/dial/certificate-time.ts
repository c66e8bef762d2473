import type { Configuration } from '../config/configuration.ts';
import { buildDate } from '../config/version.ts';
import type { Clock, TlsOptions } from '../host.ts';

/** The time that certificates are checked against. */
export type ValidityDate = Pick<TlsOptions, 'judgedAt' | 'ignoreNotBefore'>;

/**
 * A time from elsewhere counts in whole hours: sessions can be resumed only as long as it is the same. It is rounded up,
 * so that a certificate made in this hour is valid.
 */
const STEP_MS = 3_600_000;

/** A date that is later than this after the build is taken for a mistake of the reflector: 30 years. */
const MOST_MS = 30 * 365 * 86_400_000;

/**
 * The time that certificates are checked against. A clock that shows a time before the build of the agent was never set.
 * Then it is only known to be later than the build, until a verified reflector sends the time. Kept in memory only, and
 * ignored once the clock is set.
 */
export class CertificateTime {
  readonly #clock: Clock;
  /** The time that a reflector has sent, and when, by the monotonic clock. */
  #learned: { readonly date: number; readonly now: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get clockIsSet(): boolean {
    return this.#clock.date() >= buildDate;
  }

  /** A verified reflector has sent this time, in Unix milliseconds; true if it is the first that counts. */
  learn(date: number): boolean {
    if (this.clockIsSet || date < buildDate || date > buildDate + MOST_MS) return false;
    const first = this.#learned === null;
    this.#learned = { date, now: this.#clock.now() };
    return first;
  }

  validityDate(by: Configuration['tls']['clock']): ValidityDate {
    if (by === 'system' || this.clockIsSet) return { judgedAt: null, ignoreNotBefore: false };
    if (this.#learned === null) return { judgedAt: buildDate, ignoreNotBefore: true };
    const date = this.#learned.date + this.#clock.now() - this.#learned.now;
    return { judgedAt: Math.ceil(date / STEP_MS) * STEP_MS, ignoreNotBefore: false };
  }
}
