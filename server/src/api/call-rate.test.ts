import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { CallRate } from './call-rate.ts';

test('callsBurst, callMs: so many calls at once, then one each time; users do not count for each other', () => {
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

test('callers, enrolmentNetworks: of so many the last calls are remembered', () => {
  const rate = new CallRate(new ManualClock(), { callsBurst: 1, callMs: 2_000, callers: 2 });
  expect(['a', 'b', 'a', 'b'].map((user) => rate.take(user))).toEqual([null, null, 2, 2]);
  // Who has not called for longest is forgotten, and may call.
  expect(['c', 'b', 'a'].map((user) => rate.take(user))).toEqual([null, 2, null]);
});
