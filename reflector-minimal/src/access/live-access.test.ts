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
  for (const name of ['alice', 'bob']) store.users.add(name, `hash of ${name}`, 0, 'user');
  const clock = new ManualClock();
  const access = new LiveAccess(store, clock, defaultLimits);
  const ended: string[] = [];
  const grant = (name: string) =>
    access.add({
      kind: 'user',
      revoked: () => (store.users.get(name)?.password === `hash of ${name}` ? null : 'changed'),
      end: (reason) => ended.push(`${name} ${reason}`),
    });
  return { store, clock, access, ended, grant };
}

test('storePollMs: what an account was let into ends with it within one poll, and nothing else does', () => {
  const { store, clock, ended, grant } = setUp();
  grant('alice');
  grant('bob');
  store.users.setPassword('alice', 'another');
  clock.advance(1_999);
  expect(ended).toEqual([]);
  clock.advance(1);
  expect(ended).toEqual(['alice changed']);
  store.users.remove('bob');
  clock.advance(2_000);
  expect(ended).toEqual(['alice changed', 'bob changed']);
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
  expect(ended).toEqual(['alice changed']);
});

test('a change by this process can be looked at without waiting', () => {
  const { store, access, ended, grant } = setUp();
  grant('alice');
  access.check();
  store.users.remove('alice');
  access.check();
  expect(ended).toEqual(['alice changed']);
});

test('what ends by time is looked at every sessionTouchMs', () => {
  const { clock, access } = setUp();
  let asked = 0;
  access.add({
    kind: 'user',
    revoked: () => {
      asked++;
      return null;
    },
    end: () => {},
  });
  clock.advance(defaultLimits.sessionTouchMs - 1);
  expect(asked).toBe(0);
  clock.advance(1);
  expect(asked).toBe(1);
});

test('devices are looked at when devices change, and not for what users do, nor as time passes', () => {
  const { store, clock, access } = setUp();
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  store.devices.add('dev1', 'd', secrets, 0);
  access.check();
  let asked = 0;
  access.add({
    kind: 'device',
    revoked: () => {
      asked++;
      return null;
    },
    end: () => {},
  });
  store.users.remove('alice');
  clock.advance(10 * defaultLimits.sessionTouchMs);
  expect(asked).toBe(0);
  store.devices.remove('dev1');
  clock.advance(defaultLimits.storePollMs);
  expect(asked).toBe(1);
});
