import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairShareTable } from './fair-share-table.ts';

const bounds = { perUser: 3, total: 5 };

function filled(...entries: readonly (readonly [user: string, key: string])[]): FairShareTable<string> {
  const table = new FairShareTable<string>(bounds);
  for (const [user, key] of entries) table.set(user, key, `${user} ${key}`);
  return table;
}

const present = (table: FairShareTable<string>, keys: string) =>
  [...keys].filter((key) => table.get(key) !== undefined);

test('a user pushes out their own alone', () => {
  const table = filled(['bob', 'x'], ['alice', 'a'], ['alice', 'b'], ['alice', 'c'], ['alice', 'd']);
  expect(present(table, 'xabcd')).toEqual(['x', 'b', 'c', 'd']);
});

test('of all, the oldest of the owner with most goes', () => {
  const table = filled(
    ['bob', 'x'],
    ['bob', 'y'],
    ['alice', 'a'],
    ['alice', 'b'],
    ['alice', 'c'],
    ['carol', 'k'],
  );
  expect(present(table, 'xyabck')).toEqual(['x', 'y', 'b', 'c', 'k']);
});

test('what is replaced or taken takes no place any more', () => {
  const table = filled(['alice', 'a'], ['alice', 'b'], ['alice', 'c'], ['alice', 'a']);
  expect(present(table, 'abc')).toEqual(['a', 'b', 'c']);
  expect(table.take('b')).toBe('alice b');
  expect(table.take('b')).toBeUndefined();
  table.set('alice', 'd', '');
  expect(present(table, 'abcd')).toEqual(['a', 'c', 'd']);
});

test('holds no more than its bounds, and what was set last', () => {
  const step = fc.tuple(fc.constantFrom('alice', 'bob', 'carol', 'dave'), fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const table = new FairShareTable<string>(bounds);
      for (const [user, number] of steps) {
        table.set(user, String(number), user);
        expect(table.get(String(number))).toBe(user);
        expect(table.size).toBeLessThanOrEqual(bounds.total);
      }
      table.takeWhile(() => true);
      expect(table.size).toBe(0);
    }),
  );
});
