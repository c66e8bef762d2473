import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { SharedMemory } from '../testing/shared-memory.ts';
import { OneUseTokens } from './one-use-tokens.ts';

const key = Buffer.from('of the installation');

function stage(purpose = 'test') {
  const clock = new ManualClock();
  const memory = new SharedMemory(clock);
  const make = () => new OneUseTokens(memory.join(), key, purpose, 60_000);
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
  expect(new OneUseTokens(memory.join(), key, 'other', 60_000).read(token)).toBe('foreign');
  expect(new OneUseTokens(memory.join(), Buffer.from('other'), 'test', 60_000).read(token)).toBe('foreign');
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
