import { expect, test } from 'vitest';
import { closeReason } from './close-reason.ts';

test.each([
  ['', ''],
  ['a'.repeat(123), 'a'.repeat(123)],
  ['a'.repeat(124), 'a'.repeat(123)],
  ['ü'.repeat(1_000), 'ü'.repeat(61)],
  [`aaaa${'𝄞'.repeat(40)}`, `aaaa${'𝄞'.repeat(29)}`],
])('at most 123 bytes, whole characters: %s', (text, reason) => {
  expect(closeReason(text)).toBe(reason);
});
