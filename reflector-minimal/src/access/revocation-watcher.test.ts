import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { Store } from '../store/store.ts';
import { RevocationWatcher } from './revocation-watcher.ts';
import type { Standing } from './standing.ts';

interface Holder {
  readonly kind: 'user' | 'device';
  readonly name: string;
  standing(now: number): Standing;
}

function setUp() {
  const store = Store.open(':memory:');
  for (const name of ['alice', 'bob']) store.users.add(name, `hash of ${name}`, 0, 'user');
  const clock = new ManualClock();
  const access = new RevocationWatcher<Holder>(store, clock, defaultLimits, (holder, now) =>
    holder.standing(now),
  );
  const ended: string[] = [];
  const add = (holder: Holder, since = access.revision) =>
    access.add({ holder, since, end: (reason) => ended.push(`${holder.name} ${reason}`) });
  const ofUser = (name: string): Holder => ({
    kind: 'user',
    name,
    standing: () =>
      store.users.get(name)?.password === `hash of ${name}`
        ? { until: Number.POSITIVE_INFINITY }
        : { ended: 'changed' },
  });
  const grant = (name: string, since?: number) => add(ofUser(name), since);
  return { store, clock, access, ended, add, grant };
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

test('a change that falls between a decision and what it let in counts at once', () => {
  const { store, access, clock, ended, grant } = setUp();
  const since = access.revision;
  store.users.remove('alice');
  // Somebody else's poll, or log-out, has looked at the change meanwhile.
  access.check();
  grant('alice', since);
  expect(ended).toEqual(['alice changed']);
  grant('bob', since);
  expect(ended).toEqual(['alice changed']);
  clock.advance(2_000);
  store.users.remove('bob');
  clock.advance(2_000);
  expect(ended).toEqual(['alice changed', 'bob changed']);
});

test('what ends by time ends within one poll of it, and is not looked at before', () => {
  const { clock, ended, add } = setUp();
  const end = clock.date() + 3600_000;
  let asked = 0;
  const standing = (now: number): Standing => {
    asked++;
    return now < end ? { until: end } : { ended: 'idle' };
  };
  add({ kind: 'user', name: 'session', standing });
  clock.advance(3600_000 - 1);
  expect([asked, ended]).toEqual([1, []]);
  clock.advance(2_000);
  expect([asked, ended]).toEqual([2, ['session idle']]);
  expect(clock.pending).toBe(0);
});

test('devices are looked at when devices change, and not for what users do', () => {
  const { store, clock, add } = setUp();
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  store.devices.add('dev1', 'd', secrets, 0);
  let asked = 0;
  const standing = (): Standing => {
    asked++;
    return { until: Number.POSITIVE_INFINITY };
  };
  add({ kind: 'device', name: 'dev1', standing });
  clock.advance(defaultLimits.storePollMs);
  expect(asked).toBe(1);
  store.users.remove('alice');
  clock.advance(600_000);
  expect(asked).toBe(1);
  store.devices.remove('dev1', 0);
  clock.advance(defaultLimits.storePollMs);
  expect(asked).toBe(2);
});

test('what the store knows nothing of is looked at when told', () => {
  const { clock, access, ended, add } = setUp();
  let standing: Standing = { until: Number.POSITIVE_INFINITY };
  const device: Holder = { kind: 'device', name: 'dev1', standing: () => standing };
  add(device);
  clock.advance(defaultLimits.storePollMs);
  const since = access.revision;
  standing = { ended: 'untrusted' };
  access.reconsider('user');
  expect(ended).toEqual([]);
  access.reconsider('device');
  expect(ended).toEqual(['dev1 untrusted']);
  add(device, since);
  expect(ended).toEqual(['dev1 untrusted', 'dev1 untrusted']);
});
