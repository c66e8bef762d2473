import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { CallRate } from './call-rate.ts';

test('so many calls at once, then one each time; users do not count for each other', () => {
  const clock = new ManualClock();
  const rate = new CallRate(clock, { callsBurst: 3, callMs: 2_000, callers: 10 });
  expect([1, 2, 3, 4].map(() => rate.take('alice'))).toEqual([null, null, null, 2]);
  expect(rate.take('bob')).toBeNull();
  clock.advance(1_999);
  expect(rate.take('alice')).toBe(1);
  clock.advance(1);
  expect([rate.take('alice'), rate.take('alice')]).toEqual([null, 2]);
  clock.advance(60_000);
  expect([1, 2, 3, 4].map(() => rate.take('alice'))).toEqual([null, null, null, 2]);
});
