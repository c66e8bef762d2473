import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { SharedMemory } from '../testing/shared-memory.ts';
import { OneUseTokens } from './one-use-tokens.ts';

const key = Buffer.from('of the installation');

function stage(purpose = 'test') {
  const clock = new ManualClock();
  const memory = new SharedMemory(clock);
  const make = () => new OneUseTokens(memory.join(), key, purpose, { ms: 60_000, used: 100 });
  return { clock, memory, make, one: make(), two: make() };
}

test('a token of one process is good at another, once at all of them', async () => {
  const { one, two } = stage();
  const token = one.issue(Buffer.from('hello'));
  expect(token).toMatch(/^[\w-]+$/);
  expect(String(await two.redeem(token))).toBe('hello');
  expect(await one.redeem(token)).toBeNull();
  expect(await two.redeem(token)).toBeNull();
});

test('of two processes at once one takes it', async () => {
  const { one, two } = stage();
  const token = one.issue(Buffer.from('hello'));
  const taken = await Promise.all([one.redeem(token), two.redeem(token)]);
  expect(taken.filter((payload) => payload !== null)).toHaveLength(1);
});

test('it expires, and a time to come is none of ours', () => {
  const { clock, one, two } = stage();
  const token = one.issue();
  clock.advance(60_000);
  expect(two.read(token)).toMatchObject({ payload: Buffer.alloc(0) });
  clock.advance(1);
  expect(two.read(token)).toBe('stale');
  const ahead = stage();
  ahead.clock.advance(70_000);
  const behind = stage();
  behind.memory.epoch = ahead.memory.epoch;
  expect(behind.one.read(ahead.one.issue())).toBe('stale');
});

test('nothing of it can be changed, and another key or purpose makes it foreign', () => {
  const { one, memory } = stage();
  const token = one.issue(Buffer.from('hello'));
  for (let at = 0; at < token.length; at++) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    expect(one.read(changed)).toBe('foreign');
  }
  for (const other of ['', 'AAAA', `${token}=`, token.slice(4)]) expect(one.read(other)).toBe('foreign');
  expect(new OneUseTokens(memory.join(), key, 'other', { ms: 60_000, used: 100 }).read(token)).toBe(
    'foreign',
  );
  expect(
    new OneUseTokens(memory.join(), Buffer.from('other'), 'test', { ms: 60_000, used: 100 }).read(token),
  ).toBe('foreign');
});

test('after all was lost no earlier one is good', async () => {
  const { one, two, memory } = stage();
  const token = one.issue();
  memory.lose();
  expect(two.read(token)).toBe('stale');
  expect(await two.redeem(token)).toBeNull();
});

test('while it cannot be told whether it was used, it is not taken, and good later', async () => {
  const { one, two, memory } = stage();
  const token = one.issue(Buffer.from('hello'));
  memory.isAway = true;
  await expect(two.redeem(token)).rejects.toThrow(StoreUnavailable);
  memory.isAway = false;
  expect(String(await two.redeem(token))).toBe('hello');
});

test('used: beyond it none of this purpose is taken until the first is forgotten, and all of another are', async () => {
  const { clock, memory } = stage();
  const make = (purpose: string) => new OneUseTokens(memory.join(), key, purpose, { ms: 60_000, used: 2 });
  const [digest, ticket] = [make('digest'), make('ticket')];
  const use = (tokens: OneUseTokens) => tokens.redeem(tokens.issue());
  memory.isAway = true;
  await expect(use(digest)).rejects.toThrow('it is away');
  memory.isAway = false;
  await use(digest);
  clock.advance(1_000);
  const outcomes = await Promise.allSettled([use(digest), use(digest)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await expect(use(digest)).rejects.toThrow(
    'a one-use token (digest) cannot be used: too many were used lately',
  );
  expect(await use(ticket)).not.toBeNull();
  clock.advance(64_000);
  expect(await use(digest)).not.toBeNull();
  await expect(use(digest)).rejects.toThrow(StoreUnavailable);
});
