import { expect, test } from 'vitest';
import { readPages } from './read-pages.ts';

const read = async (cursor: string | null) => {
  const first = Number(cursor ?? 0);
  return { items: [first, first + 1], next: first < 4 ? String(first + 2) : null };
};

test.each([
  [0, [0, 1], '2'],
  [2, [0, 1], '2'],
  [3, [0, 1, 2, 3], '4'],
  [100, [0, 1, 2, 3, 4, 5], null],
])('of %i rows that were shown, none is lost', async (rows, items, next) => {
  expect(await readPages(read, rows)).toEqual({ items, next });
});
