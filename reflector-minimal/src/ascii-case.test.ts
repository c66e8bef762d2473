import { expect, test } from 'vitest';
import { asciiLowerCase } from './ascii-case.ts';

test.each([
  ['Pump-7', 'pump-7'],
  ['AZ[\\]@`az', 'az[\\]@`az'],
  ['\u212Aiosk', '\u212Aiosk'],
  ['\u0130D ÄÖ', '\u0130d ÄÖ'],
  ['', ''],
])('%j is %j', (text, lower) => {
  expect(asciiLowerCase(text)).toBe(lower);
});
