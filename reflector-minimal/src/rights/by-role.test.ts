import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits } from '../limits.ts';
import { rightsConformance } from '../ports/conformance/rights.ts';
import type { Identity } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { rightsByRole } from './by-role.ts';

const proven = {
  session: null,
  until: Number.POSITIVE_INFINITY,
  by: 'password',
  credential: 'password',
} as const;

rightsConformance(async () => {
  const store = SqliteStore.open(':memory:');
  const clock = new ManualClock();
  const known = new StoreCache(store, clock, defaultLimits);
  await store.users.add('alice', 'hash', 0, 'user');
  await store.users.grant('alice', 'acme');
  return {
    rights: rightsByRole,
    clock,
    identity: async () => {
      const user = await known.user('alice');
      if (!user) throw new Error('no user');
      return { ...proven, user };
    },
    seen: { id: 'dev1', uid: '1', domain: 'acme' },
    hidden: { id: 'dev2', uid: '2', domain: 'other' },
    reads: () => 0,
    revoke: async () => {
      await store.users.revoke('alice', 'acme');
    },
    close: () => store.close(),
  };
});

test('an administrator has every port of every device', () => {
  const user = { role: 'administrator', domains: [] } as Partial<UserRecord> as UserRecord;
  const identity: Identity = { ...proven, user };
  const forever = Number.POSITIVE_INFINITY;
  const device = { id: 'dev1', uid: '1', domain: 'acme' };
  expect(rightsByRole.deviceAccess(identity, device)).toEqual({ ports: null, until: forever });
  expect(rightsByRole.sight(identity)).toEqual({ domains: null, devices: [] });
});
