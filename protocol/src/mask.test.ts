import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskWords } from './mask.ts';
import { difference, pattern } from './testing/bytes.ts';

describe('masking', () => {
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
        maskWords(source, start, start + length, target, at, key, phase);
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
        maskWords(bytes, start, start + length, bytes, start, key, phase);
        maskWords(bytes, start, start + length, bytes, start, key, phase);
        expect(difference(bytes, before)).toBeNull();
      }),
    );
  });
});
