import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { SqliteStore } from 'rm-reflector';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { AddressRate } from './address-rate.ts';
import { Groups } from './groups.ts';
import { Invitations } from './invitations.ts';
import type { Mailer } from './mailer.ts';
import { People } from './people.ts';

const limits = { ...defaultLimits, resetsWaiting: 2 };
let folder: string;
let store: SqliteStore;
let database: FleetDatabase;
let clock: ManualClock;
let invitations: Invitations;
let sent: string[];
/** What the mail server does with each mail. */
let take: () => Promise<void>;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-mail-'));
  const path = join(folder, 'server.sqlite');
  store = SqliteStore.open(path);
  clock = new ManualClock();
  database = new FleetDatabase(path, clock, defaultLimits);
  const people = new People(database);
  for (const name of ['alice', 'bob', 'carol']) {
    await store.users.add(name, 'hash', 0, 'user');
    await people.set(name, { kind: 'person', fullName: '', email: `${name}@example.com` });
  }
  [sent, take] = [[], async () => {}];
  const mailer = {
    send: async (to: string, { text }: { text: string }) => {
      sent.push(`${to} ${/token=([\w-]+)/.exec(text)?.[1]}`);
      await take();
    },
  } as unknown as Mailer;
  const log = pino({ level: 'silent' });
  const page = 'https://devices.example.com/set';
  invitations = new Invitations({
    ...{ database, people, mailer, clock, log, limits, page },
    mailOf: async (_user, purpose, link) => ({ subject: purpose, text: link }),
  });
});
afterEach(async () => {
  await database.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const lastToken = () => sent.at(-1)?.split(' ')[1] ?? '';

test.each([
  ['invitation', limits.invitationMs],
  ['reset', limits.resetMs],
] as const)('invitationMs, resetMs: an %s is good for a time', async (purpose, ms) => {
  await invitations.invite('alice', purpose);
  const token = lastToken();
  clock.advance(ms - 1);
  expect(await invitations.userOf(token)).toBe('alice');
  clock.advance(1);
  expect([await invitations.userOf(token), await invitations.redeem(token)]).toEqual([null, null]);
});

test('of several calls at once, one redeems a secret, and with it all of its user', async () => {
  await invitations.invite('alice', 'invitation');
  await invitations.invite('bob', 'invitation');
  const ofBob = lastToken();
  await invitations.invite('alice', 'reset');
  const token = lastToken();
  expect(await Promise.all([invitations.redeem(token), invitations.redeem(token)])).toEqual(['alice', null]);
  expect(await invitations.redeem(ofBob)).toBe('bob');
});

test('resetsPerUser: as many mails within resetMs, and more later', async () => {
  const ask = async () => {
    invitations.request('alice');
    await turn();
  };
  for (let n = 0; n < limits.resetsPerUser + 2; n++) await ask();
  expect(sent).toHaveLength(limits.resetsPerUser);
  clock.advance(limits.resetMs);
  await ask();
  expect(sent).toHaveLength(limits.resetsPerUser + 1);
});

test('resetsWaiting: while the mail server takes nothing, no more than that wait', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  take = () => held;
  for (const name of ['alice', 'bob', 'carol']) invitations.request(name);
  await turn();
  expect(sent.map((one) => one.split('@')[0])).toEqual(['alice', 'bob']);
  release();
  await turn();
  invitations.request('carol');
  await turn();
  expect(sent).toHaveLength(3);
});

test('a mail that was not taken is a failure to who invites, and none to who asks', async () => {
  take = () => Promise.reject(new Error('550'));
  await expect(invitations.invite('alice', 'invitation')).rejects.toThrow('550');
  invitations.request('alice');
  await turn();
  take = async () => {};
  invitations.request('alice');
  await turn();
  expect(await invitations.userOf(lastToken())).toBe('alice');
});

test('a mail that was not taken does not count, and leaves the former link as it was', async () => {
  await invitations.invite('alice', 'invitation');
  const former = lastToken();
  take = () => Promise.reject(new Error('550'));
  for (let n = 0; n < limits.resetsPerUser; n++) {
    invitations.request('alice');
    await turn();
    expect(await invitations.userOf(lastToken())).toBeNull();
  }
  expect(await invitations.userOf(former)).toBe('alice');
  take = async () => {};
  const tried = sent.length;
  invitations.request('alice');
  await turn();
  expect(sent).toHaveLength(tried + 1);
  expect([await invitations.userOf(lastToken()), await invitations.userOf(former)]).toEqual(['alice', null]);
});

test('a service account, and who has no address, get none', async () => {
  const people = new People(database);
  await people.set('bob', { kind: 'service', fullName: '', email: 'bob@example.com' });
  await people.set('carol', { kind: 'person', fullName: '', email: null });
  for (const text of ['bob', 'bob@example.com', 'carol', 'carol@example.com', '', '%']) {
    invitations.request(text);
    await turn();
  }
  expect(sent).toEqual([]);
});

test('openCallsPerAddress, openCallsMs: as many, by address or IPv6 network', () => {
  const rate = new AddressRate(clock, { openCallsPerAddress: 2, openCallsMs: 1_000, callers: 10 });
  const taken = (...addresses: string[]) => addresses.map((address) => rate.take(address));
  expect(taken('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2')).toEqual([true, true, false, true]);
  expect(taken('2001:db8::1', '2001:db8::2', '2001:db8:0:0:3::', '2001:db8:1:3::1')).toEqual([
    true,
    true,
    false,
    true,
  ]);
  clock.advance(1_000);
  expect(taken('192.0.2.1')).toEqual([true]);
});

test('groups: there are no more than that', async () => {
  const groups = new Groups(database, { user: () => null, changed: () => {} }, clock);
  expect([await groups.add('a', '', 1), await groups.add('b', '', 1)]).toEqual(['added', 'full']);
  expect(await groups.add('a', '', 2)).toBe('taken');
});
