import type { Configuration } from '../config/configuration.ts';
import type { Cancellable, Host } from '../host.ts';
import type { AttemptSettings } from '../link/attempt-settings.ts';
import type { Log } from '../log/log.ts';
import { certificateExpiry, DAY_MS, day, expiryWarning } from './certificate-expiry.ts';

/** Logs what a person must know of certificates and the clock: once, and again when it has changed. */
export class CertificateLog {
  readonly #host: Host;
  readonly #tls: Configuration['tls'];
  readonly #log: Log;
  #trusted: string | null = null;
  #judgedAt: number | null = null;
  /** When the log last warned of the device's certificate, by the monotonic clock. */
  #warnedAt = Number.NEGATIVE_INFINITY;
  #reminder: Cancellable | null = null;

  constructor(host: Host, tls: Configuration['tls'], log: Log) {
    this.#host = host;
    this.#tls = tls;
    this.#log = log;
  }

  /** An attempt begins with these settings. */
  attempt(settings: AttemptSettings): void {
    const { trusted } = settings;
    const judgedAt = judgedByBuild(settings);
    if (trusted !== this.#trusted && trusted !== null) this.#log.info(`trusted: ${trusted}`);
    this.#trusted = trusted;
    const now = this.#host.clock.date();
    if (judgedAt !== null && this.#judgedAt === null) this.#log.warning(clockWarning(now, judgedAt));
    else if (judgedAt === null && this.#judgedAt !== null)
      this.#log.info(`the clock is set: ${day(now)}; dates of certificates are judged by it`);
    this.#judgedAt = judgedAt;
  }

  /** The reflector has sent the time, which counts until the clock is set. */
  timeLearned(date: number): void {
    this.#log.info(`the reflector says that it is ${day(date)}; dates of certificates are judged by that`);
  }

  /** The tunnel is up: warns of a certificate that will expire, now and as long as it is up. */
  connected(): void {
    if (this.#tls.cert === null) return;
    const warning = expiryWarning(certificateExpiry(this.#host, this.#tls), this.#date());
    const now = this.#host.clock.now();
    // A link that comes and goes must not fill the log.
    if (warning !== null && now - this.#warnedAt >= DAY_MS) {
      this.#log.warning(`tls.cert: ${this.#tls.cert} ${warning}`);
      this.#warnedAt = now;
    }
    this.#reminder = this.#host.clock.schedule(DAY_MS, () => this.connected());
  }

  /** Whole days until `expiresAt`, by the date that certificates are checked against; negative when it is past. */
  daysUntil(expiresAt: number | null): number | null {
    return expiresAt === null ? null : Math.floor((expiresAt - this.#date()) / DAY_MS);
  }

  /** The clock may have been set since the attempt. */
  #date(): number {
    return Math.max(this.#judgedAt ?? 0, this.#host.clock.date());
  }

  ended(): void {
    this.#reminder?.cancel();
    this.#reminder = null;
  }
}

/** The time that the certificates of this attempt are checked against, if that is not now. */
export function judgedByBuild({ reflectors, proxiesFor, tls }: AttemptSettings): number | null {
  const secure = reflectors.some(
    (uri) => uri.secure || proxiesFor(uri).some((proxy) => proxy?.scheme === 'https'),
  );
  return secure ? tls.judgedAt : null;
}

export function clockWarning(now: number, judgedAt: number): string {
  return `the clock shows ${day(now)}, before this agent was built: the end of certificates is judged by ${day(judgedAt)}`;
}
