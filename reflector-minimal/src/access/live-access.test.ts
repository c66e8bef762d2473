import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { Store } from '../store/store.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { LiveAccess } from './live-access.ts';

function setUp(): {
  store: Store;
  clock: ManualClock;
  access: LiveAccess;
  ended: string[];
  grant: (name: string) => () => void;
} {
  const store = Store.open(':memory:');
  for (const name of ['alice', 'bob']) store.users.add(name, `hash of ${name}`, 0);
  const clock = new ManualClock();
  const access = new LiveAccess(store, clock, defaultLimits);
  const ended: string[] = [];
  const grant = (name: string) =>
    access.add({ kind: 'user', name, secret: `hash of ${name}`, end: () => ended.push(name) });
  return { store, clock, access, ended, grant };
}

test('what an account was let into ends with it within one poll, and nothing else does', () => {
  const { store, clock, ended, grant } = setUp();
  grant('alice');
  grant('bob');
  store.users.setPassword('alice', 'another');
  clock.advance(1_999);
  expect(ended).toEqual([]);
  clock.advance(1);
  expect(ended).toEqual(['alice']);
  store.users.remove('bob');
  clock.advance(2_000);
  expect(ended).toEqual(['alice', 'bob']);
  expect(clock.pending).toBe(0);
});

test('the store is asked only while something is live', () => {
  const { store, clock, ended, grant } = setUp();
  expect(clock.pending).toBe(0);
  const release = grant('alice');
  expect(clock.pending).toBe(1);
  release();
  expect(clock.pending).toBe(0);
  store.users.remove('alice');
  clock.advance(10_000);
  expect(ended).toEqual([]);
});

test('a change while nothing was live counts for what was let in before it', () => {
  const { store, clock, ended, grant } = setUp();
  store.users.setPassword('alice', 'another');
  grant('alice');
  clock.advance(2_000);
  expect(ended).toEqual(['alice']);
});
