import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sealed } from './sealed.ts';

const sealed = new Sealed(randomBytes(32));
const value = { state: 's', verifier: 'a secret' };

test('opens what it has sealed, for the same purpose', () => {
  const text = sealed.seal(value, 'corp');
  expect(text).toMatch(/^[\w-]+$/);
  expect(text).not.toBe(sealed.seal(value, 'corp'));
  expect(sealed.open(text, 'corp')).toEqual(value);
  expect(sealed.open(text, 'other')).toBeNull();
  expect(new Sealed(randomBytes(32)).open(text, 'corp')).toBeNull();
});

test('opens nothing that was changed', () => {
  const bytes = Buffer.from(sealed.seal(value, 'corp'), 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(sealed.open(changed.toString('base64url'), 'corp')).toBeNull();
    expect(sealed.open(bytes.subarray(0, at).toString('base64url'), 'corp')).toBeNull();
  }
  expect(sealed.open('', 'corp')).toBeNull();
});
