import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import type { AuditSink } from './file.ts';
import { type AuditRecord, auditLine } from './record.ts';

/** Decisions that are equal but for time and size: the first is recorded at once, those that follow are counted. */
interface Series {
  readonly record: AuditRecord;
  readonly since: number;
  last: number;
  /** Those that no record stands for yet. */
  times: number;
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

/**
 * Every decision, as a line in the audit file, or as a record named `audit` in the log where no file is set.
 *
 * What comes alone (a log-in, a tunnel, a command) is recorded as it is. What comes in crowds (requests, and refusals)
 * is recorded when it begins and summed up when the same has not come for `limits.auditQuietMs`, or for ten times that
 * in any case: a page with a hundred pictures costs two lines, and so does a flood of refusals. No number of addresses
 * makes it more than `limits.auditStrangers` kinds of refusals in ten times `limits.auditQuietMs`.
 *
 * When records cannot be written, the service goes on: the log says so, once, and later how many were lost.
 */
export class Audit {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #sink: AuditSink | null;
  readonly #series = new Map<string, Series>();
  /** Kinds of refusals of strangers that were begun lately, and when that was true; forgotten evenly. */
  #strangers = 0;
  #strangersAt: number;
  #cancelSweep: (() => void) | null = null;
  #lost = 0;

  /** `sink`: `null` sends the records to the log. */
  constructor(clock: Clock, limits: Limits, log: Logger, sink: AuditSink | null) {
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
    this.#sink = sink;
    this.#strangersAt = clock.now();
  }

  /** One decision that stands alone. */
  record(record: AuditRecord): void {
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

  /** One decision of a kind that comes in crowds. The returned function adds what it has carried, when that is known. */
  count(decision: AuditRecord): (traffic: Readonly<Traffic>) => void {
    let record = decision;
    let key = JSON.stringify(record);
    const now = this.#clock.now();
    let series = this.#series.get(key);
    if (!series && isStranger(record) && !this.#hasRoomForStranger(now)) {
      record = { event: record.event, allowed: false, reason: 'from many strangers' };
      key = JSON.stringify(record);
      series = this.#series.get(key);
    }
    if (series) {
      series.times++;
    } else {
      series = { record, since: now, last: now, times: 0, bytesFrom: 0, bytesTo: 0 };
      this.#begin(key, series);
    }
    series.last = now;
    const counted = series;
    return ({ bytesFrom, bytesTo }) => {
      if (bytesFrom === 0 && bytesTo === 0) return;
      counted.last = this.#clock.now();
      counted.bytesFrom += bytesFrom;
      counted.bytesTo += bytesTo;
      // Its series was summed up while it was still under way.
      if (this.#series.get(key) !== counted) this.#sumUp(counted);
    };
  }

  /** For one more kind, which is counted then. */
  #hasRoomForStranger(now: number): boolean {
    const { auditStrangers, auditQuietMs } = this.#limits;
    const forgotten = ((now - this.#strangersAt) * auditStrangers) / (10 * auditQuietMs);
    this.#strangers = Math.max(0, this.#strangers - forgotten);
    this.#strangersAt = now;
    if (this.#strangers + 1 > auditStrangers) return false;
    this.#strangers++;
    return true;
  }

  /** The file is opened anew with the next record. */
  reopen(): void {
    this.#sink?.close();
  }

  /** Sums up what is counted, and closes the file. */
  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = null;
    for (const [key, series] of this.#series) this.#end(key, series);
    this.#sink?.close();
  }

  #schedule(): () => void {
    return this.#clock.schedule(this.#limits.auditQuietMs, () => {
      this.#cancelSweep = null;
      const now = this.#clock.now();
      const { auditQuietMs } = this.#limits;
      for (const [key, series] of this.#series) {
        if (now - series.last < auditQuietMs && now - series.since < 10 * auditQuietMs) continue;
        this.#end(key, series);
      }
      if (this.#series.size > 0) this.#cancelSweep = this.#schedule();
    });
  }

  #begin(key: string, series: Series): void {
    for (const [oldest, first] of this.#series) {
      if (this.#series.size < this.#limits.auditSeries) break;
      this.#end(oldest, first);
    }
    this.#series.set(key, series);
    this.record(series.record);
    this.#cancelSweep ??= this.#schedule();
  }

  #end(key: string, series: Series): void {
    this.#series.delete(key);
    this.#sumUp(series);
  }

  #sumUp(series: Series): void {
    const { times, bytesFrom, bytesTo } = series;
    if (times === 0 && bytesFrom === 0 && bytesTo === 0) return;
    const ms = Math.round(series.last - series.since);
    this.record({ ...series.record, event: `${series.record.event}s`, times, bytesFrom, bytesTo, ms });
    series.times = 0;
    series.bytesFrom = 0;
    series.bytesTo = 0;
  }
}
