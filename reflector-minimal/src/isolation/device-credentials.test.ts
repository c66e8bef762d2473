import { describe, expect, test } from 'vitest';
import type { Session } from '../ports/identity.ts';
import { forDevice } from './device-credentials.ts';

const alice = { name: 'alice', password: 'hash' };
const session = (kind: Session['kind']) => ({ id: '1', kind, user: alice }) as Session;
const isOurs = async (token: string) => token === 'ours';

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

describe('Authorization', () => {
  test.each([
    ['Bearer of-the-device', true],
    ['Bearer ours', false],
    ['bearer  ours ', false],
    ['Digest username="alice", response="x"', true],
    ['Negotiate abc', true],
    [basic('admin', 'admin'), true],
    // The same name and password at reflector and device.
    [basic('alice', 'wonderland'), true],
  ])('%j beside a session or another header is for the device: %s', async (authorization, passes) => {
    const expected = passes ? authorization : null;
    expect(await forDevice(isOurs, { headers: { authorization } }, { session: session('device') })).toBe(
      expected,
    );
    for (const header of ['proxy-authorization', 'x-ptth-authorization']) {
      const headers = { authorization, [header]: basic('alice', 'wonderland') };
      expect(await forDevice(isOurs, { headers }, { session: null })).toBe(expected);
      expect(await forDevice(isOurs, { headers }, { session: session('token') })).toBe(expected);
    }
  });

  test('that let a program in is not', async () => {
    const headers = { authorization: basic('alice', 'wonderland') };
    expect(await forDevice(isOurs, { headers }, { session: null })).toBeNull();
    expect(
      await forDevice(isOurs, { headers: { authorization: 'Bearer ours' } }, { session: session('token') }),
    ).toBeNull();
    expect(await forDevice(isOurs, { headers: {} }, { session: session('device') })).toBeNull();
  });
});
