import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';

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
  readonly #database: FleetDatabase;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'trafficDays'>;
  readonly #failed: (error: unknown) => void;
  #timer: Cancellable | null = null;

  constructor(
    database: FleetDatabase,
    clock: Clock,
    limits: Pick<Limits, 'trafficDays'>,
    failed: (error: unknown) => void,
  ) {
    this.#database = database;
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
    try {
      this.#turn(now);
    } catch (error) {
      this.#failed(error);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #turn(now: number): void {
    const day = dayOf(now);
    const { changes } = this.#database
      .prepare('UPDATE fleet_calendar SET day = ? WHERE day <> ?')
      .run(day, day);
    if (changes === 0) return;
    const oldest = now - this.#limits.trafficDays * dayMs;
    this.#database.prepare('DELETE FROM fleet_traffic WHERE day < ?').run(dayOf(oldest));
    this.#database.prepare('DELETE FROM fleet_domain_traffic WHERE month < ?').run(monthOf(oldest));
  }
}
