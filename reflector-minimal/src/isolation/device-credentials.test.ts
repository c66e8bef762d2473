import { beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { hashPassword } from '../passwords/scrypt.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import type { Session } from '../sessions/sessions.ts';
import { DeviceCredentials } from './device-credentials.ts';

const stored = hashPassword('wonderland');

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

describe('of credentials beside a session', () => {
  const limits = { ...defaultLimits, deviceCredentials: 2, verifiedCredentials: 2 };
  let alice: Session;
  let verified: number;
  let credentials: DeviceCredentials;
  beforeEach(async () => {
    alice = { id: '1', user: { name: 'alice', password: await stored } } as Session;
    const verifier = new PasswordVerifier(limits);
    verified = 0;
    const counting = {
      verify: (...args: Parameters<PasswordVerifier['verify']>) => {
        verified++;
        return verifier.verify(...args);
      },
    } as PasswordVerifier;
    const tokens = { verify: (token: string) => (token === 'ours' ? alice : null) };
    credentials = new DeviceCredentials(counting, tokens, limits);
  });

  test.each([
    ['Bearer of-the-device', true],
    ['Bearer ours', false],
    ['bearer  ours ', false],
    ['Digest username="alice", response="x"', true],
    ['Negotiate abc', true],
    [basic('admin', 'admin'), true],
    [basic('alice', 'alice'), true],
    [basic('alice', 'wonderland'), false],
  ])('%j is for the device: %s', async (authorization, expected) => {
    expect(await credentials.forDevice(authorization, alice, 'dev1')).toBe(expected);
  });

  test("the user's password is not passed while it is being looked at, however often it comes", async () => {
    const ours = basic('alice', 'wonderland');
    const verdicts = Array.from({ length: 20 }, () => credentials.forDevice(ours, alice, 'dev1'));
    expect(new Set(await Promise.all(verdicts))).toEqual(new Set([false]));
    expect(verified).toBe(1);
  });

  test('deviceCredentials: a device cannot try passwords of its user, in however many sessions', async () => {
    for (const password of ['1', '2']) {
      expect(await credentials.forDevice(basic('alice', password), alice, 'dev1')).toBe(true);
    }
    for (const password of ['3', 'wonderland', '4']) {
      const another = { ...alice, id: `session ${password}` };
      expect(await credentials.forDevice(basic('alice', password), another, 'dev1')).toBe(false);
    }
    expect(verified).toBe(2);
    expect(await credentials.forDevice(basic('alice', '1'), alice, 'dev1')).toBe(true);
    expect(await credentials.forDevice(basic('root', '3'), alice, 'dev1')).toBe(true);
    // Another device has passwords of its own.
    expect(await credentials.forDevice(basic('alice', '3'), alice, 'dev2')).toBe(true);
  });

  test('verifiedCredentials: the device that came first is forgotten', async () => {
    for (const id of ['1', '2', '3', '1']) await credentials.forDevice(basic('alice', 'x'), alice, id);
    expect(verified).toBe(4);
    await credentials.forDevice(basic('alice', 'x'), alice, '3');
    expect(verified).toBe(4);
  });
});
