import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import { type Store, StoreUnavailable, type UserRecord } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { accountOf } from '../testing/account-of.ts';
import { type SessionSources, Sessions } from './sessions.ts';

const hour = 3600_000;
const facts = { address: '192.0.2.1', agent: 'Browser/1' };
const own = { kind: 'own' } as const;

describe('sessions', () => {
  let store: SqliteStore;
  let clock: ManualClock;
  let sessions: Sessions;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    for (const name of ['alice', 'bob']) await store.users.add(name, `hash of ${name}`, 0, 'user');
    clock = new ManualClock();
    sessions = make();
  });

  function make(limits: Partial<Limits> = {}, sources: Partial<SessionSources> = {}): Sessions {
    const all = { ...defaultLimits, ...limits };
    const cache = new StoreCache(store, clock, all);
    const later = (_key: string, write: () => Promise<void>) => void write();
    return new Sessions(
      { store: store, cache, clock, limits: all, later, ...sources },
      { absoluteMs: 48 * hour, idleMs: hour },
    );
  }

  /** A cache that counts its look-ups of sessions, and how often it has to forget one. */
  function countingCache(
    user: (name: string) => Promise<UserRecord | null> = (name) => store.users.get(name),
  ) {
    const cache = new StoreCache(store, clock, defaultLimits);
    const counted = {
      lookUps: 0,
      forgotten: 0,
      user,
      session: (hash: Buffer): ReturnType<StoreCache['session']> => {
        counted.lookUps++;
        return cache.session(hash);
      },
      forgetSession: (hash: Buffer) => {
        counted.forgotten++;
        cache.forgetSession(hash);
      },
      forgetUser: (name: string) => cache.forgetUser(name),
      touch: (...use: Parameters<StoreCache['touch']>) => cache.touch(...use),
    };
    return counted;
  }

  async function open(name = 'alice', among = sessions): Promise<{ secret: string; session: Session }> {
    const opened = await among.create((await store.users.get(name)) as UserRecord, { ...own, ...facts });
    if (!opened) throw new Error('no session');
    return opened;
  }

  async function openDevice(parent: Session, device: string): Promise<{ secret: string; session: Session }> {
    const opened = await sessions.create(parent.user, { kind: 'device', device, parent, ...facts });
    if (!opened) throw new Error('no session');
    return opened;
  }

  test('are found by a secret that the store does not have', async () => {
    const { secret, session } = await open();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(await sessions.find(secret, own)).toEqual(session);
    expect(session).toMatchObject({ kind: 'own', user: { name: 'alice' }, device: null, ...facts });
    expect(JSON.stringify(await store.sessions.list('alice', 100))).not.toContain(secret);
    expect(session.id).not.toContain(secret.slice(0, 8));
    for (const wrong of ['', secret.slice(1), `${secret}x`, 'A'.repeat(43), `${secret.slice(0, 42)}'`]) {
      expect(await sessions.find(wrong, own)).toBeNull();
    }
    expect((await open()).secret).not.toBe(secret);
  });

  test('of what is no secret nothing is looked up, and of a known session only once', async () => {
    const cache = countingCache();
    const counted = make({}, { cache });
    const { secret, session } = await open();
    for (const wrong of ['', secret.slice(1), `${secret}x`, `x${secret}`, `${secret.slice(0, 42)}'`]) {
      expect(await counted.find(wrong, own)).toBeNull();
    }
    expect(cache.lookUps).toBe(0);
    expect(await counted.find(secret, own)).toEqual(session);
    expect([cache.lookUps, cache.forgotten]).toEqual([1, 0]);
  });

  test('another process may have used one, or ended it', async () => {
    const other = make();
    const [used, ended] = [await open(), await open()];
    for (const { secret } of [used, ended]) expect(await sessions.find(secret, own)).not.toBeNull();
    clock.advance(0.75 * hour);
    expect(await other.find(used.secret, own)).not.toBeNull();
    await store.sessions.remove(ended.session.hash);
    clock.advance(0.75 * hour);
    expect((await sessions.find(used.secret, own))?.user.name).toBe('alice');
    expect(await sessions.find(ended.secret, own)).toBeNull();
  });

  test('one that has ended keeps no other of its user from counting while the store is away', async () => {
    let isAway = false;
    const refuse = () => {
      if (isAway) throw new StoreUnavailable('ECONNREFUSED', 'away');
    };
    const away: Pick<Store, 'users' | 'sessions' | 'devices' | 'changes' | 'outageMs'> = {
      users: {
        get: async (name: string) => {
          refuse();
          return store.users.get(name);
        },
      } as Store['users'],
      sessions: {
        get: async (hash: Buffer) => {
          refuse();
          return store.sessions.get(hash);
        },
      } as Store['sessions'],
      devices: store.devices,
      changes: {
        position: async () => {
          refuse();
          return store.changes.position();
        },
        after: (position, limit) => store.changes.after(position, limit),
        onHint: (hint) => store.changes.onHint(hint),
      },
      outageMs: 2 * hour,
    };
    const one = make({}, { cache: new StoreCache(away, clock, defaultLimits) });
    const ended = await open();
    expect(await one.find(ended.secret, own)).not.toBeNull();
    clock.advance(0.75 * hour);
    const good = await open();
    expect(await one.find(good.secret, own)).not.toBeNull();
    isAway = true;
    clock.advance(0.5 * hour);
    expect((await one.find(good.secret, own))?.user.name).toBe('alice');
    await expect(one.find(ended.secret, own)).rejects.toBeInstanceOf(StoreUnavailable);
    expect((await one.find(good.secret, own))?.user.name).toBe('alice');
  });

  test('may end, with their user, between the first look and the second', async () => {
    const { secret, session } = await open();
    const record = await store.sessions.get(session.hash);
    clock.advance(hour);
    for (const gone of ['session', 'user'] as const) {
      const cache = countingCache(async () => (gone === 'user' && cache.forgotten > 0 ? null : session.user));
      cache.session = async () => (gone === 'session' && cache.forgotten > 0 ? null : record);
      expect(await make({}, { cache }).find(secret, own)).toBeNull();
      expect(cache.forgotten).toBe(1);
    }
  });

  test('count for the password that they were opened with, whatever the store still has', async () => {
    const { secret, session } = await open();
    const changed = make(
      {},
      { cache: countingCache(async () => ({ ...session.user, password: 'another' })) },
    );
    expect(await changed.find(secret, own)).toBeNull();
    const same = make({}, { cache: countingCache(async () => ({ ...session.user })) });
    expect(await same.find(secret, own)).toEqual(session);
  });

  test('tell of a browser no more than 200 characters', async () => {
    const agent = 'x'.repeat(201);
    const user = (await store.users.get('alice')) as UserRecord;
    const opened = await sessions.create(user, { ...own, address: '', agent });
    expect(opened?.session.agent).toBe('x'.repeat(200));
  });

  test('that have ended are not listed', async () => {
    await open();
    clock.advance(hour - 1);
    const { session } = await open();
    clock.advance(1);
    expect((await sessions.list('alice')).map(({ id }) => id)).toEqual([session.id]);
    expect(await sessions.list('nobody')).toEqual([]);
  });

  test('each use is a write of its own', async () => {
    const keys: string[] = [];
    const noting = make({}, { later: (key) => void keys.push(key) });
    const both = [await open(), await open()];
    clock.advance(defaultLimits.sessionTouchMs);
    for (const { secret } of both) await noting.find(secret, own);
    expect(keys).toEqual(both.map(({ session }) => `session ${session.hash.toString('hex')}`));
  });

  test('hold until a time that is known, and that no question about it moves', async () => {
    const { secret, session } = await open();
    const began = clock.date();
    expect(await sessions.holdsUntil(session)).toBe(began + hour);
    clock.advance(hour / 2);
    expect(await sessions.holdsUntil(session)).toBe(began + hour);
    expect(await sessions.find(secret, own)).not.toBeNull();
    expect(await sessions.holdsUntil(session)).toBe(began + 1.5 * hour);
    clock.advance(hour);
    expect(await sessions.holdsUntil(session)).toBeNull();
  });

  test('are not opened for an account that has changed since that was decided', async () => {
    const before = (await store.users.get('alice')) as UserRecord;
    const create = async () => await sessions.create(before, { ...own, ...facts });
    expect(await create()).not.toBeNull();
    await store.users.setTotp(await accountOf(store, 'alice'), {
      secret: Buffer.alloc(20),
      step: 0,
      recovery: [],
    });
    expect(await create()).toBeNull();
    await store.users.removeTotp('alice');
    expect(await create()).not.toBeNull();
    await store.users.setPassword('alice', 'another');
    expect(await create()).toBeNull();
    await store.users.remove('alice', true);
    await store.users.add('alice', before.password, 0, 'user');
    expect(await create()).toBeNull();
  });

  test('a device session is good for its device alone, and ends with its parent', async () => {
    const { secret, session: parent } = await open();
    const { secret: first, session } = await openDevice(parent, 'dev1');
    const { secret: second } = await openDevice(parent, 'dev2');
    expect(await sessions.find(first, { kind: 'device', device: 'dev1' })).toEqual(session);
    expect([await sessions.present(session), await sessions.present(parent)]).toEqual([session, parent]);
    expect(await sessions.find(first, { kind: 'device', device: 'dev2' })).toBeNull();
    expect(await sessions.find(first, own)).toBeNull();
    expect(await sessions.find(secret, { kind: 'device', device: 'dev1' })).toBeNull();
    expect(session.expires).toBe(parent.expires);
    expect(await sessions.end(session)).toBe(true);
    expect(await sessions.find(secret, own)).not.toBeNull();
    expect(await sessions.end(parent)).toBe(true);
    expect(await sessions.end(parent)).toBe(false);
    expect(await sessions.find(second, { kind: 'device', device: 'dev2' })).toBeNull();
    expect(await sessions.present(session)).toBeNull();
    expect(
      await sessions.create(parent.user, { kind: 'device', device: 'dev1', parent, ...facts }),
    ).toBeNull();
  });

  test('expire when nobody uses them, and at the latest after their time', async () => {
    const { secret } = await open();
    const { secret: idle } = await open();
    for (let passed = 0; passed < 48; passed++) {
      expect([passed, (await sessions.find(secret, own))?.user.name]).toEqual([passed, 'alice']);
      clock.advance(hour - 1);
    }
    expect(await sessions.find(idle, own)).toBeNull();
    expect(await sessions.find(secret, own)).not.toBeNull();
    clock.advance(48);
    expect(await sessions.find(secret, own)).toBeNull();
    await open();
    expect(await store.sessions.list('alice', 100)).toHaveLength(1);
  });

  test('the use of a device session keeps its parent', async () => {
    const { secret, session } = await open();
    const { secret: onDevice } = await openDevice(session, 'dev1');
    for (let i = 0; i < 3; i++) {
      clock.advance(hour / 2);
      expect(await sessions.find(onDevice, { kind: 'device', device: 'dev1' })).not.toBeNull();
    }
    expect(await sessions.find(secret, own)).not.toBeNull();
  });

  test('sessionTouchMs: a use is written once within it', async () => {
    const { secret, session } = await open();
    const used = async () => (await store.sessions.get(session.hash))?.used;
    clock.advance(defaultLimits.sessionTouchMs - 1);
    await sessions.find(secret, own);
    expect(await used()).toBe(session.used);
    clock.advance(1);
    await sessions.find(secret, own);
    expect(await used()).toBe(clock.date());
  });

  test('end with the password and the user, whoever changes them', async () => {
    const first = await open();
    await store.users.setPassword('alice', 'another');
    expect(await sessions.find(first.secret, own)).toBeNull();
    expect(await store.sessions.list('alice', 100)).toEqual([]);
    const second = await open();
    // A log-in with the password of before, which was being verified while it was changed.
    const late = await sessions.create(first.session.user, { ...own, ...facts });
    expect(late && (await sessions.find(late.secret, own))).toBeNull();
    expect((await sessions.list('alice')).map(({ id }) => id)).toEqual([second.session.id]);
    await store.users.remove('alice', true);
    expect(await sessions.find(second.secret, own)).toBeNull();
    expect(await sessions.create(first.session.user, { ...own, ...facts })).toBeNull();
    expect([await sessions.list('alice'), await store.sessions.list('alice', 100)]).toEqual([[], []]);
  });

  test('all of a user end at once, and nobody else’s', async () => {
    const [first, second, other] = [await open(), await open(), await open('bob')];
    await openDevice(first.session, 'dev1');
    expect(await sessions.endAll('alice')).toBe(3);
    expect([await sessions.present(first.session), await sessions.present(second.session)]).toEqual([
      null,
      null,
    ]);
    expect(await sessions.present(other.session)).not.toBeNull();
  });

  test('sessionsPerUser: the one used longest ago gives way, of this user and kind', async () => {
    const few = make({ sessionsPerUser: 2, sessionTouchMs: 1 });
    const other = await open('bob', few);
    const [first, second] = [await open('alice', few), await open('alice', few)];
    await openDevice(second.session, 'dev1');
    clock.advance(1000);
    await few.find(first.secret, own);
    const third = await open('alice', few);
    const alive = [first, second, third, other].map(({ secret }) => few.find(secret, own));
    expect((await Promise.all(alive)).map((found) => found !== null)).toEqual([true, false, true, true]);
  });

  test('sessions: the one used longest ago of all gives way', async () => {
    const few = make({ sessions: 2 });
    const first = await open('bob', few);
    clock.advance(1000);
    const [second, third] = [await open('alice', few), await open('alice', few)];
    const alive = [first, second, third].map(({ secret }) => few.find(secret, own));
    expect((await Promise.all(alive)).map((found) => found !== null)).toEqual([false, true, true]);
  });
});
