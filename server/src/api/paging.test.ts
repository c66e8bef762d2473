import { expect, test } from 'vitest';
import { cursorOf, pageFrom, readCursor } from './paging.ts';
import { Problem } from './problem.ts';

test('a cursor gives back its values', () => {
  const values = ['id', 5, null];
  expect(readCursor(cursorOf(values), 3)).toEqual(values);
  expect(readCursor(undefined, 3)).toBeNull();
});

test.each([
  ['', 1],
  ['%%%', 1],
  [cursorOf(['a']), 2],
  [Buffer.from('{"a":1}').toString('base64url'), 1],
  [Buffer.from('[{}]').toString('base64url'), 1],
])('%j is no cursor of %i values', (cursor, count) => {
  expect(() => readCursor(cursor, count)).toThrow(Problem);
});

test('a page has a next one when there was one more row', () => {
  const page = (rows: readonly number[]) => pageFrom(rows, 2, String, (row) => [row]);
  expect(page([1, 2, 3])).toEqual({ items: ['1', '2'], next: cursorOf([2]) });
  expect(page([1, 2])).toEqual({ items: ['1', '2'], next: null });
  expect(page([])).toEqual({ items: [], next: null });
});
