import { expect, test } from 'vitest';
import { trimBlanks } from './blanks.ts';

test.each([
  ['', ''],
  [' \t', ''],
  ['\t a \t b\t ', 'a \t b'],
  ['voil\xc3\xa0', 'voil\xc3\xa0'],
  ['\xa0a\xa0 ', '\xa0a\xa0'],
])('%j without blanks at both ends is %j', (text, trimmed) => {
  expect(trimBlanks(text)).toBe(trimmed);
});
