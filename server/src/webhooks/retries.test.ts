import { expect, test } from 'vitest';
import { askedPause, pauseAfter, waitAfter } from './retries.ts';

test('a message is tried ten times within three to four days', () => {
  const waits = Array.from({ length: 10 }, (_, i) => waitAfter(i + 1, 0.5));
  expect(waits.slice(0, 3)).toEqual([5_000, 300_000, 1_800_000]);
  expect(waits[9]).toBe(null);
  const hours = waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0) / 3_600_000;
  expect(hours).toBeCloseTo(75.6, 1);
  expect([waitAfter(1, 0), waitAfter(1, 1)]).toEqual([4_000, 6_000]);
});

test('a receiver that fails is left alone for longer and longer, up to a bound', () => {
  expect([1, 2, 3, 100].map((failures) => pauseAfter(failures, 60_000, 0.5))).toEqual([
    1_000, 2_000, 4_000, 60_000,
  ]);
});

test.each([
  [null, 0],
  ['30', 30_000],
  ['999999', 3_600_000],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 60_000],
  ['Thu, 01 Jan 1960 00:01:00 GMT', 0],
  ['soon', 0],
])('webhookRetryAfterMs: Retry-After %s', (header, ms) => {
  expect(askedPause(header, 0, 3_600_000)).toBe(ms);
});
