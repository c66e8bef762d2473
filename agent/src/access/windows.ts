import { type Configuration, days } from '../config/configuration.ts';
import type { LocalClock } from '../host.ts';

/**
 * A time of the week, in local time: the days on which it begins, and from when to when. One whose end is not after its
 * beginning goes on into the next day.
 */
export type Window = Configuration['access']['windows'][number];

const DAY = 1440;
const WEEK = 7 * DAY;

/** Minutes since Sunday 00:00, local time; a fraction counts the seconds. */
export function minuteOfWeek(clock: Pick<LocalClock, 'date' | 'utcOffset'>): number {
  const now = clock.date();
  const local = new Date(now + clock.utcOffset(now) * 60_000);
  const minute = local.getUTCHours() * 60 + local.getUTCMinutes() + local.getUTCSeconds() / 60;
  return local.getUTCDay() * DAY + minute;
}

/** How many minutes are left of the longest window that is open at this minute of the week; 0 when none is. */
export function minutesLeft(windows: readonly Window[], minute: number): number {
  let left = 0;
  for (const window of windows) {
    const from = minuteOfDay(window.from);
    const length = (minuteOfDay(window.to) - from + DAY) % DAY || DAY;
    for (const day of window.days) {
      const passed = (minute - days.indexOf(day) * DAY - from + WEEK) % WEEK;
      left = Math.max(left, length - passed);
    }
  }
  return left;
}

function minuteOfDay(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

/**
 * How many minutes are left until no window is open, where one begins before another ends; 0 when none is open now, at
 * most a week.
 */
export function minutesUntilClosed(windows: readonly Window[], minute: number): number {
  let until = 0;
  for (let left = minutesLeft(windows, minute); left > 0 && until < WEEK; ) {
    until += left;
    // A window ends at a whole minute, which sums of fractions miss.
    left = minutesLeft(windows, Math.round(minute + until) % WEEK);
  }
  return Math.min(until, WEEK);
}
