import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { AuditRecord } from '../ports/events.ts';
import { FailureBudgets } from '../throttling/failure-budgets.ts';
import type { AuditSink } from './file.ts';
import { auditLine } from './record.ts';

/** Decisions that differ only in time and size. The first is recorded at once, the following ones are counted. */
interface Series {
  /** What is equal for its decisions. */
  readonly key: string;
  readonly record: AuditRecord;
  readonly since: number;
  last: number;
  /** Decisions that are counted and not yet recorded. */
  times: number;
  /** Records written one by one. */
  written: number;
  bytesFrom: number;
  bytesTo: number;
}

/** Payload bytes from the device and to the device; grows during an exchange. */
export interface Traffic {
  bytesFrom: number;
  bytesTo: number;
}

/** Refused without authentication: there can be any number of those. */
function isUnauthenticated({ allowed, by }: AuditRecord): boolean {
  return !allowed && by === undefined;
}

/** The user or device that the record counts for. Refusals count apart, so that they cannot hide allowed decisions. */
function subjectOf({ user, device, allowed }: AuditRecord): string {
  return `${allowed ? 'allowed' : 'refused'} ${user === undefined ? `device ${device}` : `user ${user}`}`;
}

/** Equal for decisions of one series, and for no others: each text has its length before it. */
function kindOf({
  event,
  allowed,
  user,
  by,
  address,
  device,
  port,
  operator,
  detail,
  reason,
  times,
}: AuditRecord): string {
  const decided = `${allowed ? '+' : '-'}${port ?? ''} ${times ?? ''} ${measured(event)}${measured(user)}${measured(by)}`;
  return `${decided}${measured(address)}${measured(device)}${measured(operator)}${measured(detail)}${measured(reason)}`;
}

function measured(text: string | undefined): string {
  return text === undefined ? '-' : `${text.length}:${text}`;
}

/**
 * Records every decision as a line in the audit file or, without a file, as a record named `audit` in the log.
 *
 * - Single events (a log-in, a tunnel) are recorded one by one. After `limits.auditRepeats` equal ones they are counted.
 * - Frequent events (requests, refusals) make a series: its first is recorded at once, the sum when none has come for
 *   `limits.auditQuietMs`, and at the latest after ten times that. A page with a hundred pictures costs two lines, and
 *   so does a flood of refusals.
 * - In ten times `limits.auditQuietMs` there are at most `limits.auditStrangers` series of unauthenticated refusals, and
 *   at most `limits.auditRecords` allowed and as many refused records of one user or device. Further ones are counted
 *   together, allowed ones for each device.
 *
 * If records cannot be written, the service continues. The log says so once, and later how many records were lost.
 */
export class Audit {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #sink: AuditSink | null;
  readonly #told: (record: AuditRecord) => void;
  readonly #series = new Map<string, Series>();
  /** Recent series of unauthenticated refusals. */
  readonly #unauthenticated: FailureBudgets;
  /** Recent records of each user and device. */
  readonly #subjects: FailureBudgets;
  #sweep: Cancellable | null = null;
  #lost = 0;

  /** `sink`: `null` sends the records to the log. `told` of each record; must not throw. */
  constructor(
    clock: Clock,
    limits: Limits,
    log: Logger,
    sink: AuditSink | null,
    told: (record: AuditRecord) => void = () => {},
  ) {
    this.#told = told;
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
    this.#sink = sink;
    const periodMs = 10 * limits.auditQuietMs;
    this.#unauthenticated = new FailureBudgets({ periodMs, keys: 1, strict: true });
    this.#subjects = new FailureBudgets({ periodMs, keys: limits.auditSeries, strict: true });
  }

  /** Records a single event. */
  record(decision: AuditRecord): void {
    const series = this.#seriesOf(decision);
    series.last = this.#clock.now();
    // The first of the series is already recorded.
    if (series.written === 0) {
      series.written = 1;
      return;
    }
    if (series.written < this.#limits.auditRepeats && this.#spend(subjectOf(decision), decision)) {
      series.written++;
      this.#write(decision);
      return;
    }
    const { bytesFrom = 0, bytesTo = 0 } = decision;
    series.times++;
    series.bytesFrom += bytesFrom;
    series.bytesTo += bytesTo;
  }

  /** Counts a frequent event. Call the returned function with its payload once that is known. */
  count(decision: AuditRecord): (traffic: Readonly<Traffic>) => void {
    const series = this.#seriesOf(decision);
    series.last = this.#clock.now();
    if (series.written === 0) series.written = 1;
    else series.times++;
    return ({ bytesFrom, bytesTo }) => {
      if (bytesFrom === 0 && bytesTo === 0) return;
      series.last = this.#clock.now();
      series.bytesFrom += bytesFrom;
      series.bytesTo += bytesTo;
      // The series was summed up in the meantime.
      if (this.#series.get(series.key) !== series) this.#sumUp(series);
    };
  }

  /** The series of a decision. A new one is recorded; its `written` is 0. */
  #seriesOf(decision: AuditRecord): Series {
    const found = this.#series.get(kindOf(decision));
    if (found) return found;
    const unauthenticated = isUnauthenticated(decision);
    if (unauthenticated ? this.#spend('strangers', decision) : this.#spend(subjectOf(decision), decision)) {
      return this.#begin(decision);
    }
    const { event, allowed, user, device } = decision;
    // A user can reach a limited number of devices, so each of them stays visible.
    const about = allowed || user === undefined ? device : undefined;
    const together: AuditRecord = unauthenticated
      ? { event, allowed, reason: 'from many strangers' }
      : { event, allowed, user, device: about, reason: 'of many kinds' };
    return this.#series.get(kindOf(together)) ?? this.#begin(together);
  }

  /** False: there are too many recent records of this key. */
  #spend(key: string, decision: AuditRecord): boolean {
    const now = this.#clock.now();
    const unauthenticated = isUnauthenticated(decision);
    const budgets = unauthenticated ? this.#unauthenticated : this.#subjects;
    const budget = {
      key,
      failures: unauthenticated ? this.#limits.auditStrangers : this.#limits.auditRecords,
    };
    if (budgets.wait(budget, now) > 0) return false;
    budgets.spend(budget, now);
    return true;
  }

  #write(record: AuditRecord): void {
    this.#told(record);
    if (!this.#sink) {
      this.#log.info({ audit: record }, 'audit');
      return;
    }
    try {
      this.#sink.write(auditLine(record, this.#clock.date()));
    } catch (error) {
      if (this.#lost === 0)
        this.#log.error({ err: error }, 'audit log cannot be written; the service goes on');
      this.#lost++;
      return;
    }
    if (this.#lost > 0) {
      this.#log.warn({ lost: this.#lost }, 'audit log can be written again; records were lost');
      this.#lost = 0;
    }
  }

  /** The next record opens the file again. */
  reopen(): void {
    this.#sink?.close();
  }

  /** Writes the sums of all series and closes the file. */
  close(): void {
    this.#sweep?.cancel();
    this.#sweep = null;
    for (const [key, series] of this.#series) this.#end(key, series);
    this.#sink?.close();
  }

  #schedule(): Cancellable {
    return this.#clock.schedule(this.#limits.auditQuietMs, () => {
      this.#sweep = null;
      const now = this.#clock.now();
      const { auditQuietMs } = this.#limits;
      for (const [key, series] of this.#series) {
        if (now - series.last < auditQuietMs && now - series.since < 10 * auditQuietMs) continue;
        this.#end(key, series);
      }
      if (this.#series.size > 0) this.#sweep = this.#schedule();
    });
  }

  #begin(record: AuditRecord): Series {
    const now = this.#clock.now();
    const key = kindOf(record);
    const counts = { times: 0, written: 0, bytesFrom: 0, bytesTo: 0 };
    const series: Series = { key, record, since: now, last: now, ...counts };
    for (const [oldest, first] of this.#series) {
      if (this.#series.size < this.#limits.auditSeries) break;
      this.#end(oldest, first);
    }
    this.#series.set(key, series);
    this.#write(record);
    this.#sweep ??= this.#schedule();
    return series;
  }

  #end(key: string, series: Series): void {
    this.#series.delete(key);
    this.#sumUp(series);
  }

  #sumUp(series: Series): void {
    const { times, bytesFrom, bytesTo } = series;
    if (times === 0 && bytesFrom === 0 && bytesTo === 0) return;
    const ms = Math.round(series.last - series.since);
    this.#write({ ...series.record, event: `${series.record.event}s`, times, bytesFrom, bytesTo, ms });
    series.times = 0;
    series.bytesFrom = 0;
    series.bytesTo = 0;
  }
}
