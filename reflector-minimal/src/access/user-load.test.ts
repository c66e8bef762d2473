import { expect, test } from 'vitest';
import { UserLoad } from './user-load.ts';

test('exchangesPerUser: a user has so much under way and no more, whatever ends in between', () => {
  const load = new UserLoad(2);
  const [first, second] = [load.begin('alice'), load.begin('alice')];
  expect(load.begin('alice')).toBeNull();
  first?.();
  // One is left, and counts.
  const third = load.begin('alice');
  expect(third).not.toBeNull();
  expect(load.begin('alice')).toBeNull();
  second?.();
  third?.();
  expect(load.size).toBe(0);
});

test('one user takes nothing of another, and who has nothing under way is forgotten', () => {
  const load = new UserLoad(1);
  const ends = ['alice', 'bob'].map((user) => load.begin(user));
  expect([load.size, load.begin('alice'), load.begin('bob')]).toEqual([2, null, null]);
  for (const end of ends) end?.();
  expect(load.size).toBe(0);
});
