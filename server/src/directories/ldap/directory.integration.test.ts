import { createServer, type Server, type Socket } from 'node:net';
import { AuthenticatorUnavailable } from 'rm-reflector/ports';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../limits.ts';
import { group, patience, person, rootPassword, Slapd, suffix, unit } from '../../testing/slapd.ts';
import { connect } from './connection.ts';
import { type Connect, LdapDirectory } from './directory.ts';
import type { LdapSettings } from './settings.ts';

const limits = { ...defaultLimits, ...patience };
let slapd: Slapd;

beforeAll(async () => {
  const many = Array.from({ length: 60 }, (_, at) => group(`many-${at}`, ['uid=many,ou=people']));
  const deep = Array.from({ length: 14 }, (_, at) =>
    group(`deep-${at}`, [at === 0 ? 'uid=deep,ou=people' : `cn=deep-${at - 1},ou=groups`]),
  );
  slapd = await Slapd.start(
    [
      ...['people', 'others', 'groups'].map(unit),
      person({ uid: 'Alice', password: 'wonderland' }),
      person({ uid: 'twice', password: 'one' }),
      person({ uid: 'twice', password: 'one', unit: 'others' }),
      person({ uid: 'nobody' }),
      person({ uid: 'many', password: 'many' }),
      person({ uid: 'deep', password: 'deep' }),
      person({ uid: 'a*b(c)', password: 'signs' }),
      person({ uid: 'a b', password: 'blank' }),
      group('staff', ['uid=alice,ou=people']),
      // In a circle.
      group('engineers', ['cn=staff,ou=groups', 'cn=all,ou=groups']),
      group('all', ['cn=engineers,ou=groups']),
      group('strangers', ['uid=nobody,ou=people']),
      ...many,
      ...deep,
      `dn: cn=posix,ou=groups,${suffix}\nobjectClass: posixGroup\ncn: posix\ngidNumber: 5\nmemberUid: Alice\n\n`,
    ].join(''),
  );
});
afterAll(() => slapd.close());

type Changes = Partial<LdapSettings>;

const groups: NonNullable<LdapSettings['groups']> = {
  base: `ou=groups,${suffix}`,
  filter: '(objectClass=*)',
  memberAttribute: 'member',
  memberValue: 'dn',
  nameAttribute: 'cn',
  nested: 'search',
};

function directory(changes: Changes = {}, open?: Connect): LdapDirectory {
  const settings: LdapSettings = {
    name: 'Example',
    urls: [slapd.tls],
    startTls: false,
    ca: slapd.ca,
    searchAs: { dn: `cn=manager,${suffix}`, password: rootPassword },
    bindAs: null,
    users: { base: suffix, filter: '(uid={name})', nameAttribute: 'uid', idAttribute: 'entryUUID' },
    groups,
    grants: [],
    membershipMs: 1,
    offlineMs: 1,
    refreshMs: 1,
    ...changes,
  };
  return new LdapDirectory(settings, limits, open);
}

const ways: readonly (readonly [string, () => Changes])[] = [
  ['searched by an account', () => ({})],
  ['searched anonymously', () => ({ searchAs: null })],
  ['bound as the user', () => ({ searchAs: null, bindAs: `uid={name},ou=people,${suffix}` })],
  ['over STARTTLS', () => ({ urls: [slapd.plain], startTls: true })],
  ['by the second of two servers', () => ({ urls: ['ldaps://127.0.0.1:1', slapd.tls] })],
];

describe.each(ways)('%s', (_way, changes) => {
  test('a person with groups in groups, also in a circle', async () => {
    const found = await directory(changes()).prove('alice', 'wonderland');
    expect(found).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'alice',
      groups: new Set([
        ...['staff', 'engineers', 'all'].map((name) => `cn=${name},ou=groups,${suffix}`),
        ...['staff', 'engineers', 'all'],
      ]),
    });
  });

  test.each([
    ['a wrong password', 'alice', 'wonder'],
    ['a name of nobody', 'bob', 'wonderland'],
    ['no password', 'alice', ''],
    ['an entry without a password', 'nobody', 'wonderland'],
    ['everybody', '*', 'wonderland'],
    ['a filter', 'alice)(uid=*', 'wonderland'],
    ['a part of a distinguished name', `alice,ou=people,${suffix}`, 'wonderland'],
    ['a mechanism of SASL', 'EXTERNAL', 'wonderland'],
  ])('nobody is proven by %s', async (_what, name, password) => {
    expect(await directory(changes()).prove(name, password)).toEqual({ refused: expect.any(String) });
  });

  test('signs of filters and distinguished names in a name', async () => {
    expect(await directory(changes()).prove('a*b(c)', 'signs')).toMatchObject({ name: 'a*b(c)' });
  });

  test('an entry whose name cannot be one here', async () => {
    const refused = await directory(changes()).prove('a b', 'blank');
    expect(refused).toMatchObject({ refused: expect.stringContaining('cannot be a name') });
  });
});

test('of two entries with one name, none is proven', async () => {
  expect(await directory().prove('twice', 'one')).toEqual({ refused: 'several entries have this name' });
});

test('the password of one entry does not prove another one that the filter finds', async () => {
  const confused = directory({
    searchAs: null,
    bindAs: `uid={name},ou=people,${suffix}`,
    users: {
      base: suffix,
      filter: '(|(uid=nobody)(cn={name}\\20))',
      nameAttribute: 'uid',
      idAttribute: 'entryUUID',
    },
  });
  expect(await confused.prove('alice', 'wonderland')).toEqual({ refused: expect.any(String) });
});

test('groups by name, groups not nested, and none', async () => {
  const posix = { ...groups, memberAttribute: 'memberUid', memberValue: 'name', nested: 'none' } as const;
  expect(await directory({ groups: posix }).prove('alice', 'wonderland')).toMatchObject({
    groups: new Set([`cn=posix,ou=groups,${suffix}`, 'posix']),
  });
  const flat = { ...groups, nested: 'none' } as const;
  expect(await directory({ groups: flat }).prove('alice', 'wonderland')).toMatchObject({
    groups: new Set([`cn=staff,ou=groups,${suffix}`, 'staff']),
  });
  expect(await directory({ groups: null }).prove('alice', 'wonderland')).toMatchObject({ groups: new Set() });
});

test('more groups than the directory returns at once', async () => {
  const person = await directory().prove('many', 'many');
  expect(person).toMatchObject({ name: 'many' });
  expect('groups' in person && person.groups.size).toBe(120);
});

test('groupLevels, groupsPerUser: who has more groups or levels than are followed is not let in with a part of them', async () => {
  expect(await directory().prove('deep', 'deep')).toEqual({
    refused: expect.stringContaining('more than 12 levels'),
    proven: true,
  });
  const few = new LdapDirectory(
    { ...baseSettings(), searchAs: { dn: `cn=manager,${suffix}`, password: rootPassword } },
    { ...limits, groupsPerUser: 10 },
  );
  expect(await few.prove('many', 'many')).toMatchObject({ refused: expect.stringContaining('more than 10') });
});

const baseSettings = (): LdapSettings => ({
  name: 'Example',
  urls: [slapd.tls],
  startTls: false,
  ca: slapd.ca,
  searchAs: null,
  bindAs: null,
  users: { base: suffix, filter: '(uid={name})', nameAttribute: 'uid', idAttribute: 'entryUUID' },
  groups,
  grants: [],
  membershipMs: 1,
  offlineMs: 1,
  refreshMs: 1,
});

test('finds a person without a password, or nobody', async () => {
  await directory().lookUp(async (find) => {
    expect(await find('ALICE')).toMatchObject({ name: 'alice' });
    expect(await find('bob')).toBeNull();
    expect(await find('twice')).toBeNull();
    expect(await find('deep')).toMatchObject({ refused: expect.any(String) });
  });
});

const unusable: readonly (readonly [string, () => Changes, string])[] = [
  ['no server', () => ({ urls: ['ldaps://127.0.0.1:1'] }), 'ECONNREFUSED'],
  ['a certificate of nobody we know', () => ({ ca: null }), 'certificate'],
  ['a certificate for another name', () => ({ urls: [slapd.tlsByOtherName] }), 'altnames'],
  [
    'STARTTLS, a certificate of nobody',
    () => ({ urls: [slapd.plain], startTls: true, ca: null }),
    'certificate',
  ],
  [
    'STARTTLS, a certificate for another name',
    () => ({ urls: [slapd.plain.replace('127.0.0.1', 'localhost')], startTls: true }),
    'altnames',
  ],
  [
    'an account that is refused',
    () => ({ searchAs: { dn: `cn=manager,${suffix}`, password: 'x' } }),
    'account',
  ],
  ['a server without TLS', () => ({ urls: [slapd.plain.replace('ldap:', 'ldaps:')] }), 'cannot be used'],
];

test.each(unusable)('cannot tell: %s', async (_what, changes, reason) => {
  const asked = directory(changes()).prove('alice', 'wonderland');
  await expect(asked).rejects.toBeInstanceOf(AuthenticatorUnavailable);
  await expect(asked).rejects.toThrow(reason);
});

test('a name of nobody costs the directory what a wrong password does', async () => {
  const asked: string[] = [];
  const open: Connect = async (as) => {
    const opened = await connect(baseSettings(), as, limits);
    const { connection } = opened;
    return {
      ...opened,
      connection: {
        bind: (name, password) => {
          asked.push('bind');
          return connection.bind(name, password);
        },
        search: (base, search) => {
          asked.push('search');
          return connection.search(base, search);
        },
        close: () => connection.close(),
      },
    };
  };
  for (const name of ['alice', 'bob', 'twice']) await directory({}, open).prove(name, 'wrong');
  expect(asked).toEqual(['search', 'bind', 'search', 'bind', 'search', 'bind']);
});

describe('somebody on the way', () => {
  let server: Server;
  const sockets = new Set<Socket>();
  /** In the clear: agrees to STARTTLS, with these bytes behind it, and then is the real server's. */
  async function behind(bytes: Buffer): Promise<string> {
    const { createConnection } = await import('node:net');
    server = createServer((socket) => {
      sockets.add(socket);
      const port = Number(new URL(slapd.plain).port);
      const real = createConnection(port, '127.0.0.1');
      sockets.add(real);
      for (const end of [socket, real]) end.on('error', () => {});
      real.once('data', (agreed) => {
        socket.write(Buffer.concat([agreed, bytes]));
        real.pipe(socket);
      });
      socket.pipe(real);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `ldap://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  const proven = expect.objectContaining({ name: 'alice' });
  const refused = { refused: expect.any(String) };
  const success = '300c02010361070a010004000400';

  test.each([
    ['nothing', '', 'wonderland', proven],
    ['nothing', '', 'wrong', refused],
    ['a success to a question that was not asked yet', success, 'wrong', refused],
    // Its text would be the true answer.
    ['the beginning of a success', '3084000000c0020103618400000000', 'wrong', null],
    ['a part of a head', '30', 'wonderland', null],
  ])('sends %s in the clear', async (_what, bytes, password, expected) => {
    const url = await behind(Buffer.from(bytes, 'hex'));
    const asked = directory({ urls: [url], startTls: true }).prove('alice', password);
    if (expected === null) await expect(asked).rejects.toThrow('in the clear');
    else expect(await asked).toEqual(expected);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('forges a success whose text would be the true answer', async () => {
    // The head of a BindResponse to the next question, and room for the 14 bytes of the true one.
    const url = await behind(Buffer.from('301a02010361150a01000400040e', 'hex'));
    const settings = { urls: [url], startTls: true, ca: slapd.ca };
    const as = { name: `uid=alice,ou=people,${suffix}`, password: 'wrong' };
    await expect(connect(settings, as, limits)).rejects.toThrow('in the clear');
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('ldapAnswerMs, ldapConnectMs: answers nothing', async () => {
    const silent = createServer((socket) => void sockets.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const hasty = { ...defaultLimits, ldapAnswerMs: 200, ldapConnectMs: 200 };
    for (const url of [`ldap://127.0.0.1:${port}`, `ldaps://127.0.0.1:${port}`]) {
      const asked = new LdapDirectory(
        { ...baseSettings(), urls: [url], startTls: url.startsWith('ldap:') },
        hasty,
      );
      await expect(asked.prove('alice', 'wonderland')).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    }
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});
