import { expect, test } from 'vitest';
import { TerminalPlaces } from './terminal-places.ts';

const bounds = { sshThreads: 4, sshThreadsPerDomain: 3, sshThreadsPerUser: 2 };

test('sshThreadsPerDomain: the users of one domain leave room for those of others, and places are given back once', () => {
  const places = new TerminalPlaces(bounds);
  const first = places.take('a', 'acme');
  places.take('a', 'acme');
  expect(places.take('a', 'other')).toBe('user');
  places.take('b', 'acme');
  expect(places.take('c', 'acme')).toBe('domain');
  // What was refused has taken nothing.
  expect(places.take('c', 'other')).toBeTypeOf('function');
  expect(places.take('d', 'third')).toBe('all');
  if (typeof first !== 'function') throw new Error('no place');
  first();
  first();
  expect([places.take('c', 'acme'), places.take('d', 'acme')]).toEqual([expect.any(Function), 'all']);
});
