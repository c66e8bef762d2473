import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Session } from '../ports/identity.ts';
import { DeviceCodes } from './device-codes.ts';

const sessionOf = (name: string) => ({ id: name, user: { name } }) as Session;
const session = sessionOf('alice');
const purpose = { host: 'dev1', nonce: 'n' };

describe('a one-time code', () => {
  let clock: ManualClock;
  let codes: DeviceCodes;
  beforeEach(() => {
    clock = new ManualClock();
    codes = new DeviceCodes(clock, { deviceCodes: 5, deviceCodesPerUser: 3, deviceCodeMs: 1_000 });
  });

  test('is good once', () => {
    const code = codes.issue(session, 'dev1', purpose);
    expect(code).toMatch(/^[\w-]{43}$/);
    expect(codes.redeem(code, purpose)).toMatchObject({ session, device: 'dev1' });
    expect(codes.redeem(code, purpose)).toBeNull();
    expect(codes.redeem('unknown', purpose)).toBeNull();
  });

  test.each([
    ['on another host', { host: 'dev2', nonce: 'n' }],
    ['on another port of the device', { host: 'dev1-81', nonce: 'n' }],
    ['in another browser', { host: 'dev1', nonce: 'm' }],
    ['in a browser that did not ask', { host: 'dev1', nonce: '' }],
  ])('is not good %s, and then nowhere', (_where, other) => {
    const code = codes.issue(session, 'dev1', purpose);
    expect(codes.redeem(code, other)).toBeNull();
    expect(codes.redeem(code, purpose)).toBeNull();
  });

  test('deviceCodeMs: is good for a short time', () => {
    const [first, second] = [codes.issue(session, 'dev1', purpose), codes.issue(session, 'dev1', purpose)];
    clock.advance(999);
    expect(codes.redeem(first, purpose)?.session).toBe(session);
    clock.advance(1);
    expect(codes.redeem(second, purpose)).toBeNull();
  });

  /** Which codes are good. */
  const good = (issued: readonly string[]) => issued.map((code) => codes.redeem(code, purpose) !== null);
  const issue = (user: string, count: number) =>
    Array.from({ length: count }, () => codes.issue(sessionOf(user), 'dev1', purpose));

  test('deviceCodesPerUser: the oldest of the same user goes first, and none of others', () => {
    const [others, issued] = [issue('bob', 2), issue('alice', 4)];
    expect(good(issued)).toEqual([false, true, true, true]);
    issue('alice', 1_000);
    expect(good(others)).toEqual([true, true]);
  });

  test('deviceCodes: of all, the oldest of the user with most goes', () => {
    const [alice, bob, carol] = [issue('alice', 3), issue('bob', 2), issue('carol', 1)];
    expect(good([...alice, ...bob, ...carol])).toEqual([false, true, true, true, true, true]);
    clock.advance(1_000);
    expect(good(issue('dave', 3))).toEqual([true, true, true]);
  });

  test('a code that is spent takes no place any more', () => {
    const first = issue('alice', 3);
    expect(good(first.slice(1))).toEqual([true, true]);
    issue('alice', 2);
    expect(good(first.slice(0, 1))).toEqual([true]);
  });
});
