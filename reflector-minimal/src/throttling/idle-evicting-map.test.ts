import { expect, test } from 'vitest';
import { IdleEvictingMap } from './idle-evicting-map.ts';

interface Entry {
  underWay: number;
}

function filled(...keys: readonly string[]): IdleEvictingMap<Entry> {
  const map = new IdleEvictingMap<Entry>(3);
  for (const key of keys) map.use(key, () => ({ underWay: 0 }));
  return map;
}

const present = (map: IdleEvictingMap<Entry>, keys: string) =>
  [...keys].filter((key) => map.peek(key) !== undefined).join('');

test('a new entry evicts the one used longest ago; a look is no use', () => {
  const map = filled('a', 'b', 'c', 'a');
  map.peek('b');
  map.use('d', () => ({ underWay: 0 }));
  expect([present(map, 'abcd'), map.size]).toEqual(['acd', 3]);
});

test('an entry that is there evicts nothing, and stays the same', () => {
  const map = filled('a', 'b', 'c');
  const entry = map.peek('b');
  expect(map.use('b', () => ({ underWay: 9 }))).toBe(entry);
  expect(present(map, 'abc')).toBe('abc');
  map.delete('b');
  map.use('d', () => ({ underWay: 0 }));
  expect(present(map, 'abcd')).toBe('acd');
});

test('what is under way is not evicted; if all is, one more is kept', () => {
  const map = filled('a', 'b', 'c');
  const begin = (key: string) => map.use(key, () => ({ underWay: 0 })).underWay++;
  begin('a');
  map.use('b', () => ({ underWay: 0 }));
  map.use('d', () => ({ underWay: 0 }));
  expect(present(map, 'abcd')).toBe('abd');
  for (const key of 'bd') begin(key);
  begin('e');
  expect([present(map, 'abde'), map.size]).toEqual(['abde', 4]);
});
