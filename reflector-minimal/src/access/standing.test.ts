import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { changeKey, StoreCache } from '../cache/store-cache.ts';
import { defaultLimits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import type { DeviceAccess, Rights } from '../ports/rights.ts';
import type { Change, DeviceCredentials, UserRecord } from '../ports/store.ts';
import { rightsByRole } from '../rights/by-role.ts';
import { Sessions } from '../sessions/sessions.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { accountOf } from '../testing/account-of.ts';
import { identityOf } from '../users/identity.ts';
import { type Holder, isAffected, standingOf } from './standing.ts';

const webPort = { port: 80, web: true };
const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const hour = 3600_000;
const forever = { until: Number.POSITIVE_INFINITY };

let rights: Rights;
let store: SqliteStore;
let clock: ManualClock;
let cache: StoreCache;
let sessions: Sessions;
let alice: UserRecord;
let device: DeviceCredentials;

beforeEach(async () => {
  rights = rightsByRole;
  store = SqliteStore.open(':memory:');
  clock = new ManualClock();
  cache = new StoreCache(store, clock, defaultLimits);
  sessions = new Sessions(
    {
      store: store,
      cache,
      clock,
      limits: defaultLimits,
      later: (_key, write) => void write(),
    },
    { absoluteMs: 24 * hour, idleMs: hour },
  );
  await store.users.add('alice', 'hash', 0, 'user');
  await store.users.grant('alice', 'acme');
  await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, clock.date(), 'default');
  alice = present(await store.users.get('alice'));
  device = present(await store.devices.credentials('dev1'));
});
afterEach(() => store.close());

function present<T>(value: T | null): T {
  if (value === null) throw new Error('is gone');
  return value;
}

async function opened(kind: 'own' | 'token'): Promise<Session> {
  const facts = { address: '', agent: '' };
  const how = kind === 'token' ? ({ kind, lifetimeMs: 8 * hour } as const) : ({ kind } as const);
  return present(await sessions.create(alice, { ...how, ...facts })).session;
}

const byPassword = {
  session: null,
  until: Number.POSITIVE_INFINITY,
  by: 'password',
  credential: 'password',
} as const;

describe('what a user was let into', () => {
  const identityBy = (session: Session | null) =>
    session ? { ...identityOf(session), user: alice } : { ...byPassword, user: alice };

  const standing = (session: Session | null) =>
    standingOf(
      { cache, sessions, store, rights },
      { kind: 'user', identity: identityBy(session), device, opened: webPort },
      clock.date(),
    );
  const removedAndAdded = {
    device: async () => {
      await store.devices.remove('dev1', 0);
      await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 0, null);
    },
    user: async () => {
      await store.users.remove('alice', true);
      await store.users.add('alice', 'hash', 0, 'user');
      await store.users.grant('alice', 'acme');
    },
  };

  const changes: readonly (readonly [string, () => void, RegExp])[] = [
    [
      'another password',
      async () => await store.users.setPassword('alice', 'hash 2'),
      /password of this user/,
    ],
    ['the user is removed', async () => await store.users.remove('alice', true), /the user was removed/],
    ['the user is made anew, with the same password', removedAndAdded.user, /the user was removed/],
    [
      'the domain is revoked',
      async () => await store.users.revoke('alice', 'acme'),
      /does not see the device/,
    ],
    ['the device is removed', async () => await store.devices.remove('dev1', 0), /does not see the device/],
    ['the device is made anew in the same domain', removedAndAdded.device, /does not see the device/],
  ];

  describe.each(['password', 'own', 'token'] as const)('by %s', (by) => {
    test.each(changes)('ends when %s', async (_title, change, reason) => {
      const session = by === 'password' ? null : await opened(by);
      expect(await standing(session)).toHaveProperty('until');
      change();
      expect(await standing(session)).toEqual({ ended: expect.stringMatching(reason) });
    });

    test('ends when one-time passwords are switched on', async () => {
      const session = by === 'password' ? null : await opened(by);
      await store.users.setTotp(await accountOf(store, 'alice'), {
        secret: Buffer.alloc(20),
        step: 0,
        recovery: [],
      });
      expect(await standing(session)).toEqual({
        ended: expect.stringMatching(by === 'password' ? /one-time passwords now/ : /^logged out/),
      });
    });

    test('goes on when nothing has changed that let it in', async () => {
      const session = by === 'password' ? null : await opened(by);
      await store.users.grant('alice', 'other');
      await store.users.promote('alice');
      await store.devices.add({ id: 'dev2', domain: 'acme', secrets }, 0, null);
      expect(await standing(session)).toHaveProperty('until');
    });
  });

  test('ends when the time is over for which an authenticator has proven the user', async () => {
    const until = clock.date() + hour;
    const identity = { ...byPassword, user: alice, until, credential: 'token' } as const;
    const atTime = (now: number) =>
      standingOf(
        { cache, sessions, store, rights },
        { kind: 'user', identity, device, opened: webPort },
        now,
      );
    expect(await atTime(until - 1)).toEqual({ until });
    expect(await atTime(until)).toEqual({ ended: expect.stringMatching(/^logged out/) });
  });

  test('an administrator who is one no more keeps what the domains granted show', async () => {
    await store.users.promote('alice');
    await store.users.revoke('alice', 'acme');
    expect(await standing(null)).toEqual(forever);
    await store.users.demote('alice', true);
    expect(await standing(null)).toEqual({ ended: expect.stringMatching(/does not see/) });
    await store.users.grant('alice', 'acme');
    expect(await standing(null)).toEqual(forever);
  });

  test('ends with what is granted, or with its port, and is looked at again when that may change', async () => {
    const until = clock.date() + hour;
    const granting = (access: DeviceAccess | null, valid: number | null = Number.POSITIVE_INFINITY) => {
      rights = { ...rightsByRole, deviceAccess: async () => access, validUntil: async () => valid };
      return standing(null);
    };
    expect(await granting({ ports: ['web'], until })).toEqual({ until });
    expect(await granting({ ports: [80], until }, until - 1)).toEqual({ until: until - 1 });
    expect(await granting({ ports: null, until: Number.POSITIVE_INFINITY })).toEqual(forever);
    expect(await granting({ ports: [22], until })).toEqual({ ended: expect.stringMatching(/this port/) });
    expect(await granting({ ports: [], until })).toEqual({ ended: expect.stringMatching(/this port/) });
    expect(await granting(null)).toEqual({ ended: expect.stringMatching(/does not see/) });
    expect(await granting({ ports: null, until }, null)).toEqual({
      ended: 'these credentials do not count any more',
    });
  });

  test('rights are asked about the user as they are now, by the same credentials', async () => {
    const asked: unknown[] = [];
    rights = {
      ...rightsByRole,
      deviceAccess: ({ user, key }, { id }) => {
        asked.push([user.role, key, id]);
        return null;
      },
    };
    await store.users.promote('alice');
    const identity = { ...byPassword, user: alice, key: 'k1' };
    await standingOf(
      { cache, sessions, store, rights },
      { kind: 'user', identity, device, opened: webPort },
      clock.date(),
    );
    expect(asked).toEqual([['administrator', 'k1', 'dev1']]);
  });

  test('a session that goes on is not used by that: it idles out', async () => {
    const session = await opened('own');
    const end = clock.date() + hour;
    for (let minutes = 0; minutes < 60; minutes++) {
      expect(await standing(session)).toEqual({ until: end });
      clock.advance(60_000);
    }
    expect(await standing(session)).toEqual({ ended: expect.stringMatching(/expired/) });
  });

  test('a session that is used lives longer, a token as long as it was given for', async () => {
    const [session, token] = [await opened('own'), await opened('token')];
    const end = clock.date() + 8 * hour;
    clock.advance(hour / 2);
    await sessions.present(session);
    await sessions.present(token);
    expect(await standing(session)).toEqual({ until: clock.date() + hour });
    expect(await standing(token)).toEqual({ until: end });
  });
});

describe('a change', () => {
  const key = (kind: Change['kind'], name: string) => new Set([changeKey({ kind, key: name })]);

  test('of the device is about its users and its tunnel, and so is one that is not known', async () => {
    const holders: Holder[] = [
      { kind: 'user', identity: { ...byPassword, user: alice }, device, opened: webPort },
      { kind: 'device', device, certificate: null },
    ];
    for (const holder of holders) {
      expect(isAffected(holder, null)).toBe(true);
      expect(isAffected(holder, key('device', 'dev1'))).toBe(true);
      expect(isAffected(holder, key('device', 'dev2'))).toBe(false);
      expect(isAffected(holder, key('user', 'dev1'))).toBe(false);
      expect(isAffected(holder, new Set())).toBe(false);
    }
  });

  test('of the user or the session is about what they were let into', async () => {
    const session = await opened('own');
    const holder: Holder = {
      kind: 'user',
      identity: { ...identityOf(session), user: alice },
      device,
      opened: webPort,
    };
    const hash = session.hash.toString('hex');
    expect(isAffected(holder, key('user', 'alice'))).toBe(true);
    expect(isAffected(holder, key('user', 'bob'))).toBe(false);
    expect(isAffected(holder, key('session', hash))).toBe(true);
    expect(isAffected(holder, key('session', hash.toUpperCase()))).toBe(false);
    expect(isAffected({ kind: 'device', device, certificate: null }, key('user', 'alice'))).toBe(false);
    const without: Holder = {
      kind: 'user',
      identity: { ...byPassword, user: alice },
      device,
      opened: webPort,
    };
    expect(isAffected(without, key('user', 'alice'))).toBe(true);
    expect(isAffected(without, key('session', hash))).toBe(false);
  });
});

describe('the tunnel of a device', () => {
  let trusted = true;
  const certificate = () => ({
    names: ['dev1'],
    issued: clock.date(),
    until: clock.date() + hour,
    trusted: () => trusted,
  });
  const standing = (shown: ReturnType<typeof certificate> | null) =>
    standingOf(
      { cache, sessions, store, rights },
      { kind: 'device', device, certificate: shown },
      clock.date(),
    );

  test('let in by its password ends with the password', async () => {
    expect(await standing(null)).toEqual(forever);
    await store.devices.setSecrets('dev1', { ...secrets, password: 'hash 2' }, 0, null);
    expect(await standing(null)).toEqual({ ended: 'the password of this device was changed' });
  });

  test('let in by a certificate ends with it, and not with a password', async () => {
    const shown = certificate();
    expect(await standing(shown)).toEqual({ until: shown.until });
    await store.devices.setSecrets('dev1', { ...secrets, password: 'hash 2' }, 0, 0);
    expect(await standing(shown)).toEqual({ until: shown.until });
    clock.advance(hour + 1);
    expect(await standing(shown)).toEqual({ ended: 'the client certificate has expired' });
  });

  test('let in by a certificate ends when certificates count no more', async () => {
    const shown = certificate();
    await store.devices.setSecrets('dev1', secrets, 0, clock.date() + 1_000);
    expect(await standing(shown)).toEqual({
      ended: expect.stringMatching(/^the client certificate was issued at/),
    });
    await store.devices.setSecrets('dev1', secrets, 0, null);
    expect(await standing(shown)).toEqual({ ended: expect.stringMatching(/without --certificate$/) });
  });

  test('let in by a certificate ends when its authority is trusted no more', async () => {
    const shown = certificate();
    trusted = false;
    expect(await standing(shown)).toEqual({
      ended: expect.stringMatching(/its authority is trusted no more$/),
    });
    trusted = true;
    expect(await standing(shown)).toEqual({ until: shown.until });
  });

  test.each(['password', 'certificate'])(
    'let in by %s ends when the device is removed, though it is there anew',
    async (by) => {
      const shown = by === 'certificate' ? certificate() : null;
      await store.devices.remove('dev1', 0);
      expect(await standing(shown)).toEqual({ ended: 'this device was removed' });
      await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, clock.date(), 0);
      expect(await standing(shown)).toEqual({ ended: 'this device was removed' });
    },
  );
});
