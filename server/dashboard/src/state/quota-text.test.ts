import { expect, test } from 'vitest';
import { isQuota, quotaText, readQuota } from './quota-text.ts';

test('a quota is read as it is typed, and shown so', () => {
  expect(['', '0', '50', '1.5', '1,5'].map((text) => readQuota(text, 'bytes'))).toEqual([
    null,
    0,
    50_000_000_000,
    1_500_000_000,
    1_500_000_000,
  ]);
  expect(['', '50'].map((text) => readQuota(text, 'count'))).toEqual([null, 50]);
  expect([null, 0, 1_234_567_891].map((quota) => quotaText(quota, 'bytes'))).toEqual([
    '',
    '0',
    '1.234567891',
  ]);
  expect(quotaText(12, 'count')).toBe('12');
});

test('what is no quota is noticed', () => {
  expect(['many', '-1', '1.5', '1e30'].map((text) => isQuota(readQuota(text, 'count')))).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(['', '7'].map((text) => isQuota(readQuota(text, 'count')))).toEqual([true, true]);
});
