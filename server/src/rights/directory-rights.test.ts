import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { type MembersStage, membersStage } from '../testing/members-stage.ts';
import { DirectoryRights } from './directory-rights.ts';

let stage: MembersStage;
let rights: DirectoryRights;
const changed: string[] = [];
const alice = { name: 'alice', uid: '' };

beforeEach(async () => {
  const clock = new ManualClock();
  stage = membersStage(clock);
  changed.length = 0;
  const known = { changed: ({ key }: { readonly key: string }) => void changed.push(key) };
  rights = new DirectoryRights({ database: stage.database, known, clock, log: stage.log });
  await stage.store.users.add('alice', 'hash', 0, 'user');
  alice.uid = (await stage.store.users.get('alice'))?.uid ?? '';
  for (const name of ['operators', 'readers']) {
    stage.database.prepare("INSERT INTO fleet_groups VALUES (?, '', 0)").run(name);
  }
  stage.database.prepare("INSERT INTO fleet_members VALUES ('alice', 'readers', 'local')").run();
  stage.database
    .prepare(
      "INSERT INTO fleet_grants (id, user, role, domain, created, created_by) VALUES ('own', 'alice', 'user', 'plant-a', 0, 'bob')",
    )
    .run();
});
afterEach(() => stage.close());

const held = () => ({
  groups: stage.database.prepare('SELECT team, source FROM fleet_members ORDER BY team, source').all(),
  grants: stage.database
    .prepare('SELECT role, domain, created_by FROM fleet_grants ORDER BY created_by, domain')
    .all(),
});
const own = {
  groups: [{ team: 'readers', source: 'local' }],
  grants: [{ role: 'user', domain: 'plant-a', created_by: 'bob' }],
};
const feed = async () => (await stage.store.changes.after(0, 1000)).changes.length;

test('replaces what came from this directory, and nothing else', async () => {
  await rights.set(alice, 'ldap', {
    groups: ['operators', 'readers'],
    grants: [
      { role: 'user', domain: 'plant-a' },
      { role: 'administrator', domain: null },
    ],
  });
  await rights.set(alice, 'oidc:corp', { groups: ['operators'], grants: [] });
  const made = { created_by: 'directory:ldap' };
  expect(held()).toEqual({
    groups: [
      { team: 'operators', source: 'ldap' },
      { team: 'operators', source: 'oidc:corp' },
      { team: 'readers', source: 'ldap' },
      { team: 'readers', source: 'local' },
    ],
    grants: [
      ...own.grants,
      { role: 'administrator', domain: null, ...made },
      { role: 'user', domain: 'plant-a', ...made },
    ],
  });
  await rights.set(alice, 'oidc:corp', { groups: [], grants: [] });
  await rights.set(alice, 'ldap', { groups: [], grants: [{ role: 'operator', domain: 'plant-a' }] });
  expect(held()).toEqual({
    groups: own.groups,
    grants: [...own.grants, { role: 'operator', domain: 'plant-a', ...made }],
  });
  await rights.set(alice, 'ldap', { groups: [], grants: [] });
  expect(held()).toEqual(own);
});

test('what stays is no change, and what changes is told', async () => {
  const given = { groups: ['operators'], grants: [{ role: 'user', domain: 'plant-b' }] } as const;
  await rights.set(alice, 'ldap', given);
  const before = await feed();
  await rights.set(alice, 'ldap', given);
  expect(await feed()).toBe(before);
  await rights.set(alice, 'ldap', { groups: [], grants: [] });
  expect(await feed()).toBeGreaterThan(before);
  expect(changed).toContain('alice');
});

test('a group that does not exist gives nothing, and the log says so', async () => {
  await rights.set(alice, 'ldap', { groups: ['nobody', 'operators'], grants: [] });
  expect(held().groups).toContainEqual({ team: 'operators', source: 'ldap' });
  expect(held().groups).toHaveLength(2);
  expect(stage.lines.join()).toContain('"groups":["nobody"]');
});

test('a user who was made anew is left alone', async () => {
  await rights.set({ ...alice, uid: 'another' }, 'ldap', { groups: ['operators'], grants: [] });
  expect(held()).toEqual(own);
});
