import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pattern, patternSha256 } from './pattern.ts';

describe('pattern', () => {
  it('is the same from whatever byte it starts', () => {
    const whole = Buffer.concat([...pattern(0, 200_000)]);
    expect(whole.length).toBe(200_000);
    const offset = fc.integer({ min: 0, max: 200_000 });
    fc.assert(
      fc.property(offset, offset, (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        expect(Buffer.concat([...pattern(start, end)]).equals(whole.subarray(start, end))).toBe(true);
      }),
    );
  });

  it('has blocks that differ and do not compress', () => {
    const [first = Buffer.of(), second = Buffer.of()] = pattern(0, 131_072);
    expect(first.equals(second)).toBe(false);
    expect(gzipSync(first).length).toBeGreaterThan(65_000);
  });

  it('goes on beyond 4 GiB', () => {
    const start = 5 * 2 ** 30;
    const [piece = Buffer.of()] = pattern(start, start + 8);
    expect(piece.readBigUInt64BE()).toBe(81_920n);
  });

  it('is the one that was published', async () => {
    expect(await patternSha256(1_048_576)).toBe(
      'a25d7c5a2d6a6bb04c904286b62940ca28a749f96209fd99b1fe9caf6a0dbc71',
    );
  });

  it.each([0, 1, 65_535, 65_536, 3_000_001])('has the digest of its %i bytes', async (bytes) => {
    const hash = createHash('sha256').update(Buffer.concat([...pattern(0, bytes)]));
    expect(await patternSha256(bytes)).toBe(hash.digest('hex'));
  });

  it('works a digest out once', () => {
    expect(patternSha256(70_000)).toBe(patternSha256(70_000));
  });
});
