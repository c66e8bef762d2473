import { expect, test } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.ts';

test('exchangesPerUser: a user has so much under way and no more, whatever ends in between', () => {
  const limit = new ConcurrencyLimit(2);
  const [first, second] = [limit.begin('alice'), limit.begin('alice')];
  expect(limit.begin('alice')).toBeNull();
  first?.();
  // One is left, and counts.
  const third = limit.begin('alice');
  expect(third).not.toBeNull();
  expect(limit.begin('alice')).toBeNull();
  second?.();
  third?.();
  expect(limit.size).toBe(0);
});

test('one user takes nothing from another, and a user without requests is forgotten', () => {
  const limit = new ConcurrencyLimit(1);
  const ends = ['alice', 'bob'].map((user) => limit.begin(user));
  expect([limit.size, limit.begin('alice'), limit.begin('bob')]).toEqual([2, null, null]);
  for (const end of ends) end?.();
  expect(limit.size).toBe(0);
});
