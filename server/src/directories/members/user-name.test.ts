import { expect, test } from 'vitest';
import { userName } from './user-name.ts';

test.each([
  ['Alice', 'alice'],
  ['zoe\u0308', 'zo\u00eb'],
  ['a@example.com', 'a@example.com'],
  ['', null],
  ['a b', null],
  ['a:b', null],
  ['a\0b', null],
  ['\ud800', null],
  ['a'.repeat(65), null],
])('%j is %j in the store', (typed, name) => {
  expect(userName(typed)).toBe(name);
});
