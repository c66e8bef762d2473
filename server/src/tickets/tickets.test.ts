import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { TicketFor } from './tickets.ts';
import { Tickets } from './tickets.ts';

const limits = { ticketMs: 60_000, tickets: 3, ticketsPerUser: 2, ticketBytes: 128 };
const of = (name: string): TicketFor =>
  ({
    identity: { user: { name } },
    device: 'pump',
    uid: 'u1',
    domain: 'acme',
    port: 22,
    use: 'tcp',
    recorded: false,
  }) as unknown as TicketFor;

let clock: ManualClock;
let tickets: Tickets;
beforeEach(() => {
  clock = new ManualClock();
  tickets = new Tickets(clock, limits);
});

test('is good once, for what it was made for', () => {
  const ticket = tickets.issue(of('alice')) ?? '';
  expect(ticket).toMatch(/^[\w-]{32}$/);
  expect(tickets.redeem(`${ticket}x`, 'tcp')).toBeNull();
  expect(tickets.redeem(ticket, 'tcp')).toEqual(of('alice'));
  expect(tickets.redeem(ticket, 'tcp')).toBeNull();
});

test('is good for its use alone, and gone when it was shown for another', () => {
  const ticket = tickets.issue(of('alice')) ?? '';
  expect(tickets.redeem(ticket, 'ssh')).toBeNull();
  expect(tickets.redeem(ticket, 'tcp')).toBeNull();
});

test('ticketMs: is good for that long, and not a moment longer', () => {
  const [first, second] = [tickets.issue(of('alice')), tickets.issue(of('alice'))];
  clock.advance(59_999);
  expect(tickets.redeem(first ?? '', 'tcp')).not.toBeNull();
  clock.advance(1);
  expect(tickets.redeem(second ?? '', 'tcp')).toBeNull();
});

test('ticketsPerUser, tickets: what is used or has expired makes room', () => {
  const held = [tickets.issue(of('alice')), tickets.issue(of('alice'))];
  expect(tickets.issue(of('alice'))).toBeNull();
  expect(tickets.issue(of('bob'))).not.toBeNull();
  expect(tickets.issue(of('carol'))).toBeNull();
  tickets.redeem(held[0] ?? '', 'tcp');
  expect(tickets.issue(of('alice'))).not.toBeNull();
  expect(tickets.issue(of('alice'))).toBeNull();
  clock.advance(60_000);
  expect([tickets.issue(of('alice')), tickets.issue(of('alice'))]).not.toContain(null);
});
