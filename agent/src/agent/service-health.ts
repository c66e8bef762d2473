import type { Configuration, Service } from '../config/configuration.ts';
import type { Clock } from '../host.ts';
import type { Log } from '../log/log.ts';
import { RepeatFilter } from '../log/repeat-filter.ts';
import type { Channel } from '../tunnel/channel.ts';
import { portLabel } from './port-label.ts';
import type { ServiceStatus } from './status.ts';

type Services = Pick<Configuration, 'services'>;

/** How often a service that fails now and then is logged: once in 1 h. */
const QUIET_MS = 3_600_000;

/** The longest reason that is kept, in UTF-16 code units: TLS libraries can be wordy. */
const REASON_LENGTH = 200;

interface Entry {
  readonly service: Service;
  readonly outage: RepeatFilter;
  result: ServiceStatus['result'];
  /** The log has said that it fails. */
  reportedDown: boolean;
  /** When the log said so last, by the monotonic clock. */
  reportedAt: number;
}

/**
 * Watches the connections to each service: keeps the last result for `rm-agent status`, and logs one line for each reason
 * why a service fails, again only after it has worked.
 */
export class ServiceHealth {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #entries: ReadonlyMap<number, Entry>;

  constructor(log: Log, clock: Clock, { services }: Services) {
    this.#log = log;
    this.#clock = clock;
    this.#entries = new Map(
      services.map((service) => [
        service.port,
        {
          service,
          outage: new RepeatFilter(),
          result: null,
          reportedDown: false,
          reportedAt: Number.NEGATIVE_INFINITY,
        },
      ]),
    );
  }

  /** A connection was made. That alone is no proof: the service may reset it at once. */
  opened({ port }: Channel): void {
    const entry = this.#entries.get(port);
    if (entry) entry.result = { ok: true, reason: null, at: this.#clock.date() };
  }

  closed({ port, sent }: Channel): void {
    const entry = this.#entries.get(port);
    if (!entry || sent === 0) return;
    if (entry.reportedDown)
      this.#log.info(`service on ${portLabel(entry.service.port, entry.service.name)} works again`);
    entry.reportedDown = false;
    if (this.#clock.now() - entry.reportedAt >= QUIET_MS) entry.outage.end();
  }

  failed(port: number, why: string): void {
    const entry = this.#entries.get(port);
    if (!entry) return;
    const reason = why.slice(0, REASON_LENGTH);
    entry.result = { ok: false, reason, at: this.#clock.date() };
    const now = this.#clock.now();
    if (!entry.outage.isNew(reason, now)) return;
    entry.reportedDown = true;
    entry.reportedAt = now;
    this.#log.warning(
      `service on ${portLabel(entry.service.port, entry.service.name)} cannot be reached: ${reason}`,
    );
  }

  get status(): readonly ServiceStatus[] {
    return [...this.#entries.values()].map(({ service: { port, name, kind }, result }) => ({
      port,
      name,
      kind,
      result,
    }));
  }
}
