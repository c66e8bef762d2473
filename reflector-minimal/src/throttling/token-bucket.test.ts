import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

const bounds = {
  atOnce: 4,
  perSecondAtStart: 2,
  perSecond: 10,
  rampMs: 8_000,
  askedMs: 30_000,
  shareMs: 8_000,
};

/** How many of `count` that come at one moment get in. */
function admitted(bucket: TokenBucket, count: number, now: number): number {
  return Array.from({ length: count }, () => bucket.admit(now)).filter((asked) => asked === null).length;
}

describe('bucket', () => {
  test('atOnce pass at one moment, however long nobody has come', () => {
    const bucket = new TokenBucket(bounds, 0);
    expect(admitted(bucket, 10, 0)).toBe(4);
    expect(admitted(bucket, 10, 3_600_000)).toBe(4);
  });

  test('go on at a rate that grows after the start, and not beyond perSecond', () => {
    const bucket = new TokenBucket(bounds, 1_000);
    admitted(bucket, 10, 1_000);
    const perSecond = Array.from({ length: 12 }, (_, second) => {
      let count = 0;
      for (let ms = 0; ms < 1000; ms += 10) count += admitted(bucket, 3, 1_000 + second * 1000 + ms);
      return count;
    });
    expect(perSecond[0]).toBeLessThanOrEqual(3);
    expect(perSecond.slice(-3)).toEqual([10, 10, 10]);
    for (const [second, count] of perSecond.entries()) {
      if (second > 0) expect(count).toBeGreaterThanOrEqual((perSecond[second - 1] ?? 0) - 1);
    }
  });

  test('are asked to come one after the other, at most askedMs later', () => {
    const bucket = new TokenBucket(bounds, 0);
    admitted(bucket, 4, 0);
    const asked = Array.from({ length: 100 }, () => bucket.admit(0));
    expect(asked.slice(0, 6)).toEqual([1, 1, 2, 2, 3, 3]);
    expect(asked.at(-1)).toBe(30);
  });

  test('are never more than the bucket and the rate allow, in whatever order they come', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(gaps, (between) => {
        const bucket = new TokenBucket(bounds, 0);
        let now = 0;
        let count = 0;
        for (const gap of between) {
          now += gap;
          const asked = bucket.admit(now);
          if (asked === null) count++;
          else expect(asked).toBeGreaterThanOrEqual(1);
        }
        expect(count).toBeLessThanOrEqual(bounds.atOnce + (now / 1000) * bounds.perSecond + 1e-6);
      }),
    );
  });

  test('arrivalsShareMs: of one network do not push back all others', () => {
    const bucket = new TokenBucket(bounds, 0);
    admitted(bucket, 4, 0);
    const position = { last: 0 };
    const asked = Array.from({ length: 100 }, () => bucket.admit(0, () => position));
    expect(asked.slice(0, 6)).toEqual([1, 1, 2, 2, 3, 3]);
    expect(asked.at(-1)).toBe(30);
    expect(bucket.admit(0)).toBe(Math.ceil(bounds.shareMs / 1000 + 0.5));
  });
});
