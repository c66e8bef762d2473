import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../simulation/clock.ts';
import { buildDate } from '../config/version.ts';
import { CertificateTime } from './certificate-time.ts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

function at(date: number) {
  const clock = new SimulatedClock();
  clock.wallOffset = date - clock.now();
  return { clock, time: new CertificateTime(clock) };
}

describe('the time by which certificates are judged', () => {
  it('is that of the clock, where it is set or must be believed', () => {
    const byClock = { judgedAt: null, ignoreNotBefore: false };
    expect(at(buildDate).time.validityDate('build')).toEqual(byClock);
    expect(at(0).time.validityDate('system')).toEqual(byClock);
  });

  it('is that of the build, and later for all we know, while the clock is not set', () => {
    expect(at(0).time.validityDate('build')).toEqual({ judgedAt: buildDate, ignoreNotBefore: true });
    expect(at(buildDate - 1).time.validityDate('build').judgedAt).toBe(buildDate);
  });

  it('is what the reflector has sent, and goes on from there, in whole hours', () => {
    const { clock, time } = at(0);
    const date = Math.ceil(buildDate / HOUR) * HOUR + 3 * YEAR - 60_000;
    expect(time.learn(date)).toBe(true);
    const known = (hours: number) => ({ judgedAt: date + 60_000 + hours * HOUR, ignoreNotBefore: false });
    expect(time.validityDate('build')).toEqual(known(0));
    clock.advance(30_000);
    expect(time.validityDate('build')).toEqual(known(0));
    clock.advance(31_000);
    expect(time.validityDate('build')).toEqual(known(1));
    expect(time.learn(date + 10 * HOUR)).toBe(false);
    expect(time.validityDate('build')).toEqual(known(10));
    clock.wallOffset = buildDate + YEAR;
    expect(time.validityDate('build').judgedAt).toBeNull();
  });

  it.each([
    ['before the build', buildDate - 1],
    ['of another century', buildDate + 31 * YEAR],
    ['of a clock that is set', buildDate + YEAR, buildDate],
  ])('is never one %s', (_name, date, clock = 0) => {
    const { time } = at(clock);
    const before = time.validityDate('build');
    expect(time.learn(date)).toBe(false);
    expect(time.validityDate('build')).toEqual(before);
  });
});
