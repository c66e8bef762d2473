import { createHmac } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { MemoryUsers } from '../testing/memory-users.ts';
import { SecondFactor } from './second-factor.ts';

const key = Buffer.alloc(32, 1);
let users: MemoryUsers;
let factor: SecondFactor;

beforeEach(async () => {
  users = await MemoryUsers.open();
  const alice = await users.alice();
  await users.store.users.setTotp(alice, { secret: Buffer.alloc(20, 7), step: 0, recovery: [] });
  factor = new SecondFactor(users.store.users, users.clock, key, 60_000);
});

test('a ticket is of its user for a time, and in its own words only', async () => {
  const ticket = factor.ticket(await users.alice());
  expect((await factor.userOf(ticket))?.name).toBe('alice');
  for (const text of [`x${ticket}`, `${ticket}x`, ` ${ticket}`, ticket.replace('.', '')]) {
    expect(await factor.userOf(text)).toBeNull();
  }
  users.clock.advance(59_999);
  expect((await factor.userOf(ticket))?.name).toBe('alice');
  users.clock.advance(1);
  expect(await factor.userOf(ticket)).toBeNull();
});

test('a ticket of nobody, or of an account without one-time passwords, is none', async () => {
  const of = (payload: unknown, tied: string) => {
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
    const mac = createHmac('sha256', key).update(`log-in ticket ${body} ${tied}`).digest('base64url');
    return factor.userOf(`${body}.${mac}`);
  };
  const until = users.clock.date() + 1000;
  const { password } = await users.alice();
  const secret = Buffer.alloc(20, 7).toString('base64');
  expect((await of({ user: 'alice', until }, `${password} ${secret}`))?.name).toBe('alice');
  for (const user of ['nobody', '', 5, null, undefined, ['alice']]) {
    expect(await of({ user, until }, `${password} ${secret}`)).toBeNull();
  }
  await users.store.users.removeTotp('alice');
  expect(await of({ user: 'alice', until }, `${password} undefined`)).toBeNull();
  expect(await factor.accept(await users.alice(), '000000')).toBe(false);
});
