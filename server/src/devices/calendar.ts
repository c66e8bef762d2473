import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { run, type Tables } from '../store/tables.ts';

const dayMs = 86_400_000;

/** The day of a wall-clock time in UTC, such as `2026-11-28`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The month of a wall-clock time in UTC, such as `2026-11`. */
export function monthOf(time: number): string {
  return dayOf(time).slice(0, 7);
}

/** The first day of the month after that of a time, such as `2026-12-01`. */
export function nextMonth(time: number): string {
  const date = new Date(time);
  return dayOf(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
}

/** Tells the triggers that count traffic which day it is, and forgets old days. */
export class Calendar {
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'trafficDays'>;
  readonly #failed: (error: unknown) => void;
  #timer: Cancellable | null = null;
  #turning: Promise<void> | null = null;

  constructor(
    tables: Tables,
    clock: Clock,
    limits: Pick<Limits, 'trafficDays'>,
    failed: (error: unknown) => void,
  ) {
    this.#tables = tables;
    this.#clock = clock;
    this.#limits = limits;
    this.#failed = failed;
  }

  /** Sets the day, now and at each midnight. */
  start(): void {
    const now = this.#clock.date();
    // A clock that was set shows within the hour.
    const wait = Math.min(3_600_000, dayMs - (now % dayMs));
    this.#timer = this.#clock.schedule(wait, () => this.start());
    this.#turning = this.#turn(now).catch((error: unknown) => this.#failed(error));
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#turning;
  }

  #turn(now: number): Promise<void> {
    const day = dayOf(now);
    const oldest = now - this.#limits.trafficDays * dayMs;
    return this.#tables.transact(function* () {
      const turned = yield* run('UPDATE fleet_calendar SET day = ? WHERE day <> ?', day, day);
      if (turned === 0) return;
      yield* run('DELETE FROM fleet_traffic WHERE day < ?', dayOf(oldest));
      yield* run('DELETE FROM fleet_domain_traffic WHERE month < ?', monthOf(oldest));
    });
  }
}
