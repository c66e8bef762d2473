import { describe, expect, it } from 'vitest';
import { difference } from '../../protocol/src/testing/bytes.ts';
import { crypto } from './crypto.ts';

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('crypto.digest', () => {
  /** RFC 3174, FIPS 180-4 and RFC 1321: the digests of "abc". */
  it.each([
    ['sha-1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha-256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['md5', '900150983cd24fb0d6963f7d28e17f72'],
  ] as const)('%s', (algorithm, digest) => {
    expect(hexOf(crypto.digest(algorithm, Buffer.from('abc')))).toBe(digest);
  });
});

describe('crypto.random', () => {
  it('fills all of the bytes, each time anew', () => {
    const [a, b] = [new Uint8Array(64), new Uint8Array(64)];
    crypto.random(a);
    crypto.random(b);
    expect(difference(a, b)).not.toBeNull();
    expect(new Set(a.subarray(32)).size).toBeGreaterThan(8);
  });
});
