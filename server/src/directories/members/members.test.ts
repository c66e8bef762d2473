import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { membersStage } from '../../testing/members-stage.ts';
import { noGrants } from './grant-rules.ts';
import { Members, type NewsOfMember } from './members.ts';

let clock: ManualClock;
let stage: ReturnType<typeof membersStage>;

beforeEach(() => {
  clock = new ManualClock();
  stage = membersStage(clock);
});
afterEach(() => stage.close());

const grants = { groups: ['operators'], grants: [] };

const news = (changes: Partial<NewsOfMember> = {}): NewsOfMember => ({
  source: 'ldap',
  id: 'id-of-alice',
  name: 'alice',
  login: 'alice',
  grants,
  until: clock.date() + 1_000,
  ...changes,
});

const end = async () => {
  clock.advance(1_000);
  await stage.members.sweep();
};

test('the first log-in makes a user who sees nothing by itself, whose password nobody knows, and who is the directory’s', async () => {
  const user = await stage.members.admit(news());
  if ('refused' in user) throw new Error(user.refused);
  expect(user).toMatchObject({ name: 'alice', role: 'user', domains: [] });
  expect(user.password).toMatch(/^scrypt:ln=14,/);
  expect(await stage.members.sourceOf(user)).toBe('ldap');
  expect(stage.given.get('alice of ldap')).toEqual(grants);
  expect(await stage.members.admit(news({ grants: noGrants }))).toEqual(user);
  expect(stage.given.get('alice of ldap')).toEqual(noGrants);
});

test('a local user’s name is not taken, whoever comes', async () => {
  await stage.store.users.add('alice', 'hash', 0, 'administrator');
  const user = await stage.store.users.get('alice');
  expect(await stage.members.admit(news())).toEqual({ refused: 'the name alice belongs to a local user' });
  expect(await stage.store.users.get('alice')).toEqual(user);
  expect(stage.given.size).toBe(0);
  expect(user && (await stage.members.sourceOf(user))).toBeNull();
});

test('a name is not taken from a member, neither by another person nor from another directory', async () => {
  await stage.members.admit(news());
  for (const other of [{ id: 'another' }, { source: 'oidc:corp' }]) {
    expect(await stage.members.admit(news(other))).toEqual({
      refused: 'the name alice belongs to another person of ldap',
    });
  }
});

test('of two persons who come first at once with one name, one gets in', async () => {
  const both = await Promise.all([stage.members.admit(news()), stage.members.admit(news({ id: 'another' }))]);
  expect(both.map((one) => 'refused' in one)).toEqual([false, true]);
});

test('who is called otherwise in the directory keeps the name here', async () => {
  await stage.members.admit(news());
  expect(await stage.members.admit(news({ name: 'alicia', login: 'alicia' }))).toMatchObject({
    name: 'alice',
  });
  expect(await stage.members.byLogin('ldap', 'alicia')).toMatchObject({ user: 'alice' });
  expect(await stage.members.byLogin('ldap', 'alice')).toBeNull();
});

test('a user who was removed and made anew here is a local one', async () => {
  await stage.members.admit(news());
  await stage.store.users.remove('alice', true);
  await stage.store.users.add('alice', 'hash', 0, 'user');
  expect(await stage.members.admit(news())).toEqual({ refused: 'the name alice belongs to a local user' });
});

test('a member who was removed here is made again at the next log-in', async () => {
  const user = await stage.members.admit(news());
  await stage.store.users.remove('alice', true);
  const again = await stage.members.admit(news());
  expect(again).toMatchObject({ name: 'alice' });
  expect('uid' in again && 'uid' in user && again.uid !== user.uid).toBe(true);
});

test('without news a member is out in time: nothing given is left, all sessions end', async () => {
  const user = await stage.members.admit(news());
  if ('refused' in user) throw new Error(user.refused);
  const hash = Buffer.alloc(32, 1);
  const session = {
    hash,
    kind: 'own',
    user: 'alice',
    fingerprint: '',
    device: null,
    parent: null,
    created: 0,
    used: 0,
    expires: clock.date() + 1e9,
    address: '',
    agent: '',
  } as const;
  await stage.store.sessions.add(session, user, { perUser: 9, total: 9 });
  await stage.members.keepPassword(user, 'hash', clock.date() + 1e9);
  clock.advance(999);
  await stage.members.sweep();
  expect(await stage.store.sessions.get(hash)).not.toBeNull();
  expect(await stage.members.page('ldap', '', 10)).toHaveLength(1);
  clock.advance(1);
  await stage.members.sweep();
  expect(await stage.store.sessions.get(hash)).toBeNull();
  expect(stage.given.get('alice of ldap')).toEqual(noGrants);
  expect(await stage.members.page('ldap', '', 10)).toEqual([]);
  expect(await stage.members.byLogin('ldap', 'alice')).toBeNull();
  // Back again.
  expect(await stage.members.admit(news())).toEqual(user);
  expect(stage.given.get('alice of ldap')).toEqual(grants);
  expect(await stage.members.byLogin('ldap', 'alice')).toMatchObject({ offline: null });
});

test('news in time keep a member', async () => {
  await stage.members.admit(news());
  clock.advance(500);
  await stage.members.admit(news());
  clock.advance(500);
  await stage.members.sweep();
  expect(stage.given.get('alice of ldap')).toEqual(grants);
});

test('the name of a member who is out is free for somebody else, with an account of their own', async () => {
  const former = await stage.members.admit(news());
  await end();
  const user = await stage.members.admit(news({ id: 'another' }));
  if ('refused' in user || 'refused' in former) throw new Error('refused');
  expect(user.uid).not.toBe(former.uid);
  expect(await stage.members.admit(news())).toEqual({
    refused: 'the name alice belongs to another person of ldap',
  });
});

test('but not that of the last administrator', async () => {
  await stage.members.admit(news());
  await stage.store.users.promote('alice');
  await end();
  expect(await stage.members.admit(news({ id: 'another' }))).toEqual({
    refused: 'the name alice is that of the last administrator',
  });
});

test('a process that ends while a user is being added leaves no user behind who seems local', async () => {
  const { users } = stage.store;
  const dying = new Members({
    ...stage.context,
    store: {
      sessions: stage.store.sessions,
      users: {
        get: (name) => users.get(name),
        remove: (name, force) => users.remove(name, force),
        add: async (...args) => {
          await users.add(...args);
          throw new Error('the power was cut');
        },
      },
    },
  });
  await expect(dying.admit(news())).rejects.toThrow('power');
  expect(await stage.members.admit(news())).toMatchObject({ name: 'alice' });
  expect(await stage.members.sourceOf((await users.get('alice')) ?? { name: '', uid: '' })).toBe('ldap');
});

test('what ends a member can be done again when it was cut', async () => {
  await stage.members.admit(news());
  const failing = new Members({
    ...stage.context,
    rights: { set: () => Promise.reject(new Error('the store is away')) },
  });
  clock.advance(1_000);
  await expect(failing.sweep()).rejects.toThrow('away');
  await stage.members.sweep();
  expect(stage.given.get('alice of ldap')).toEqual(noGrants);
});

test('who is in again while rights change is out in their former time if that is cut', async () => {
  await stage.members.admit(news());
  await end();
  const failing = new Members({
    ...stage.context,
    rights: { set: () => Promise.reject(new Error('the store is away')) },
  });
  await expect(failing.admit(news({ until: clock.date() + 9_000 }))).rejects.toThrow('away');
  stage.given.clear();
  await stage.members.sweep();
  expect(stage.given.get('alice of ldap')).toEqual(noGrants);
});
