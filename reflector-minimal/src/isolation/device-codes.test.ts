import { beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../sessions/sessions.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { DeviceCodes } from './device-codes.ts';

const session = { id: '1' } as Session;
const purpose = { host: 'dev1', nonce: 'n' };

describe('a one-time code', () => {
  let clock: ManualClock;
  let codes: DeviceCodes;
  beforeEach(() => {
    clock = new ManualClock();
    codes = new DeviceCodes(clock, { deviceCodes: 3, deviceCodeMs: 1_000 });
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

  test('deviceCodes: the oldest goes first', () => {
    const issued = Array.from({ length: 4 }, () => codes.issue(session, 'dev1', purpose));
    expect(issued.map((code) => codes.redeem(code, purpose) !== null)).toEqual([false, true, true, true]);
  });
});
