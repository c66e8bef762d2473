import { expect, test } from 'vitest';
import { UserPlaces } from './user-places.ts';

test('eventStreams, eventStreamsPerUser: places are bounded for each user and in all, and given back once', () => {
  const places = new UserPlaces({ all: 3, perUser: 2 });
  const first = places.take('a');
  places.take('a');
  expect(places.take('a')).toBe('user');
  places.take('b');
  expect([places.take('c'), places.taken]).toEqual(['all', 3]);
  if (typeof first !== 'function') throw new Error('no place');
  first();
  first();
  expect(places.taken).toBe(2);
  expect(places.take('a')).toBeTypeOf('function');
});
