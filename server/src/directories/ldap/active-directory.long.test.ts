import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readOwnConfiguration } from '../../configuration/configuration.ts';
import { defaultLimits } from '../../limits.ts';
import {
  canServeDirectory,
  groupDn,
  SambaDirectory,
  base as searchBase,
} from '../../testing/samba-directory.ts';
import { TestServer } from '../../testing/test-server.ts';
import { LdapDirectory } from './directory.ts';
import { readLdapSettings } from './read-settings.ts';

/** The whole server with the Active Directory of Samba. */

const password = 'Walnut-harbour-3';
const searcher = 'rm-server';

describe.runIf(canServeDirectory)('Active Directory', () => {
  let samba: SambaDirectory;
  let server: TestServer | null = null;

  beforeAll(async () => {
    samba = await SambaDirectory.start();
    for (const name of [searcher, 'Carol', 'dave', 'erin', 'frank', 'gina'])
      await samba.addUser(name, password);
    await samba.addUser('henry', password, 'off');
    await samba.addUser('irene', password, 'password expires');
    await samba.addUser('julia', password, 'password expires');
    await samba.addUser('lee(3)', password);
    await samba.endPassword('julia');
    const dn = (name: string) => `CN=${name},CN=Users,${searchBase}`;
    const all = ['Carol', 'erin', 'gina', 'henry', 'irene', 'julia'].map(dn);
    await samba.addGroup('mechanics', all);
    await samba.addGroup('engineers', [groupDn('mechanics')]);
    await samba.addGroup('fleet', [groupDn('engineers'), dn('frank')]);
    await samba.addGroup('others', [dn('dave'), groupDn('fleet')]);
  });
  afterAll(() => samba?.close());
  afterEach(async () => {
    await server?.close();
    server = null;
    await samba.startAgain();
  });

  /** The settings that the documentation advises. */
  const advised = () => ({
    urls: [samba.tls],
    ca: samba.ca,
    searchAs: { dn: `${searcher}@example.test`, password },
    users: {
      base: searchBase,
      filter:
        '(&(objectCategory=person)(objectClass=user)(sAMAccountName={name})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))',
      nameAttribute: 'sAMAccountName',
      idAttribute: 'objectGUID',
    },
    groups: { base: searchBase, filter: '(objectClass=group)', nested: 'inChain' },
    grants: [{ group: groupDn('fleet'), domains: ['plant-a'] }],
  });

  const bound = (bindAs: string) => {
    const { searchAs: _none, ...others } = advised();
    return { ...others, bindAs };
  };

  async function open(ldap: object): Promise<TestServer> {
    // What the directory has just said does not count: each log-in asks it.
    server = await TestServer.start({ own: { ldap }, limits: { provenMs: 0, ldapPauseMs: 1 } });
    const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
    const { devices } = server.reflector.store;
    await devices.add({ id: 'a1', domain: 'plant-a', secrets }, 0, null);
    await devices.add({ id: 'b1', domain: 'plant-b', secrets }, 0, null);
    return server;
  }

  /** The devices that somebody sees, or the status of the refusal: 403 for those who are given nothing. */
  async function seenBy(name: string, secret = password): Promise<readonly string[] | number> {
    if (!server) throw new Error('no server');
    const { status, text } = await server.as(name, secret).get('/devices');
    return status === 200 ? ['a1', 'b1'].filter((id) => text.includes(`"${id}"`)) : status;
  }

  const ways: readonly (readonly [string, () => object])[] = [
    ['found by sAMAccountName, groups by the directory', advised],
    [
      'found by sAMAccountName, groups level by level',
      () => ({ ...advised(), groups: { ...advised().groups, nested: 'search' } }),
    ],
    ['bound by user principal name', () => bound('{name}@example.test')],
    ['bound by the name of Windows NT', () => bound('EXAMPLE\\{name}')],
    ['over STARTTLS', () => ({ ...advised(), urls: [samba.plain], startTls: true })],
  ];

  test.each(ways)('%s: groups in groups give what was configured', async (_way, settings) => {
    const { reflector } = await open(settings());
    expect(await seenBy('carol')).toEqual(['a1']);
    expect(await seenBy('CAROL')).toEqual(['a1']);
    expect(await seenBy('frank')).toEqual(['a1']);
    expect(await seenBy('dave')).toBe(403);
    expect(await seenBy('lee(3)')).toBe(403);
    expect((await reflector.store.users.get('carol'))?.role).toBe('user');
    expect(await seenBy('carol', 'wrong')).toBe(401);
    expect(await seenBy('carol', '')).toBe(401);
    expect(await seenBy('nobody')).toBe(401);
    expect(await seenBy('carol)(sAMAccountName=*')).toBe(401);
    // Local users stay.
    expect(await seenBy('alice', 'a long enough secret')).toEqual(['a1', 'b1']);
  });

  test('groups that are not nested', async () => {
    await open({ ...advised(), groups: { ...advised().groups, nested: 'none' } });
    expect(await seenBy('frank')).toEqual(['a1']);
    expect(await seenBy('carol')).toBe(403);
  });

  test.each(ways)('%s: accounts and passwords that do not count', async (_way, settings) => {
    await open(settings());
    expect(await seenBy('henry')).toBe(401);
    // The password has to be changed at the next log-in.
    expect(await seenBy('julia')).toBe(401);
  });

  test('a password that has expired', async () => {
    await open(advised());
    expect(await seenBy('irene')).toEqual(['a1']);
    await samba.agePassword('irene');
    expect(await seenBy('irene')).toBe(401);
    expect(await seenBy('carol')).toEqual(['a1']);
  });

  test('an account that is switched off is refused, and look-ups do not find it', async () => {
    await open(advised());
    expect(await seenBy('gina')).toEqual(['a1']);
    const { ldap } = readOwnConfiguration({ ldap: advised() }, null);
    if (!ldap) throw new Error('no settings');
    const settings = readLdapSettings(ldap, { file: null, environment: {} });
    const directory = new LdapDirectory(settings, defaultLimits);
    const lookUp = async (name: string) => {
      const found: unknown[] = [];
      await directory.lookUp(async (find) => void found.push(await find(name)));
      return found[0];
    };
    expect(await lookUp('gina')).toMatchObject({ name: 'gina', id: expect.stringMatching(/^[0-9a-f]{32}$/) });
    await samba.setAccount('gina', 'off');
    expect(await seenBy('gina')).toBe(401);
    expect(await lookUp('gina')).toBeNull();
    await samba.setAccount('gina', 'on');
    expect(await seenBy('gina')).toEqual(['a1']);
  });

  const unusable: readonly (readonly [string, () => object])[] = [
    ['a certificate of nobody we know', () => ({ ca: undefined })],
    // It asks for TLS.
    ['passwords in the clear', () => ({ urls: [samba.plain] })],
    ['an account that is refused', () => ({ searchAs: { dn: 'henry@example.test', password } })],
  ];

  test.each(unusable)('cannot tell: %s', async (_what, changes) => {
    await open(JSON.parse(JSON.stringify({ ...advised(), ...changes() })) as object);
    expect(await seenBy('carol')).toBe(503);
    expect(await seenBy('alice', 'a long enough secret')).toEqual(['a1', 'b1']);
  });

  test('a directory that is down locks out nobody who was in, and nobody local', async () => {
    await open(advised());
    expect(await seenBy('erin')).toEqual(['a1']);
    await samba.stop();
    expect(await seenBy('erin')).toEqual(['a1']);
    expect(await seenBy('erin', 'wrong')).toBe(503);
    expect(await seenBy('frank')).toBe(503);
    expect(await seenBy('alice', 'a long enough secret')).toEqual(['a1', 'b1']);
    await samba.startAgain();
    expect(await seenBy('frank')).toEqual(['a1']);
    expect(await seenBy('erin', 'wrong')).toBe(401);
  });
});
