import { describe, expect, it } from 'vitest';
import { NetworkChangeLimiter } from './network-change-limiter.ts';

describe('NetworkChangeLimiter', () => {
  it('lets a change settle, and acts once on all that has changed meanwhile', () => {
    const limiter = new NetworkChangeLimiter();
    expect(limiter.dueAt).toBe(null);
    limiter.changed(1000, 0);
    limiter.changed(1400, 0);
    expect(limiter.dueAt).toBe(1500);
    expect(limiter.take(1499)).toBe(false);
    expect(limiter.take(1500)).toBe(true);
    expect(limiter.take(1500)).toBe(false);
    expect(limiter.dueAt).toBe(null);
  });

  it('spreads those who have seen the same', () => {
    const limiter = new NetworkChangeLimiter();
    limiter.changed(1000, 0.5);
    expect(limiter.dueAt).toBe(2000);
  });

  /** When it acts on a network that changes at these times. */
  function acts(changes: readonly number[]): number[] {
    const limiter = new NetworkChangeLimiter();
    const found: number[] = [];
    const advance = (now: number) => {
      while (limiter.dueAt !== null && limiter.dueAt <= now) {
        found.push(limiter.dueAt);
        expect(limiter.take(limiter.dueAt)).toBe(true);
      }
    };
    for (const change of changes) {
      advance(change);
      limiter.changed(change, 0);
    }
    advance(Number.POSITIVE_INFINITY);
    return found;
  }

  it('is quick at each of the first few changes, and at the next after a quiet time', () => {
    const first = [0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000];
    const settled = first.map((time) => time + 500);
    expect(acts(first)).toEqual(settled);
    expect(acts([...first, 16_000])).toEqual([...settled, 30_500]);
    expect(acts([...first, 600_000])).toEqual([...settled, 600_500]);
  });

  it('acts at most eight times at once and twice a minute on a network that never rests, and does not miss the end', () => {
    const found = acts(Array.from({ length: 36_000 }, (_, i) => i * 100));
    expect(found.length).toBeLessThanOrEqual(8 + 3600 / 30);
    expect(found.length).toBeGreaterThan(100);
    expect(found.at(-1)).toBeGreaterThan(3_599_900);
  });

  it('forgets what is of no interest', () => {
    const limiter = new NetworkChangeLimiter();
    limiter.changed(0, 0);
    limiter.forget();
    expect(limiter.take(10_000)).toBe(false);
  });
});
