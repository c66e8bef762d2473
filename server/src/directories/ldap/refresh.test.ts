import { AuthenticatorUnavailable } from 'rm-reflector/ports';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { membersStage } from '../../testing/members-stage.ts';
import type { Find, Person } from './directory.ts';
import { Refresh } from './refresh.ts';

let clock: ManualClock;
let stage: ReturnType<typeof membersStage>;
const people = new Map<string, Person | { refused: string }>();
let away = false;
let leads = true;

beforeEach(async () => {
  clock = new ManualClock();
  stage = membersStage(clock);
  people.clear();
  [away, leads] = [false, true];
  for (const name of ['alice', 'bob']) {
    const person = { id: `id-of-${name}`, name, groups: new Set(['ops']) };
    people.set(name, person);
    const grants = { groups: ['operators'], grants: [] };
    await stage.members.admit({
      ...person,
      source: 'ldap',
      login: name,
      grants,
      until: clock.date() + 1_000,
    });
  }
});
afterEach(() => stage.close());

const refresh = () =>
  new Refresh({
    directory: {
      lookUp: async (visit: (find: Find) => Promise<void>) => {
        if (away) throw new AuthenticatorUnavailable('away');
        await visit(async (login) => people.get(login) ?? null);
      },
    },
    settings: {
      grants: [{ of: 'ops', groups: ['operators'], role: 'user', domains: [], everything: false }],
      membershipMs: 1_000,
      refreshMs: 100,
    },
    members: stage.members,
    clock,
    log: stage.log,
    leads: () => leads,
  });

const members = async () =>
  (await stage.members.page('ldap', '', 10)).map(({ user, until }) => [user, until]);

test('who is there stays for another while, with the groups of now', async () => {
  clock.advance(500);
  people.set('bob', { id: 'id-of-bob', name: 'bob', groups: new Set() });
  await refresh().round();
  expect(await members()).toEqual([
    ['alice', clock.date() + 1_000],
    ['bob', clock.date() + 1_000],
  ]);
  expect(stage.given.get('alice of ldap')).toMatchObject({ groups: ['operators'] });
  expect(stage.given.get('bob of ldap')).toMatchObject({ groups: [] });
});

test('who is gone is out, and so is whose name is somebody else’s now', async () => {
  people.delete('alice');
  people.set('bob', { id: 'another', name: 'bob', groups: new Set(['ops']) });
  await refresh().round();
  expect(await members()).toEqual([]);
  expect(stage.given.get('bob of ldap')).toMatchObject({ groups: [] });
});

test('a directory that is away, or cannot say, changes nothing, and time runs on', async () => {
  const before = await members();
  people.set('bob', { refused: 'in too many groups' });
  away = true;
  await refresh().round();
  expect(await members()).toEqual(before);
  away = false;
  clock.advance(10);
  await refresh().round();
  expect(Object.fromEntries(await members())).toEqual({ alice: clock.date() + 1_000, bob: before[1]?.[1] });
});

test('while another process asks, this one does not', async () => {
  const before = await members();
  people.delete('alice');
  leads = false;
  const rounds = refresh();
  rounds.start();
  clock.advance(100);
  await expect.poll(() => clock.pending).toBe(1);
  expect((await members()).map(([name]) => name)).toEqual(before.map(([name]) => name));
  leads = true;
  clock.advance(100);
  await expect.poll(async () => (await members()).map(([name]) => name)).toEqual(['bob']);
  rounds.stop();
});

test('it is asked again and again until it is stopped', async () => {
  const rounds = refresh();
  rounds.start();
  clock.advance(100);
  await expect.poll(() => clock.pending).toBe(1);
  rounds.stop();
  expect(clock.pending).toBe(0);
});
