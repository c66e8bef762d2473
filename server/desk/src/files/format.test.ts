import { afterEach, expect, test, vi } from 'vitest';
import { dateTime } from './format.ts';

afterEach(() => vi.unstubAllGlobals());

test('dates are as in the region of the browser', () => {
  const seconds = Date.UTC(2026, 1, 3, 12) / 1_000;
  vi.stubGlobal('navigator', { languages: ['en-GB'] });
  const british = dateTime(seconds);
  vi.stubGlobal('navigator', { languages: ['en-US'] });
  const american = dateTime(seconds);
  expect(british).toMatch(/^\d Feb 2026/);
  expect(american).toMatch(/^Feb \d, 2026/);
});
