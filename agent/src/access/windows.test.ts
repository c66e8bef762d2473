import { describe, expect, it } from 'vitest';
import { days } from '../config/configuration.ts';
import { minuteOfWeek, minutesLeft, minutesUntilClosed, type Window } from './windows.ts';

const hours = (day: number, hour: number, minute = 0) => day * 1440 + hour * 60 + minute;
const [SUN, MON, TUE, SAT] = [0, 1, 2, 6];

describe('a window', () => {
  const office: Window = { days: ['mon', 'fri'], from: '08:00', to: '17:30' };
  const night: Window = { days: ['sat'], from: '22:00', to: '06:00' };
  const whole: Window = { days: ['mon'], from: '00:00', to: '24:00' };
  const noon: Window = { days: ['mon'], from: '12:00', to: '12:00' };

  it.each([
    ['before it begins', office, hours(MON, 7, 59), 0],
    ['as it begins', office, hours(MON, 8), 570],
    ['in its last minute', office, hours(MON, 17, 29), 1],
    ['in its last second', office, hours(MON, 17, 29) + 59 / 60, 1 / 60],
    ['as it ends', office, hours(MON, 17, 30), 0],
    ['on a day that is not named', office, hours(TUE, 9), 0],
    ['over midnight, before', night, hours(SAT, 23), 420],
    ['over midnight and the end of the week, after', night, hours(SUN, 5), 60],
    ['over midnight, on the evening after', night, hours(SUN, 22), 0],
    ['of a whole day, at its beginning', whole, hours(MON, 0), 1440],
    ['of a whole day, at its end', whole, hours(TUE, 0), 0],
    ['from a time to the same goes once round', noon, hours(TUE, 11, 59), 1],
    ['from a time to the same goes no further', noon, hours(TUE, 12), 0],
  ])('%s', (_name, window, minute, left) => {
    expect(minutesLeft([window], minute)).toBeCloseTo(left, 9);
  });

  it('of several that are open counts as long as the longest', () => {
    expect(minutesLeft([office, whole], hours(MON, 17))).toBe(420);
    expect(minutesLeft([], hours(MON, 17))).toBe(0);
  });
});

describe('windows that adjoin or overlap', () => {
  const daily = (from: string, to: string): Window => ({ days: [...days], from, to });

  it.each([
    [
      'end with the last of them',
      [daily('08:00', '12:00'), daily('11:00', '13:00'), daily('13:00', '14:00')],
      360,
    ],
    ['with a minute between them do not', [daily('08:00', '12:00'), daily('12:01', '13:00')], 240],
    ['all day are never shut', [daily('00:00', '24:00')], 7 * 1440],
    ['are not open', [daily('09:00', '10:00')], 0],
  ])('%s', (_name, windows, left) => {
    expect(minutesUntilClosed(windows, hours(MON, 8))).toBe(left);
    // A third of a second later, which no sum of fractions hits.
    const later = minutesUntilClosed(windows, hours(MON, 8) + 1 / 180);
    expect(later).toBeCloseTo(left === 0 || left === 7 * 1440 ? left : left - 1 / 180, 6);
  });
});

describe('the minute of the week', () => {
  it.each([
    ['2026-11-22T00:00:30Z', 0, 0.5],
    ['2026-11-21T23:30:00Z', 60, 30],
    ['2026-11-22T00:30:00Z', -60, 7 * 1440 - 30],
    ['2026-11-24T12:00:00Z', 330, hours(TUE, 17, 30)],
  ])('%s with an offset of %i min', (text, offset, minute) => {
    const clock = { date: () => Date.parse(text), utcOffset: () => offset };
    expect(minuteOfWeek(clock)).toBe(minute);
  });
});
