import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdaptiveKeepAlive } from './adaptive-keep-alive.ts';

const AGREED = 300_000;
const WEEK = 7 * 86_400_000;

/** The intervals of links that are cut at these idle times, one after the other. */
function intervals(...ages: (number | 'unclear')[]): number[] {
  const keepAlive = new AdaptiveKeepAlive();
  const found = [keepAlive.begin(AGREED, 0)];
  for (const age of ages) {
    if (age === 'unclear') keepAlive.inconclusive();
    else keepAlive.linkLost(age);
    found.push(keepAlive.begin(AGREED, 0));
  }
  return found;
}

describe('the keep-alive interval', () => {
  it('is halved after two links in a row that did not survive it', () => {
    expect(intervals(300_000, 300_000)).toEqual([300_000, 300_000, 150_000]);
    expect(intervals(300_000, 300_000, 150_000, 150_000, 75_000, 75_000, 37_500, 37_500)).toEqual([
      300_000, 300_000, 150_000, 150_000, 75_000, 75_000, 37_500, 37_500, 18_750,
    ]);
  });

  it('is halved until it is shorter than what the links have survived', () => {
    expect(intervals(60_000, 60_000)).toEqual([300_000, 300_000, 37_500]);
    expect(intervals(120_000, 121_500)).toEqual([300_000, 300_000, 75_000]);
  });

  it('does not get below 15 s', () => {
    expect(intervals(15_000, 15_000, 15_000, 15_000)).toEqual([300_000, 300_000, 15_000, 15_000, 15_000]);
    const short = new AdaptiveKeepAlive();
    for (let i = 0; i < 3; i++) {
      expect(short.begin(10_000, 0)).toBe(10_000);
      short.linkLost(10_000);
    }
  });

  it.each([
    ['once', [300_000]],
    ['at different times', [60_000, 70_000]],
    ['while they were busy', [14_000, 14_000]],
    ['not in a row', [300_000, 'unclear', 300_000]],
    ['not in a row, one of them being busy', [300_000, 1000, 300_000]],
  ] as const)('stays when links are cut %s', (_name, ages) => {
    expect(intervals(...ages).at(-1)).toBe(AGREED);
  });

  it('is never longer than what was agreed', () => {
    const ages = fc.array(fc.oneof(fc.integer({ min: 0, max: AGREED }), fc.constant('unclear' as const)));
    fc.assert(
      fc.property(ages, (list) => {
        for (const interval of intervals(...list)) {
          expect(interval).toBeLessThanOrEqual(AGREED);
          expect(interval).toBeGreaterThanOrEqual(15_000);
        }
      }),
    );
  });

  it('is tried twice as long a week after it was learned, and not before', () => {
    const keepAlive = new AdaptiveKeepAlive();
    keepAlive.begin(AGREED, 0);
    keepAlive.linkLost(60_000);
    keepAlive.begin(AGREED, 0);
    keepAlive.linkLost(60_000);
    expect(keepAlive.begin(AGREED, 1000)).toBe(37_500);
    expect(keepAlive.begin(AGREED, 1000 + WEEK - 1)).toBe(37_500);
    expect(keepAlive.begin(AGREED, 1000 + WEEK)).toBe(75_000);
    expect(keepAlive.begin(AGREED, 1000 + WEEK)).toBe(75_000);
    expect(keepAlive.begin(AGREED, 1000 + 4 * WEEK)).toBe(150_000);
    expect(keepAlive.begin(AGREED, 1000 + 8 * WEEK)).toBe(AGREED);
  });
});
