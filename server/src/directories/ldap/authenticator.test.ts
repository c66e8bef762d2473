import { AuthenticatorUnavailable } from 'rm-reflector/ports';
import { authenticatorConformance } from 'rm-reflector/ports/conformance';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../../limits.ts';
import { membersStage } from '../../testing/members-stage.ts';
import { LdapAuthenticator } from './authenticator.ts';
import type { Person } from './directory.ts';

const alice: Person = { id: 'id-of-alice', name: 'alice', groups: new Set(['ops']) };

/** A directory that knows Alice by one password, can be away, and counts what it is asked. */
class FakeDirectory {
  password: string | null = 'wonderland';
  away = false;
  asked = 0;
  person = alice;

  async prove(login: string, password: string) {
    this.asked++;
    if (this.away) throw new AuthenticatorUnavailable('away');
    const right = login === 'alice' && password === this.password;
    return right ? this.person : { refused: 'invalid credentials' };
  }
}

function open(offlineMs = 3_600_000, limits: Partial<Limits> = {}) {
  const clock = new ManualClock();
  const stage = membersStage(clock);
  const directory = new FakeDirectory();
  const grants = [
    { of: 'ops', groups: ['operators'], role: 'user', domains: [], everything: false } as const,
  ];
  const authenticator = new LdapAuthenticator({
    directory,
    settings: { grants, membershipMs: 7_200_000, offlineMs },
    members: stage.members,
    store: stage.store,
    clock,
    log: stage.log,
    limits: { ...defaultLimits, ...limits },
  });
  return { ...stage, clock, directory, authenticator };
}

authenticatorConformance(async () => {
  const { authenticator, clock, directory, members, store, close } = open();
  const until = clock.date() + 1_000_000;
  const grants = { groups: ['operators'], grants: [] };
  const user = await members.admit({ ...alice, source: 'ldap', login: 'alice', grants, until });
  if ('refused' in user) throw new Error(user.refused);
  return {
    authenticator,
    clock,
    user,
    valid: { name: 'alice', password: 'wonderland' },
    wrong: { name: 'alice', password: 'wrong' },
    unknown: { name: 'nobody', password: 'wonderland' },
    withSecret: (password) => ({ name: 'alice', password }),
    work: () => directory.asked,
    revoke: async () => {
      directory.password = null;
      await store.users.remove('alice', true);
    },
    close,
  };
});

describe('LDAP', () => {
  let stage: ReturnType<typeof open>;
  beforeEach(() => {
    stage = open();
  });
  afterEach(() => stage.close());

  const prove = (password = 'wonderland', name = 'alice') => stage.authenticator.prove({ name, password });
  const proof = expect.objectContaining({ user: expect.objectContaining({ name: 'alice' }) });
  /** The directory is away, and what it said a moment ago does not count any more. */
  const goAway = () => {
    stage.clock.advance(defaultLimits.provenMs);
    stage.directory.away = true;
  };

  test('a proof makes the user, gives what the groups give, and has an end', async () => {
    expect(await prove()).toMatchObject({
      user: { name: 'alice' },
      session: null,
      until: stage.clock.date() + 7_200_000,
    });
    expect(stage.given.get('alice of ldap')).toEqual({ groups: ['operators'], grants: [] });
    stage.directory.person = { ...alice, groups: new Set() };
    stage.clock.advance(defaultLimits.provenMs);
    expect(await prove()).toEqual(proof);
    expect(stage.given.get('alice of ldap')).toMatchObject({ groups: [] });
  });

  test('provenMs: the directory is not asked again about the same password for a minute, and about another one at once', async () => {
    for (const name of ['alice', 'Alice']) expect(await prove('wonderland', name)).toEqual(proof);
    expect(stage.directory.asked).toBe(1);
    expect(await prove('wrong')).toEqual({ refused: expect.any(String) });
    expect(stage.directory.asked).toBe(2);
    stage.clock.advance(defaultLimits.provenMs - 1);
    await prove();
    expect(stage.directory.asked).toBe(2);
    stage.clock.advance(1);
    stage.directory.password = 'new';
    expect(await prove()).toEqual({ refused: expect.any(String) });
  });

  test.each(['', 'a b', 'a:b', 'x'.repeat(65)])('%j is no name to ask about', async (name) => {
    expect(await prove('wonderland', name)).toEqual({ refused: 'not a name of a user' });
    expect(stage.directory.asked).toBe(0);
  });

  test('passwordBytes: empty and overlong passwords never reach the directory', async () => {
    for (const password of ['', 'x'.repeat(defaultLimits.passwordBytes + 1)]) {
      expect(await prove(password)).toEqual({ refused: expect.any(String) });
    }
    expect(stage.directory.asked).toBe(0);
  });

  test('a name that a local user has: the directory’s password does not open the account', async () => {
    await stage.store.users.add('alice', 'hash', 0, 'administrator');
    expect(await prove()).toEqual({ refused: 'the name alice belongs to a local user' });
    expect(stage.lines.join()).toContain('belongs to a local user');
  });

  test('while it is away, the last good password counts for its time, and no other', async () => {
    expect(await prove()).toEqual(proof);
    const kept = stage.clock.date() + 3_600_000;
    goAway();
    expect(await prove()).toMatchObject({ user: { name: 'alice' }, until: kept });
    await expect(prove('wrong')).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    await expect(prove('wonderland', 'bob')).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    stage.clock.advance(3_600_000);
    await expect(prove()).rejects.toBeInstanceOf(AuthenticatorUnavailable);
  });

  test('what the directory has refused since does not count when it goes away', async () => {
    await prove();
    stage.directory.password = 'new';
    stage.clock.advance(defaultLimits.provenMs);
    expect(await prove('new')).toEqual(proof);
    goAway();
    await expect(prove('wonderland')).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    expect(await prove('new')).toEqual(proof);
  });

  test('offlineGuesses: guesses while it is away are few', async () => {
    await prove();
    goAway();
    for (let guess = 0; guess < defaultLimits.offlineGuesses; guess++) {
      await expect(prove(`guess ${guess}`)).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    }
    await expect(prove()).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    stage.directory.away = false;
    stage.clock.advance(defaultLimits.ldapPauseMs);
    expect(await prove()).toEqual(proof);
    goAway();
    expect(await prove()).toEqual(proof);
  });

  test('offlineGuesses: as few where they come at once', async () => {
    await prove();
    goAway();
    const guesses = Array.from({ length: defaultLimits.offlineGuesses }, (_, guess) =>
      prove(`guess ${guess}`),
    );
    for (const outcome of await Promise.allSettled(guesses)) expect(outcome.status).toBe('rejected');
    await expect(prove()).rejects.toBeInstanceOf(AuthenticatorUnavailable);
  });

  test('a member who is out does not get in by a kept password', async () => {
    await prove();
    goAway();
    const [member] = await stage.members.page('ldap', '', 1);
    if (!member) throw new Error('no member');
    await stage.members.end(member, 'left');
    await expect(prove()).rejects.toBeInstanceOf(AuthenticatorUnavailable);
  });

  test('a member who is out is asked about again at once', async () => {
    await prove();
    const [member] = await stage.members.page('ldap', '', 1);
    if (!member) throw new Error('no member');
    await stage.members.end(member, 'left');
    expect(await prove()).toEqual(proof);
    expect(stage.directory.asked).toBe(2);
    expect(stage.given.get('alice of ldap')).toMatchObject({ groups: ['operators'] });
  });

  test('ldapPauseMs: a directory that is away is not asked by every log-in', async () => {
    stage.directory.away = true;
    for (let i = 0; i < 3; i++) await expect(prove()).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    expect(stage.directory.asked).toBe(1);
    stage.clock.advance(defaultLimits.ldapPauseMs);
    stage.directory.away = false;
    expect(await prove()).toEqual(proof);
  });

  test('provenRemembered: of more, the directory is asked again', async () => {
    await stage.close();
    stage = open(0, { provenRemembered: 1 });
    await prove('wonderland', 'alice');
    await prove('wonderland', 'alice');
    expect(stage.directory.asked).toBe(1);
    // Another password of the same user is another one that is remembered.
    stage.directory.password = 'looking glass';
    await prove('looking glass');
    stage.directory.password = 'wonderland';
    await prove('wonderland');
    expect(stage.directory.asked).toBe(3);
  });

  test('ldapAtOnce, ldapWaiting: a directory that answers nothing is asked by a few, and a few wait', async () => {
    await stage.close();
    stage = open(0, { ldapAtOnce: 2, ldapWaiting: 1 });
    const answers: (() => void)[] = [];
    stage.directory.prove = async () => {
      stage.directory.asked++;
      await new Promise<void>((resolve) => answers.push(resolve));
      return { refused: 'no' };
    };
    const asked = ['a', 'b', 'c'].map((password) => prove(password));
    await expect(prove('d')).rejects.toThrow('too many log-ins wait');
    expect(stage.directory.asked).toBe(2);
    while (answers.length > 0 || stage.directory.asked < 3) {
      answers.shift()?.();
      await Promise.resolve();
    }
    for (const answer of answers) answer();
    expect(await Promise.all(asked)).toEqual([{ refused: 'no' }, { refused: 'no' }, { refused: 'no' }]);
  });

  test('without keeping passwords, nobody gets in while it is away', async () => {
    await stage.close();
    stage = open(0);
    await prove();
    goAway();
    await expect(prove()).rejects.toBeInstanceOf(AuthenticatorUnavailable);
    const rows = stage.database.prepare('SELECT offline FROM fleet_directory_members').all();
    expect(rows).toEqual([{ offline: null }]);
  });
});
