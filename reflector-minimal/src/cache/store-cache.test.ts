import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { type SessionRecord, type Store, StoreUnavailable, type UserRecord } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { until } from '../testing/until.ts';
import { type Changes, StoreCache } from './store-cache.ts';

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const bounds = { perUser: 10, total: 100 };

/** A store whose reads are counted, and can be held up after they have read. */
function observed(store: Store) {
  const reads: string[] = [];
  const holds: Promise<void>[] = [];
  const read = async <T>(what: string, value: Promise<T>): Promise<T> => {
    reads.push(what);
    const result = await value;
    await holds[0];
    return result;
  };
  return {
    reads,
    /** From now on reads wait for what is returned to be called. */
    hold(): () => void {
      let release = () => {};
      holds.unshift(
        new Promise((resolve) => {
          release = resolve;
        }),
      );
      return () => {
        holds.length = 0;
        release();
      };
    },
    users: { get: async (name: string) => read(`user ${name}`, store.users.get(name)) } as Store['users'],
    sessions: { get: async (hash: Buffer) => read('session', store.sessions.get(hash)) } as Store['sessions'],
    devices: {
      identity: async (id: string) => read(`device ${id}`, store.devices.identity(id)),
    } as Store['devices'],
    changes: store.changes,
  };
}

describe('the cache', () => {
  let store: Store;
  let other: Store;
  let clock: ManualClock;
  let source: ReturnType<typeof observed>;
  let cache: StoreCache;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    clock = new ManualClock();
    source = observed(store);
    cache = make();
    other = store;
    await store.users.add('alice', 'hash', 1, 'user');
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 1, null);
  });

  function make(limits: Partial<Limits> = {}, hints = true): StoreCache {
    const changes = hints ? store.changes : { ...feedOf(store), onHint: () => () => {} };
    return new StoreCache({ ...source, changes }, clock, { ...defaultLimits, ...limits });
  }

  function feedOf({ changes }: Store): Store['changes'] {
    return {
      position: () => changes.position(),
      after: (position, limit) => changes.after(position, limit),
      onHint: (hint) => changes.onHint(hint),
    };
  }

  function sessionOf(byte: number): SessionRecord {
    return {
      hash: Buffer.alloc(32, byte),
      kind: 'own',
      user: 'alice',
      fingerprint: 'f',
      device: null,
      parent: null,
      created: 1,
      used: 1,
      expires: 1000,
      address: '',
      agent: '',
    };
  }

  async function alice(): Promise<UserRecord> {
    const user = await store.users.get('alice');
    if (!user) throw new Error('no user');
    return user;
  }

  test('reads a record once, and then answers at once', async () => {
    await store.sessions.add(sessionOf(1), await alice(), bounds);
    for (let i = 0; i < 3; i++) {
      expect(await cache.user('alice')).toMatchObject({ name: 'alice' });
      expect(await cache.device('dev1')).toMatchObject({ id: 'dev1', domain: 'acme' });
      expect(await cache.session(Buffer.alloc(32, 1))).toEqual(sessionOf(1));
    }
    expect(source.reads).toEqual(['user alice', 'device dev1', 'session']);
    expect(cache.user('alice')).toMatchObject({ name: 'alice' });
  });

  test('what does not exist is read each time: whoever has just been added is found', async () => {
    cache = make({}, false);
    expect([await cache.user('bob'), await cache.device('dev2')]).toEqual([null, null]);
    await other.users.add('bob', 'hash', 1, 'user');
    expect(await cache.user('bob')).toMatchObject({ name: 'bob' });
  });

  test('a change by this process counts at once', async () => {
    await cache.user('alice');
    await cache.device('dev1');
    await store.users.grant('alice', 'acme');
    expect((await cache.user('alice'))?.domains).toEqual(['acme']);
    await store.devices.remove('dev1', 2);
    expect(await cache.device('dev1')).toBeNull();
    await store.users.remove('alice', false);
    expect(await cache.user('alice')).toBeNull();
  });

  test('storePollMs: a change by another process counts within it, and what did not change is kept', async () => {
    cache = make({}, false);
    await cache.user('alice');
    await cache.device('dev1');
    await other.users.grant('alice', 'acme');
    clock.advance(defaultLimits.storePollMs - 1);
    expect((await cache.user('alice'))?.domains).toEqual([]);
    clock.advance(1);
    expect((await cache.user('alice'))?.domains).toEqual(['acme']);
    await cache.device('dev1');
    expect(source.reads).toEqual(['user alice', 'device dev1', 'user alice']);
  });

  test('a change while a record is read makes that read void', async () => {
    await cache.refresh();
    const release = source.hold();
    const first = cache.user('alice');
    await store.users.grant('alice', 'acme');
    await cache.refresh();
    release();
    await first;
    expect((await cache.user('alice'))?.domains).toEqual(['acme']);
    expect((await cache.user('alice'))?.domains).toEqual(['acme']);
    expect(source.reads).toEqual(['user alice', 'user alice']);
  });

  test('several that ask at once cost one read', async () => {
    await cache.refresh();
    const found = await Promise.all([cache.user('alice'), cache.user('alice'), cache.user('alice')]);
    expect(found.map((user) => user?.name)).toEqual(['alice', 'alice', 'alice']);
    expect(source.reads).toEqual(['user alice']);
  });

  test('a refresh covers all changes before it was asked for, also while another is under way', async () => {
    await cache.user('alice');
    const heard: Changes[] = [];
    cache.onChange((changes) => heard.push(changes));
    const first = cache.refresh();
    await store.users.grant('alice', 'acme');
    await cache.refresh();
    await first;
    expect(heard.flatMap((changes) => [...(changes ?? [])])).toEqual(['user alice']);
  });

  test('when changes are not known any more, everything is forgotten', async () => {
    cache = make({}, false);
    await cache.user('alice');
    await cache.device('dev1');
    const heard: Changes[] = [];
    cache.onChange((changes) => heard.push(changes));
    const many = Array.from({ length: 10_001 }, (_, i) => ({ id: `d${i}`, domain: 'a', secrets }));
    await other.devices.addAll(many, 1, null);
    await other.users.grant('alice', 'acme');
    clock.advance(defaultLimits.storePollMs);
    expect((await cache.user('alice'))?.domains).toEqual(['acme']);
    await cache.device('dev1');
    expect(heard[0]).toBeNull();
    expect(source.reads).toEqual(['user alice', 'device dev1', 'user alice', 'device dev1']);
  });

  test('the use of a session is known before it is written, and that of its parent', async () => {
    const own = sessionOf(1);
    const page: SessionRecord = { ...sessionOf(2), kind: 'device', device: 'dev1', parent: own.hash };
    for (const session of [own, page]) await store.sessions.add(session, await alice(), bounds);
    for (const { hash } of [own, page]) await cache.session(hash);
    cache.touch(page.hash, own.hash, 70);
    expect([(await cache.session(own.hash))?.used, (await cache.session(page.hash))?.used]).toEqual([70, 70]);
  });

  test('while the store is away what was compared lately is used, and nothing older', async () => {
    let away = false;
    const broken = () => {
      if (away) throw new StoreUnavailable('SQLITE_BUSY', 'held');
    };
    const feed = feedOf(store);
    const changes: Store['changes'] = {
      ...feed,
      position: async () => {
        broken();
        return feed.position();
      },
      after: async (position, limit) => {
        broken();
        return feed.after(position, limit);
      },
    };
    cache = new StoreCache({ ...source, changes }, clock, defaultLimits);
    await cache.user('alice');
    await cache.user('alice');
    away = true;
    clock.advance(defaultLimits.storePollMs - 1);
    expect(await cache.user('alice')).toMatchObject({ name: 'alice' });
    clock.advance(1);
    await expect(cache.user('alice')).rejects.toBeInstanceOf(StoreUnavailable);
    away = false;
    expect(await cache.user('alice')).toMatchObject({ name: 'alice' });
  });

  describe('of a store that is away at times', () => {
    let answer: 'given' | 'refused' | 'awaited';
    let tries: number;
    let isHinted: boolean;
    beforeEach(() => {
      answer = 'given';
      tries = 0;
      const feed = feedOf(store);
      const position = async () => {
        tries++;
        if (answer === 'refused') throw new StoreUnavailable('ECONNREFUSED', 'away');
        if (answer === 'awaited') await new Promise(() => {});
        return feed.position();
      };
      const unknown = async () => {
        throw new StoreUnavailable('ECONNREFUSED', 'away');
      };
      const get = (name: string) => (answer === 'given' ? store.users.get(name) : unknown());
      const users = { get } as Store['users'];
      const onHint: Store['changes']['onHint'] = (hint) =>
        feed.onHint((change) => {
          if (isHinted) hint(change);
        });
      isHinted = true;
      const changes = { ...feed, position, onHint };
      cache = new StoreCache({ ...source, users, changes, outageMs: 60_000 }, clock, defaultLimits);
    });

    test('what is known counts for that time, and nothing else', async () => {
      await cache.user('alice');
      answer = 'refused';
      clock.advance(59_999);
      expect(await cache.user('alice')).toMatchObject({ name: 'alice' });
      await expect(cache.user('bob')).rejects.toBeInstanceOf(StoreUnavailable);
      clock.advance(1);
      await expect(cache.user('alice')).rejects.toBeInstanceOf(StoreUnavailable);
      answer = 'given';
      expect(await cache.user('alice')).toMatchObject({ name: 'alice' });
    });

    test('a device that has come on line is known, though nobody has opened it', async () => {
      await cache.user('alice');
      cache.readAhead('dev1');
      cache.readAhead('never');
      const ofDevices = () => source.reads.filter((read) => read.startsWith('device'));
      await until(() => ofDevices().length === 2);
      answer = 'refused';
      clock.advance(59_999);
      expect(await cache.device('dev1')).toMatchObject({ id: 'dev1', domain: 'acme' });
      expect(ofDevices()).toEqual(['device dev1', 'device never']);
    });

    test('it is asked again every storePollMs, and nobody waits for that', async () => {
      await cache.user('alice');
      answer = 'refused';
      clock.advance(defaultLimits.storePollMs);
      await cache.user('alice');
      expect(tries).toBe(2);
      clock.advance(defaultLimits.storePollMs - 1);
      await cache.user('alice');
      expect(tries).toBe(2);
      answer = 'awaited';
      clock.advance(1);
      await cache.user('alice');
      await cache.user('alice');
      expect(tries).toBe(3);
    });

    test('what others change counts as soon as it answers again', async () => {
      await cache.user('alice');
      answer = 'refused';
      clock.advance(defaultLimits.storePollMs);
      await cache.user('alice');
      isHinted = false;
      await store.users.grant('alice', 'acme');
      expect((await cache.user('alice'))?.domains).toEqual([]);
      answer = 'given';
      await cache.refresh();
      expect((await cache.user('alice'))?.domains).toEqual(['acme']);
    });

    test('storePatienceMs: nobody waits longer for an answer', async () => {
      await cache.user('alice');
      answer = 'awaited';
      clock.advance(defaultLimits.storePollMs);
      const asked = Promise.resolve(cache.user('alice'));
      let isKnown = false;
      const told = asked.then(() => {
        isKnown = true;
      });
      clock.advance(defaultLimits.storePatienceMs - 1);
      await new Promise(setImmediate);
      expect(isKnown).toBe(false);
      clock.advance(1);
      await told;
      expect(await asked).toMatchObject({ name: 'alice' });
    });

    test('what this process has changed does not count as it was before', async () => {
      await store.users.add('bob', 'hash', 1, 'user');
      await cache.user('alice');
      await cache.user('bob');
      await store.users.setPassword('alice', 'another');
      answer = 'refused';
      clock.advance(defaultLimits.storePollMs);
      await expect(cache.user('alice')).rejects.toBeInstanceOf(StoreUnavailable);
      expect(await cache.user('bob')).toMatchObject({ name: 'bob' });
    });

    test('after a hint that anything may have changed, nothing counts before it is followed', async () => {
      await cache.user('alice');
      cache.changed();
      answer = 'refused';
      await expect(cache.user('alice')).rejects.toBeInstanceOf(StoreUnavailable);
      answer = 'given';
      await cache.user('alice');
      answer = 'refused';
      clock.advance(defaultLimits.storePollMs);
      expect(await cache.user('alice')).toMatchObject({ name: 'alice' });
    });
  });

  test('tells what a change since a revision was about, as long as it is remembered', async () => {
    const isUser = (name: string) => (changes: Changes) => changes?.has(`user ${name}`) ?? true;
    const { revision } = cache;
    await store.users.add('bob', 'hash', 1, 'user');
    await cache.user('alice');
    const first = cache.revision;
    expect(first).toBeGreaterThan(revision);
    await store.users.setPassword('bob', 'another');
    await cache.user('alice');
    expect([isUser('alice'), isUser('bob')].map((one) => cache.isUnaffected(first, one))).toEqual([
      true,
      false,
    ]);
    const second = cache.revision;
    cache.changedBeside();
    expect(cache.isUnaffected(second, isUser('alice'))).toBe(false);
    const third = cache.revision;
    for (let i = 0; i < 257; i++) await store.users.setPassword('bob', `${i}`);
    expect(cache.isUnaffected(third, isUser('alice'))).toBe(false);
  });

  test('a hint that could not be followed is followed later', async () => {
    await cache.user('alice');
    let away = true;
    const { after } = source.changes;
    source.changes.after = async (position, limit) => {
      if (away) throw new StoreUnavailable('SQLITE_BUSY', 'held');
      return after.call(source.changes, position, limit);
    };
    await store.users.grant('alice', 'acme');
    await expect(cache.user('alice')).rejects.toBeInstanceOf(StoreUnavailable);
    away = false;
    expect((await cache.user('alice'))?.domains).toEqual(['acme']);
  });

  test.each([
    ['cachedUsers: beyond it the one used longest ago is read again', { cachedUsers: 2 }],
    ['cachedSessions: beyond it the one used longest ago is read again', { cachedSessions: 2 }],
    ['cachedDevices: beyond it the one used longest ago is read again', { cachedDevices: 2 }],
  ])('%s', async (title, limits) => {
    const kind = title.slice('cached'.length, title.indexOf(':'));
    for (const name of ['bob', 'carol']) await store.users.add(name, 'hash', 1, 'user');
    for (const id of ['bob', 'carol', 'alice'])
      await store.devices.add({ id, domain: 'acme', secrets }, 1, null);
    for (const byte of [1, 2, 3]) await store.sessions.add(sessionOf(byte), await alice(), bounds);
    cache = make(limits);
    const names = ['alice', 'bob', 'carol'] as const;
    const ask = async (name: (typeof names)[number]) => {
      if (kind === 'Users') await cache.user(name);
      else if (kind === 'Devices') await cache.device(name);
      else await cache.session(Buffer.alloc(32, 1 + names.indexOf(name)));
    };
    for (const name of names) await ask(name);
    expect(source.reads).toHaveLength(3);
    await ask('carol');
    await ask('bob');
    expect(source.reads).toHaveLength(3);
    await ask('alice');
    expect(source.reads).toHaveLength(4);
  });
});
