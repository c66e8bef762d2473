import { expect, test } from 'vitest';
import { readOwnConfiguration } from '../../configuration/configuration.ts';
import { readLdapSettings } from './read-settings.ts';

const usual = {
  urls: ['ldaps://directory.example.com'],
  searchAs: { dn: 'cn=search', password: { env: 'LDAP_PASSWORD' } },
  users: { base: 'ou=people,dc=example,dc=com' },
  groups: { base: 'ou=groups,dc=example,dc=com' },
  grants: [
    { group: 'CN=Ops, OU=Groups,DC=example,DC=com', groups: ['operators'] },
    { group: 'Admins', role: 'administrator', everything: true },
  ],
};

function read(changes: object, environment: Record<string, string> = { LDAP_PASSWORD: 'secret' }) {
  const { ldap } = readOwnConfiguration({ ldap: { ...usual, ...changes } }, '/etc/rm-server.json');
  if (!ldap) throw new Error('no ldap');
  return readLdapSettings(ldap, { file: '/etc/rm-server.json', environment });
}

test('defaults, groups in one spelling, times in milliseconds', () => {
  expect(read({})).toEqual({
    name: 'LDAP',
    urls: ['ldaps://directory.example.com'],
    startTls: false,
    ca: null,
    searchAs: { dn: 'cn=search', password: 'secret' },
    bindAs: null,
    users: {
      base: 'ou=people,dc=example,dc=com',
      filter: '(uid={name})',
      nameAttribute: 'uid',
      idAttribute: 'entryUUID',
    },
    groups: {
      base: 'ou=groups,dc=example,dc=com',
      filter: '(objectClass=*)',
      memberAttribute: 'member',
      memberValue: 'dn',
      nameAttribute: 'cn',
      nested: 'search',
    },
    grants: [
      {
        of: 'cn=ops,ou=groups,dc=example,dc=com',
        groups: ['operators'],
        role: 'user',
        domains: [],
        everything: false,
      },
      { of: 'admins', groups: [], role: 'administrator', domains: [], everything: true },
    ],
    membershipMs: 43_200_000,
    offlineMs: 28_800_000,
    refreshMs: 900_000,
  });
});

test('in the clear only to this machine', () => {
  for (const url of ['ldap://127.0.0.1:1389', 'ldap://localhost', 'ldap://[::1]']) read({ urls: [url] });
  read({ urls: ['ldap://directory.example.com'], startTls: true });
});

test.each([
  [{ urls: [] }, 'ldap.urls: must NOT have fewer than 1 items'],
  [{ urls: ['http://x'] }, 'ldap.urls.0: must match pattern'],
  [
    { urls: ['ldap://directory.example.com'] },
    'ldap.urls.0: "ldap://directory.example.com": passwords would travel',
  ],
  [{ urls: ['ldap://127.0.0.1.example.com'] }, 'ldap.urls.0: "ldap://127.0.0.1.example.com": passwords'],
  [{ users: {} }, 'ldap.users.base: is missing'],
  [{ users: { base: 'x', filter: '(uid=alice)' } }, 'ldap.users.filter: must match pattern'],
  [{ users: { base: 'x', filter: '(uid={name}' } }, 'ldap.users.filter: Unbalanced parens'],
  [{ groups: { base: 'x', filter: 'nonsense' } }, 'ldap.groups.filter: Invalid expression'],
  [{ groups: { base: 'x', nested: 'deep' } }, 'ldap.groups.nested: must be one of search, inChain, none'],
  [{ groups: { base: 'x', memberValue: 'name' } }, 'ldap.groups.nested: must be "none"'],
  [{ groups: undefined }, 'ldap.groups: is missing; grants depend on it'],
  [{ bindAs: 'uid={name}' }, 'ldap.bindAs: goes without searchAs'],
  [{ bindAs: '{name}', searchAs: undefined }, 'ldap.bindAs: must NOT have fewer than 7 characters'],
  [{ colour: 'red' }, 'ldap.colour: is unknown'],
  [{ ca: '/nowhere/ca.pem' }, 'ldap.ca: /nowhere/ca.pem: no such file or directory'],
  [{ grants: [{ groups: ['x'] }] }, 'ldap.grants.0.group: is missing'],
  [{ grants: [{ group: 'x', role: 'king' }] }, 'ldap.grants.0.role: must be one of administrator, operator'],
  [{ refresh: 1 }, 'ldap.refresh: must be >= 60'],
  [{ searchAs: { dn: 'x' } }, 'ldap.searchAs.password: is missing'],
])('%j', (changes, message) => {
  const clean = JSON.parse(JSON.stringify({ ...usual, ...changes })) as object;
  const without = Object.fromEntries(
    Object.keys(usual)
      .filter((key) => !(key in clean))
      .map((key) => [key, undefined]),
  );
  expect(() => read({ ...clean, ...without })).toThrow(`/etc/rm-server.json: ${message}`);
});

test('a secret that is not there', () => {
  expect(() => read({}, {})).toThrow('ldap.searchAs.password: the variable LDAP_PASSWORD is not set');
});
