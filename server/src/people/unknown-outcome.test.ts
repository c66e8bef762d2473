import type { Logger } from 'pino';
import { type KnownUsers, StoreUnavailable } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { DirectoryRights } from '../rights/directory-rights.ts';
import type { Tables } from '../store/tables.ts';
import { type ApiKey, ApiKeys } from './api-keys.ts';
import { type Grant, Grants } from './grants.ts';
import { Groups } from './groups.ts';

/** The database breaks at the commit of a change: nobody knows whether it is there. */

const toAlice = { id: 'one', user: 'alice', group: null } as Grant;
const toGroup = { ...toAlice, user: null, group: 'operators' };
const key = { id: 'one', user: 'alice' } as ApiKey;

/** Which users are told of, when changes fail with this code. */
async function told(code: string, act: (parts: ReturnType<typeof partsOn>) => Promise<unknown>) {
  const users: string[] = [];
  const failed = async () => {
    throw new StoreUnavailable(code, 'broken', 'the database');
  };
  const tables = { all: async () => [{ user: 'alice' }], run: failed, transact: failed };
  const known = { changed: ({ key }: { key: string }) => users.push(key) };
  await expect(act(partsOn(tables as unknown as Tables, known as unknown as KnownUsers))).rejects.toThrow(
    'the database cannot be used: broken',
  );
  return users;
}

function partsOn(tables: Tables, known: KnownUsers) {
  const clock = new ManualClock();
  const groups = new Groups(tables, known, clock);
  return {
    groups,
    grants: new Grants(tables, known, groups, clock),
    keys: new ApiKeys(tables, known, clock, defaultLimits),
    directories: new DirectoryRights({ database: tables, known, clock, log: {} as Logger }),
  };
}

test.each<[string, Parameters<typeof told>[1]]>([
  ['a grant that is removed', ({ grants }) => grants.remove(toAlice)],
  ['a grant of a group that is removed', ({ grants }) => grants.remove(toGroup)],
  ['a grant that ends earlier', ({ grants }) => grants.setUntil(toAlice, 1, () => {})],
  ['a group that is removed', ({ groups }) => groups.remove('operators')],
  ['a user who leaves a group', ({ groups }) => groups.leave('operators', 'alice')],
  ['a key that is revoked', ({ keys }) => keys.revoke(key)],
  [
    'what a directory gives',
    ({ directories }) => directories.set({ name: 'alice', uid: 'u1' }, 'ldap', { groups: [], grants: [] }),
  ],
])('%s does not count as before when nobody knows whether it has changed', async (_, act) => {
  expect(await told('UNKNOWN', act)).toEqual(['alice']);
  // What has certainly not changed still counts while the database is away.
  expect(await told('ECONNREFUSED', act)).toEqual([]);
});
