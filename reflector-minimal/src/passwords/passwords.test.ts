import { scryptSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { generatePassword, hashPassword, matchesHash, nobodysHash } from './scrypt.ts';
import { PasswordVerifier, VerifierBusy } from './verifier.ts';

describe('password hashes', () => {
  test('are salted, name their parameters, and match only their password', async () => {
    const [first, second] = await Promise.all([hashPassword('s3cret'), hashPassword('s3cret')]);
    expect(first).toMatch(/^scrypt:ln=14,r=8,p=1:/);
    expect(first).not.toBe(second);
    expect(await matchesHash('s3cret', first)).toBe(true);
    expect(await matchesHash('S3cret', first)).toBe(false);
    expect(await matchesHash('', first)).toBe(false);
  });

  test('of other parameters are still read', async () => {
    const salt = Buffer.from('0123456789abcdef');
    const key = scryptSync('older', salt, 32, { N: 1024, r: 4, p: 2 });
    const stored = `scrypt:ln=10,r=4,p=2:${salt.toString('base64url')}:${key.toString('base64url')}`;
    expect(await matchesHash('older', stored)).toBe(true);
    expect(await matchesHash('newer', stored)).toBe(false);
  });

  test('anything else matches nothing', async () => {
    for (const stored of ['', 'plain', 'scrypt:ln=14,r=8,p=1::', nobodysHash]) {
      expect(await matchesHash('', stored)).toBe(false);
    }
  });

  test('generated passwords have 26 of 32 easily read characters, and differ', () => {
    const passwords = Array.from({ length: 100 }, generatePassword);
    for (const password of passwords) expect(password).toMatch(/^[a-km-np-z2-9]{26}$/);
    expect(new Set(passwords).size).toBe(100);
  });
});

describe('the verifier', () => {
  const claim = { kind: 'user', name: 'alice', password: 's3cret' } as const;

  test('remembers what it has verified until the stored hash is another', async () => {
    const verifier = new PasswordVerifier(defaultLimits);
    const [stored, changed] = await Promise.all([hashPassword('s3cret'), hashPassword('new')]);
    expect(await verifier.verify(claim, stored)).toBe(true);
    expect(await verifier.verify(claim, stored)).toBe(true);
    expect(await verifier.verify(claim, changed)).toBe(false);
    expect(await verifier.verify({ ...claim, password: 'new' }, changed)).toBe(true);
    expect(await verifier.verify(claim, null)).toBe(false);
  });

  test('a device does not pass for a user of the same name', async () => {
    const verifier = new PasswordVerifier(defaultLimits);
    const stored = await hashPassword('s3cret');
    expect(await verifier.verify(claim, stored)).toBe(true);
    expect(await verifier.verify({ ...claim, kind: 'device' }, await hashPassword('other'))).toBe(false);
  });

  test('verifies one claim once, however many ask at the same time', async () => {
    const verifier = new PasswordVerifier({
      ...defaultLimits,
      verificationsAtOnce: 1,
      verificationsWaiting: 0,
    });
    const stored = await hashPassword('s3cret');
    expect(await Promise.all(Array.from({ length: 50 }, () => verifier.verify(claim, stored)))).not.toContain(
      false,
    );
  });

  test('verificationsWaiting, verificationsAtOnce: lets only so many wait', async () => {
    const verifier = new PasswordVerifier({
      ...defaultLimits,
      verificationsAtOnce: 1,
      verificationsWaiting: 2,
    });
    const attempts = ['a', 'b', 'c', 'd'].map((password) => verifier.verify({ ...claim, password }, null));
    const results = await Promise.allSettled(attempts);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    await expect(attempts[3]).rejects.toBeInstanceOf(VerifierBusy);
    expect(await verifier.verify(claim, null)).toBe(false);
  });

  test('a flood of users does not keep a device out', async () => {
    const verifier = new PasswordVerifier({
      ...defaultLimits,
      verificationsAtOnce: 1,
      verificationsWaiting: 5,
    });
    const done: string[] = [];
    const ask = async (kind: 'user' | 'device', password: string) => {
      await verifier.verify({ kind, name: 'a', password }, null).catch(() => done.push('busy'));
      done.push(kind);
    };
    const users = Array.from({ length: 7 }, (_, n) => ask('user', String(n)));
    await Promise.all([...users, ask('device', 'x')]);
    expect(done.slice(0, 2)).toEqual(['busy', 'user']);
    expect(done.indexOf('device')).toBeLessThanOrEqual(4);
  });

  test('verifiedCredentials: remembers only so many', async () => {
    const verifier = new PasswordVerifier({
      ...defaultLimits,
      verifiedCredentials: 1,
      verificationsAtOnce: 1,
      verificationsWaiting: 0,
    });
    const stored = await hashPassword('s3cret');
    expect(await verifier.verify(claim, stored)).toBe(true);
    expect(await verifier.verify({ ...claim, name: 'bob' }, stored)).toBe(true);
    // Alice is forgotten: with the only place taken, her turn is refused instead of answered from memory.
    const running = verifier.verify({ ...claim, name: 'carol' }, null);
    await expect(verifier.verify(claim, stored)).rejects.toBeInstanceOf(VerifierBusy);
    expect(await verifier.verify({ ...claim, name: 'bob' }, stored)).toBe(true);
    await running;
  });
});
