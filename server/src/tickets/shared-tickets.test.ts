import type { Identity, KnownUsers, Session, UserRecord } from 'rm-reflector/ports';
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { SharedMemory } from '../../../reflector-minimal/src/testing/shared-memory.ts';
import { SharedTickets } from './shared-tickets.ts';
import { type TicketFor, Tickets } from './tickets.ts';

const limits = {
  ticketMs: 60_000,
  tickets: 3,
  ticketsPerUser: 2,
  ticketBytes: 128,
  sharedTicketBytes: 4_096,
};
let alice: UserRecord;
let clock: ManualClock;
let memory: SharedMemory;
let one: SharedTickets;
let two: SharedTickets;

beforeEach(() => {
  alice = { name: 'alice', uid: 'u-alice', password: 'hash', totpSecret: null } as UserRecord;
  clock = new ManualClock();
  memory = new SharedMemory(clock);
  [one, two] = [make(), make()];
});

function make(key = Buffer.from('key')): SharedTickets {
  const known: KnownUsers = { user: (name) => (name === alice.name ? alice : null), changed: () => {} };
  return new SharedTickets({ state: memory.join(), key }, new Tickets(clock, limits), known, limits);
}

function ticketFor(changed: Partial<Identity> = {}): TicketFor {
  const session = {
    ...{ id: '01', kind: 'own' as const, device: null, created: 1, used: 2, expires: 3 },
    ...{ address: '192.0.2.1', agent: 'a browser', hash: Buffer.alloc(32, 7), user: alice },
  } as const satisfies Session;
  const until = Number.POSITIVE_INFINITY;
  const identity: Identity = {
    user: alice,
    session,
    until,
    credential: 'session',
    by: 'session',
    ...changed,
  };
  return { identity, device: 'pump', uid: 'u1', domain: 'acme', port: 22, use: 'tcp', recorded: false };
}

test('is good at another process than its own, once at all of them, for what it was made for', async () => {
  const ticket = one.issue(ticketFor()) ?? '';
  expect(await two.redeem(ticket, 'tcp')).toEqual(ticketFor());
  for (const each of [one, two]) expect(await each.redeem(ticket, 'tcp')).toBeNull();
});

test('carries an end, a key, and no session', async () => {
  const changed = { session: null, until: 1_000, credential: 'token', key: 'k1', only: 'own' } as const;
  const ticket = one.issue(ticketFor(changed)) ?? '';
  expect(await two.redeem(ticket, 'tcp')).toEqual(ticketFor(changed));
});

test('is good for its use alone, and gone when it was shown for another', async () => {
  const ticket = one.issue(ticketFor()) ?? '';
  expect(await two.redeem(ticket, 'ssh')).toBeNull();
  expect(await one.redeem(ticket, 'tcp')).toBeNull();
});

test('is not good for an account that has changed since', async () => {
  const tickets = [one.issue(ticketFor()) ?? '', one.issue(ticketFor()) ?? ''] as const;
  alice = { ...alice, password: 'another' };
  expect(await two.redeem(tickets[0], 'tcp')).toBeNull();
  alice = { ...alice, name: 'carol' };
  expect(await two.redeem(tickets[1], 'tcp')).toBeNull();
});

test('expires, and its place is free when it was used here', async () => {
  const held = [one.issue(ticketFor()), one.issue(ticketFor())];
  expect(one.issue(ticketFor())).toBeNull();
  await one.redeem(held[0] ?? '', 'tcp');
  expect(one.issue(ticketFor())).not.toBeNull();
  clock.advance(60_001);
  expect(await two.redeem(held[1] ?? '', 'tcp')).toBeNull();
});

test('its place is free where it was made when it was used elsewhere, and no other is', async () => {
  const held = [one.issue(ticketFor()), one.issue(ticketFor())];
  await two.redeem(held[0] ?? '', 'tcp');
  await Promise.resolve();
  expect(one.issue(ticketFor())).not.toBeNull();
  expect(one.issue(ticketFor())).toBeNull();
});

test('tells whoever has it nothing that could be compared with guesses', () => {
  const accountOf = (tickets: SharedTickets) => {
    const bytes = Buffer.from(tickets.issue(ticketFor()) ?? '', 'base64url');
    return /"account":"([\w-]+)"/.exec(bytes.toString('latin1'))?.[1];
  };
  expect(accountOf(one)).toMatch(/^[\w-]{43}$/);
  expect(accountOf(two)).toBe(accountOf(one));
  expect(accountOf(make(Buffer.from('another')))).not.toBe(accountOf(one));
});

test('sharedTicketBytes: the longest that there is fits in', () => {
  const identity = ticketFor().identity;
  const session = identity.session && {
    ...identity.session,
    agent: 'ä'.repeat(200),
    address: 'f'.repeat(45),
  };
  const what = {
    ...ticketFor({ session, key: 'k'.repeat(64) }),
    device: 'd'.repeat(63),
    domain: 'd'.repeat(63),
  };
  const ticket = one.issue(what) ?? '';
  expect(ticket.length).toBeGreaterThan(1_000);
  expect(ticket.length).toBeLessThan(one.bytes);
});
