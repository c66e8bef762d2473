import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { changeKey, StoreCache } from '../cache/store-cache.ts';
import { defaultLimits } from '../limits.ts';
import { type Change, StoreUnavailable } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { settled } from '../testing/settled.ts';
import { RevocationWatcher } from './revocation-watcher.ts';
import type { Standing } from './standing.ts';

interface Holder {
  readonly kind: 'user' | 'device';
  readonly name: string;
  standing(now: number): Standing | Promise<Standing>;
}

async function setUp() {
  const store = SqliteStore.open(':memory:');
  for (const name of ['alice', 'bob']) await store.users.add(name, `hash of ${name}`, 0, 'user');
  const clock = new ManualClock();
  const cache = new StoreCache(store, clock, defaultLimits);
  const failures: unknown[] = [];
  const watcher = new RevocationWatcher<Holder>(
    cache,
    clock,
    defaultLimits,
    {
      standingOf: (holder, now) => holder.standing(now),
      isAffected: ({ kind, name }, changes) =>
        changes === null || changes.has(changeKey({ kind: kind as Change['kind'], key: name })),
    },
    (error) => failures.push(error),
  );
  const ended: string[] = [];
  const confirmed: string[] = [];
  const add = (holder: Holder, since = watcher.revision) =>
    watcher.add({
      holder,
      since,
      end: (reason) => ended.push(`${holder.name} ${reason}`),
      confirmed: () => confirmed.push(holder.name),
    });
  const ofUser = (name: string): Holder => ({
    kind: 'user',
    name,
    standing: async () =>
      (await cache.user(name))?.password === `hash of ${name}`
        ? { until: Number.POSITIVE_INFINITY }
        : { ended: 'changed' },
  });
  const letIn = (name: string, since?: number) => add(ofUser(name), since);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { store, cache, clock, watcher, ended, confirmed, failures, add, ofUser, letIn, pass };
}

test('storePollMs: what an account was let into ends with it within one poll, and nothing else does', async () => {
  const { store, clock, ended, letIn, pass } = await setUp();
  letIn('alice');
  letIn('bob');
  await store.users.setPassword('alice', 'another');
  await pass(1_999);
  expect(ended).toEqual([]);
  await pass(1);
  expect(ended).toEqual(['alice changed']);
  await store.users.remove('bob', false);
  await pass(2_000);
  expect(ended).toEqual(['alice changed', 'bob changed']);
  expect(clock.pending).toBe(0);
});

test('the store is asked only while something is live', async () => {
  const { store, clock, ended, letIn, pass } = await setUp();
  expect(clock.pending).toBe(0);
  const release = letIn('alice');
  expect(clock.pending).toBe(1);
  release();
  expect(clock.pending).toBe(0);
  await store.users.remove('alice', false);
  await pass(10_000);
  expect(ended).toEqual([]);
});

test('a change while nothing was live counts for what was let in before it', async () => {
  const { store, ended, letIn, pass } = await setUp();
  await store.users.setPassword('alice', 'another');
  letIn('alice');
  await pass(2_000);
  expect(ended).toEqual(['alice changed']);
});

test('a change by this process can be looked at without waiting', async () => {
  const { store, watcher, ended, letIn } = await setUp();
  letIn('alice');
  await watcher.check();
  await store.users.remove('alice', false);
  await watcher.check();
  expect(ended).toEqual(['alice changed']);
});

test('a change that falls between a decision and what it let in counts at once', async () => {
  const { store, watcher, ended, confirmed, letIn, pass } = await setUp();
  await watcher.check();
  const since = watcher.revision;
  await store.users.remove('alice', false);
  // Somebody else's poll, or log-out, has looked at the change meanwhile.
  await watcher.check();
  letIn('alice', since);
  expect(confirmed).toEqual([]);
  await settled();
  expect([ended, confirmed]).toEqual([['alice changed'], []]);
  letIn('bob', since);
  await settled();
  expect([ended, confirmed]).toEqual([['alice changed'], ['bob']]);
  await pass(2_000);
  await store.users.remove('bob', false);
  await pass(2_000);
  expect(ended).toEqual(['alice changed', 'bob changed']);
});

test('what nothing has changed for is confirmed at once, and once', async () => {
  const { watcher, confirmed, letIn, pass } = await setUp();
  letIn('alice');
  expect(confirmed).toEqual(['alice']);
  await watcher.check();
  await pass(2_000);
  expect(confirmed).toEqual(['alice']);
});

test('a change while a holder is looked at is looked at again', async () => {
  const { store, watcher, ended, confirmed, add } = await setUp();
  await watcher.check();
  let asked = 0;
  let answer = (_standing: Standing) => {};
  const standing = () => {
    asked++;
    return new Promise<Standing>((resolve) => {
      answer = resolve;
    });
  };
  add({ kind: 'user', name: 'alice', standing }, watcher.revision - 1);
  await settled();
  expect(asked).toBe(1);
  await store.users.setPassword('alice', 'another');
  const checked = watcher.check();
  await settled();
  // What it read was from before the change.
  answer({ until: Number.POSITIVE_INFINITY });
  await settled();
  expect([asked, confirmed]).toEqual([2, []]);
  answer({ ended: 'changed' });
  await checked;
  expect([ended, confirmed]).toEqual([['alice changed'], []]);
});

test('nothing is confirmed while the store cannot say whether it may stay', async () => {
  const { store, watcher, ended, confirmed, add, pass } = await setUp();
  const { revision } = watcher;
  let away = true;
  const standing = async (): Promise<Standing> => {
    if (away) throw new StoreUnavailable('SQLITE_BUSY', 'held');
    return { ended: 'changed' };
  };
  await store.users.setPassword('alice', 'another');
  add({ kind: 'user', name: 'alice', standing }, revision);
  await pass(2_000);
  expect([ended, confirmed]).toEqual([[], []]);
  away = false;
  await pass(2_000);
  expect([ended, confirmed]).toEqual([['alice changed'], []]);
});

test('what was released while it was looked at is neither ended nor confirmed', async () => {
  const { watcher, ended, confirmed, clock, add } = await setUp();
  let answer = (_standing: Standing) => {};
  const standing = () =>
    new Promise<Standing>((resolve) => {
      answer = resolve;
    });
  const release = add({ kind: 'user', name: 'alice', standing }, watcher.revision - 1);
  await settled();
  release();
  answer({ ended: 'changed' });
  await settled();
  expect([ended, confirmed, clock.pending]).toEqual([[], [], 0]);
});

test('what ends by time ends within one poll of it, and is not looked at before', async () => {
  const { clock, ended, add, pass } = await setUp();
  const end = clock.date() + 3600_000;
  let asked = 0;
  const standing = (now: number): Standing => {
    asked++;
    return now < end ? { until: end } : { ended: 'idle' };
  };
  add({ kind: 'user', name: 'session', standing });
  await pass(2_000);
  await pass(3600_000 - 2_001);
  expect([asked, ended]).toEqual([1, []]);
  await pass(2_000);
  expect([asked, ended]).toEqual([2, ['session idle']]);
  expect(clock.pending).toBe(0);
});

test('what ends by time has ended at that time', async () => {
  const { clock, ended, add, pass } = await setUp();
  const end = clock.date() + 3 * defaultLimits.storePollMs;
  const standing = (now: number): Standing => (now < end ? { until: end } : { ended: 'idle' });
  add({ kind: 'user', name: 'session', standing });
  await pass(defaultLimits.storePollMs);
  await pass(defaultLimits.storePollMs);
  expect(ended).toEqual([]);
  await pass(defaultLimits.storePollMs);
  expect(ended).toEqual(['session idle']);
});

test('only what a change is about is looked at', async () => {
  const { store, add, pass } = await setUp();
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  for (const id of ['dev1', 'dev2']) await store.devices.add({ id, domain: 'd', secrets }, 0, null);
  let asked = 0;
  const standing = (): Standing => {
    asked++;
    return { until: Number.POSITIVE_INFINITY };
  };
  add({ kind: 'device', name: 'dev1', standing });
  await pass(defaultLimits.storePollMs);
  expect(asked).toBe(1);
  await store.users.remove('alice', false);
  await store.devices.remove('dev2', 0);
  for (let i = 0; i < 10; i++) await pass(defaultLimits.storePollMs);
  expect(asked).toBe(1);
  await store.devices.remove('dev1', 0);
  await pass(defaultLimits.storePollMs);
  expect(asked).toBe(2);
});

test('what the store knows nothing of is looked at when told', async () => {
  const { watcher, ended, add, pass } = await setUp();
  let standing: Standing = { until: Number.POSITIVE_INFINITY };
  const device: Holder = { kind: 'device', name: 'dev1', standing: () => standing };
  add(device);
  await pass(defaultLimits.storePollMs);
  const since = watcher.revision;
  standing = { ended: 'untrusted' };
  await watcher.reconsider('user');
  expect(ended).toEqual([]);
  await watcher.reconsider('device');
  expect(ended).toEqual(['dev1 untrusted']);
  add(device, since);
  await settled();
  expect(ended).toEqual(['dev1 untrusted', 'dev1 untrusted']);
});

test('a change of the store and one beside it are two', async () => {
  const { store, watcher, ended, letIn } = await setUp();
  await watcher.check();
  const since = watcher.revision;
  await store.users.remove('alice', false);
  await watcher.check();
  await watcher.reconsider('device');
  letIn('alice', since);
  await settled();
  expect(ended).toEqual(['alice changed']);
});

test('who need not be told of the confirmation is not; nothing live needs no end', async () => {
  const { watcher, clock } = await setUp();
  watcher.stop();
  const holder: Holder = { kind: 'user', name: 'alice', standing: () => ({ until: 0 }) };
  const release = watcher.add({ holder, since: watcher.revision, end: () => {} });
  expect(clock.pending).toBe(1);
  watcher.stop();
  release();
  expect(clock.pending).toBe(0);
});

test('while the store cannot be used what is live goes on, and is looked at again', async () => {
  const { ended, failures, add, pass } = await setUp();
  let away = true;
  const standing = (): Standing => {
    if (away) throw new StoreUnavailable('SQLITE_BUSY', 'held');
    return { ended: 'changed' };
  };
  add({ kind: 'user', name: 'alice', standing });
  await pass(2_000);
  expect(ended).toEqual([]);
  away = false;
  await pass(2_000);
  expect([ended, failures]).toEqual([['alice changed'], []]);
});

test('while the change feed cannot be read, what ends by time ends; a fault of ours is reported', async () => {
  let error: Error = new StoreUnavailable('SQLITE_BUSY', 'held');
  const feed = {
    refresh: () => Promise.reject(error),
    onChange: () => () => {},
    revision: 0,
    isCurrent: true,
    isUnaffected: () => true,
    changedBeside: () => {},
  };
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const ended: string[] = [];
  const watcher = new RevocationWatcher<Holder>(
    feed,
    clock,
    defaultLimits,
    { standingOf: (holder, now) => holder.standing(now), isAffected: () => false },
    (failure) => failures.push(failure),
  );
  const holder: Holder = { kind: 'user', name: 'alice', standing: () => ({ ended: 'idle' }) };
  const add = () => watcher.add({ holder, since: watcher.revision, end: (reason) => ended.push(reason) });
  add();
  await watcher.check();
  expect([ended, failures]).toEqual([['idle'], []]);
  error = new TypeError('ours');
  add();
  clock.advance(defaultLimits.storePollMs);
  await settled();
  expect([ended, failures]).toEqual([['idle'], [error]]);
});

test('a fault of ours about one is reported, and the others are looked at', async () => {
  const { ended, failures, add, pass } = await setUp();
  add({
    kind: 'user',
    name: 'alice',
    standing: () => {
      throw new TypeError('ours');
    },
  });
  add({ kind: 'user', name: 'bob', standing: () => ({ ended: 'changed' }) });
  await pass(2_000);
  expect([ended, failures]).toEqual([['bob changed'], [new TypeError('ours')]]);
});

test('what nothing has changed for is admitted during the call', async () => {
  const { cache, watcher, ofUser } = await setUp();
  await cache.user('alice');
  const { revision } = watcher;
  const begun: number[] = [];
  expect(watcher.admit(ofUser('alice'), revision, (since) => begun.push(since))).toBe(true);
  expect(begun).toEqual([revision]);
});

test('a change by this process counts before it is acknowledged, and one that is about somebody else does not', async () => {
  const { store, cache, watcher, ofUser } = await setUp();
  await cache.user('alice');
  const since = watcher.revision;
  const changed = store.users.setPassword('alice', 'another');
  expect(watcher.revision).toBeGreaterThan(since);
  const begun: number[] = [];
  const begin = (now: number) => begun.push(now);
  expect(await watcher.admit(ofUser('alice'), since, begin)).toBe(false);
  expect(begun).toEqual([]);
  await changed;
  expect(await watcher.admit(ofUser('bob'), since, begin)).toBe(true);
  expect(begun).toEqual([watcher.revision]);
});

test('storePollMs: a change by another process counts for what was decided before it', async () => {
  const { cache, clock, watcher } = await setUp();
  await cache.user('alice');
  const since = watcher.revision;
  let asked = 0;
  const standing = (): Standing => {
    asked++;
    return { ended: 'changed' };
  };
  clock.advance(defaultLimits.storePollMs);
  const admitted = watcher.admit({ kind: 'user', name: 'alice', standing }, since, () => {
    throw new Error('begun');
  });
  expect([await admitted, asked]).toEqual([false, 1]);
});

test('a change while it is decided again is decided about again, both for what begins and for what waits', async () => {
  const { store, cache, watcher, add, confirmed } = await setUp();
  await cache.user('alice');
  const answers: ((standing: Standing) => void)[] = [];
  const standing = () => new Promise<Standing>((resolve) => answers.push(resolve));
  const holder: Holder = { kind: 'user', name: 'alice', standing };
  const begun: number[] = [];
  const since = watcher.revision;
  await store.users.setPassword('alice', 'another');
  const admitted = watcher.admit(holder, since, (now) => begun.push(now));
  add(holder, since);
  await settled();
  expect(answers.length).toBe(2);
  await store.users.setPassword('alice', 'a third');
  for (const answer of answers.splice(0)) answer({ until: Number.POSITIVE_INFINITY });
  await settled();
  expect([answers.length, begun, confirmed]).toEqual([2, [], []]);
  // What is about somebody else makes nobody wait.
  await store.users.setPassword('bob', 'another');
  for (const answer of answers.splice(0)) answer({ until: Number.POSITIVE_INFINITY });
  expect(await admitted).toBe(true);
  await settled();
  expect([begun, confirmed]).toEqual([[watcher.revision], ['alice']]);
});

test('what cannot be decided again does not begin', async () => {
  const { cache, watcher } = await setUp();
  await cache.user('alice');
  const standing = () => Promise.reject(new StoreUnavailable('SQLITE_BUSY', 'held'));
  const admitted = watcher.admit({ kind: 'user', name: 'alice', standing }, watcher.revision - 1, () => {});
  await expect(admitted).rejects.toThrow(StoreUnavailable);
});
