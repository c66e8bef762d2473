import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { difference, pattern } from '../../protocol/src/testing/bytes.ts';
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

describe('crypto.mask', () => {
  const place = fc.record({
    length: fc.oneof(fc.nat(80), fc.nat(1000)),
    start: fc.nat(9),
    at: fc.nat(9),
    offset: fc.nat(7),
    targetOffset: fc.nat(7),
    phase: fc.nat(9),
    key: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  });

  it('is an XOR with the key, for any places and phase, and touches nothing else', () => {
    fc.assert(
      fc.property(place, ({ length, start, at, offset, targetOffset, phase, key }) => {
        const source = new Uint8Array(pattern(offset + start + length + 5).buffer, offset);
        const before = source.slice();
        const target = new Uint8Array(new ArrayBuffer(targetOffset + at + length + 5), targetOffset).fill(
          0xee,
        );
        const expected = target.slice();
        for (let i = 0; i < length; i++)
          expected[at + i] = (source[start + i] ?? 0) ^ (key[(i + phase) & 3] ?? 0);
        crypto.mask(source, start, start + length, target, at, key, phase);
        expect(difference(target, expected)).toBeNull();
        expect(difference(source, before)).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  it('works in place', () => {
    fc.assert(
      fc.property(place, ({ length, start, offset, phase, key }) => {
        const bytes = new Uint8Array(pattern(offset + start + length + 5).buffer, offset);
        const before = bytes.slice();
        crypto.mask(bytes, start, start + length, bytes, start, key, phase);
        crypto.mask(bytes, start, start + length, bytes, start, key, phase);
        expect(difference(bytes, before)).toBeNull();
      }),
    );
  });
});
