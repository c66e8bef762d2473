import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { FailureBudgets } from '../throttling/failure-budgets.ts';
import type { AuditSink } from './file.ts';
import { type AuditRecord, auditLine } from './record.ts';

/** Decisions that are equal but for time and size: the first is recorded at once, those that follow are counted. */
interface Series {
  readonly record: AuditRecord;
  readonly since: number;
  last: number;
  /** Those that no record stands for yet. */
  times: number;
  /** Records of it. */
  written: number;
  bytesFrom: number;
  bytesTo: number;
}

/** Payload from the device to the user, and back; counted on while it goes on. */
export interface Traffic {
  bytesFrom: number;
  bytesTo: number;
}

/** Refused before anybody had shown who they are: of such there can be any number. */
function isStranger({ allowed, by }: AuditRecord): boolean {
  return !allowed && by === undefined;
}

/** Whose records these are: one user's, or one device's. Refusals are apart, so that they cannot hide what was allowed. */
function subjectOf({ user, device, allowed }: AuditRecord): string {
  return `${allowed ? 'allowed' : 'refused'} ${user === undefined ? `device ${device}` : `user ${user}`}`;
}

/** What tells one kind of decision from another. */
function kindOf(record: AuditRecord): string {
  return JSON.stringify({ ...record, bytesFrom: undefined, bytesTo: undefined, ms: undefined });
}

/**
 * Every decision, as a line in the audit file, or as a record named `audit` in the log where no file is set.
 *
 * What comes alone (a log-in, a tunnel) is recorded as it is, until the same has come `limits.auditRepeats` times: then it is
 * counted, too. What comes in crowds (requests, and refusals)
 * is recorded when it begins and summed up when the same has not come for `limits.auditQuietMs`, or for ten times that
 * in any case: a page with a hundred pictures costs two lines, and so does a flood of refusals. No number of addresses
 * makes it more than `limits.auditStrangers` kinds of refusals in ten times `limits.auditQuietMs`, and no user or device
 * has more than `limits.auditRecords` records in that time, of what was allowed and as many of what was refused: beyond
 * it theirs are counted together, what was allowed for each device.
 *
 * When records cannot be written, the service goes on: the log says so, once, and later how many were lost.
 */
export class Audit {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #sink: AuditSink | null;
  readonly #series = new Map<string, Series>();
  /** Kinds of refusals of strangers that were begun lately. */
  readonly #strangers: FailureBudgets;
  /** Records of each user and device lately. */
  readonly #subjects: FailureBudgets;
  #sweep: Cancellable | null = null;
  #lost = 0;

  /** `sink`: `null` sends the records to the log. */
  constructor(clock: Clock, limits: Limits, log: Logger, sink: AuditSink | null) {
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
    this.#sink = sink;
    const periodMs = 10 * limits.auditQuietMs;
    this.#strangers = new FailureBudgets({ periodMs, keys: 1, strict: true });
    this.#subjects = new FailureBudgets({ periodMs, keys: limits.auditSeries, strict: true });
  }

  /** One decision that stands alone, unless the same comes over and over. */
  record(decision: AuditRecord): void {
    const series = this.#seriesOf(decision);
    series.last = this.#clock.now();
    // The one that has begun the series is recorded already.
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

  /** One decision of a kind that comes in crowds. The returned function adds what it has carried, when that is known. */
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
      // Its series was summed up while it was still under way.
      if (this.#series.get(kindOf(series.record)) !== series) this.#sumUp(series);
    };
  }

  /** What counts a decision. A new series is recorded; `written` is 0 then. */
  #seriesOf(decision: AuditRecord): Series {
    const found = this.#series.get(kindOf(decision));
    if (found) return found;
    const stranger = isStranger(decision);
    if (stranger ? this.#spend('strangers', decision) : this.#spend(subjectOf(decision), decision)) {
      return this.#begin(decision);
    }
    const { event, allowed, user, device } = decision;
    // There are only so many devices that a user may reach: each that was reached stays visible.
    const about = allowed || user === undefined ? device : undefined;
    const together: AuditRecord = stranger
      ? { event, allowed, reason: 'from many strangers' }
      : { event, allowed, user, device: about, reason: 'of many kinds' };
    return this.#series.get(kindOf(together)) ?? this.#begin(together);
  }

  /** False when there are too many records of these lately. */
  #spend(key: string, decision: AuditRecord): boolean {
    const now = this.#clock.now();
    const stranger = isStranger(decision);
    const budgets = stranger ? this.#strangers : this.#subjects;
    const budget = { key, failures: stranger ? this.#limits.auditStrangers : this.#limits.auditRecords };
    if (budgets.wait(budget, now) > 0) return false;
    budgets.spend(budget, now);
    return true;
  }

  #write(record: AuditRecord): void {
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

  /** The file is opened anew with the next record. */
  reopen(): void {
    this.#sink?.close();
  }

  /** Sums up what is counted, and closes the file. */
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
    const series: Series = { record, since: now, last: now, times: 0, written: 0, bytesFrom: 0, bytesTo: 0 };
    for (const [oldest, first] of this.#series) {
      if (this.#series.size < this.#limits.auditSeries) break;
      this.#end(oldest, first);
    }
    this.#series.set(kindOf(record), series);
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
