import { expect, test } from 'vitest';
import { normalDn } from './distinguished-name.ts';
import { groupsOf } from './nested-groups.ts';

const settings = {
  base: 'ou=groups,dc=example,dc=com',
  filter: '(objectClass=*)',
  memberAttribute: 'member',
  memberValue: 'dn',
  nameAttribute: 'cn',
  nested: 'none',
} as const;

test.each([
  ['a name', ['Support'], ['support']],
  ['several names', ['Support', 'helpers'], ['support', 'helpers']],
  ['the text of the distinguished name of another group', ['cn=admins,ou=groups,dc=example,dc=com'], []],
  ['the text of a part of one', ['support', 'cn=admins'], ['support']],
])('a group with %s is known by its place and its plain names', async (_what, names, expected) => {
  const dn = 'cn=some\\, thing,ou=teams,ou=groups,dc=example,dc=com';
  const connection = { search: async () => [{ dn, values: () => names }] };
  const person = { dn: 'uid=mallory,dc=example,dc=com', name: 'mallory' };
  const groups = await groupsOf(person, settings, connection as never, {
    groupLevels: 12,
    groupsPerUser: 100,
  });
  expect([...groups]).toEqual([normalDn(dn), ...expected]);
});
