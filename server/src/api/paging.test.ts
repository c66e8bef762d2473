import { expect, test } from 'vitest';
import { cursorOf, pageFrom, readCursor } from './paging.ts';
import { Problem } from './problem.ts';

test('a cursor gives back its values', () => {
  const values = ['id', 5];
  expect(readCursor(cursorOf(values), 'text', 'integer')).toEqual(values);
  expect(readCursor(undefined, 'text')).toBeNull();
});

const encoded = (text: string) => Buffer.from(text).toString('base64url');

test.each([
  ['', ['text']],
  ['%%%', ['text']],
  [cursorOf(['a']), ['text', 'text']],
  [encoded('{"a":1}'), ['text']],
  [encoded('[{}]'), ['text']],
  [encoded('[null]'), ['text']],
  [cursorOf([5]), ['text']],
  [cursorOf(['5']), ['integer']],
  [cursorOf([1.5]), ['integer']],
  [cursorOf([1e300]), ['integer']],
  [encoded('[1e999]'), ['integer']],
] as const)('%j is no cursor of %j', (cursor, places) => {
  expect(() => readCursor(cursor, ...places)).toThrow(Problem);
});

test('a page has a next one when there was one more row', () => {
  const page = (rows: readonly number[]) => pageFrom(rows, 2, String, (row) => [row]);
  expect(page([1, 2, 3])).toEqual({ items: ['1', '2'], next: cursorOf([2]) });
  expect(page([1, 2])).toEqual({ items: ['1', '2'], next: null });
  expect(page([])).toEqual({ items: [], next: null });
});
