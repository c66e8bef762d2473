import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackOff, type FailureKind } from './back-off.ts';

const settings = { minMs: 1000, maxMs: 300_000, refusedMaxMs: 3_600_000 };
const almostOne = 1 - 2 ** -32;

/** The waits after failures of these kinds, with the same random number each time. */
function waits(random: number, ...kinds: FailureKind[]): number[] {
  const backOff = new BackOff();
  return kinds.map((kind) => Math.round(backOff.next(kind, settings, random)));
}

const faults = (count: number) => Array.from({ length: count }, (): FailureKind => 'fault');
const refusals = (count: number) => Array.from({ length: count }, (): FailureKind => 'refusal');

describe('BackOff', () => {
  it('doubles the ceiling of faults from min to max, and may wait nothing at all', () => {
    expect(waits(almostOne, ...faults(11))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000,
    ]);
    expect(waits(0, ...faults(3))).toEqual([0, 0, 0]);
    expect(waits(0.5, ...faults(3))).toEqual([500, 1000, 2000]);
  });

  it('is slower after a refusal, which is never asked again at once', () => {
    expect(waits(almostOne, ...refusals(9))).toEqual([
      37_500, 75_000, 150_000, 300_000, 600_000, 1_200_000, 2_400_000, 3_600_000, 3_600_000,
    ]);
    expect(waits(0, ...refusals(4))).toEqual([18_750, 37_500, 75_000, 150_000]);
  });

  it('counts faults and refusals apart', () => {
    expect(waits(almostOne, 'fault', 'refusal', 'fault', 'refusal')).toEqual([1000, 37_500, 2000, 75_000]);
  });

  it('keeps its bounds after any number of failures', () => {
    const some = fc.record({ minMs: fc.integer({ min: 1, max: 10_000 }), more: fc.nat(100_000) });
    const kinds = fc.array(fc.constantFrom<FailureKind>('fault', 'refusal'), { maxLength: 60 });
    const uniform = fc.double({ min: 0, max: almostOne, noNaN: true });
    fc.assert(
      fc.property(some, kinds, uniform, ({ minMs, more }, failures, random) => {
        const backOff = new BackOff();
        const maxMs = minMs + more;
        for (const kind of failures) {
          const wait = backOff.next(kind, { minMs, maxMs, refusedMaxMs: 2 * maxMs }, random);
          expect(wait).toBeGreaterThanOrEqual(kind === 'fault' ? 0 : minMs / 2);
          expect(wait).toBeLessThanOrEqual(kind === 'fault' ? maxMs : 2 * maxMs);
        }
      }),
    );
  });

  it('spreads a fleet evenly over the wait', () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let device = 0; device < 1000; device++) {
      const wait = new BackOff().next('fault', settings, device / 1000);
      const tenth = Math.floor(wait / 100);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(tenths).toEqual(Array.from({ length: 10 }, () => 100));
  });

  it.each([
    [59_999, 8000],
    [60_000, 1000],
  ])('after a link of %i ms goes on with a ceiling of %i ms', (liveMs, ceiling) => {
    const backOff = new BackOff();
    for (let i = 0; i < 3; i++) backOff.next('fault', settings, 0.5);
    backOff.linkEnded(liveMs, 'fault', settings);
    expect(Math.round(backOff.next('fault', settings, almostOne))).toBe(ceiling);
  });

  it('takes a link for lasting after maxMs, where that is less than a minute', () => {
    const backOff = new BackOff();
    const quick = { minMs: 1000, maxMs: 5000, refusedMaxMs: 5000 };
    for (let i = 0; i < 5; i++) backOff.next('fault', quick, 0.5);
    backOff.linkEnded(5000, 'fault', quick);
    expect(Math.round(backOff.next('fault', quick, almostOne))).toBe(1000);
  });

  it('takes a link for lasting after five seconds, where the reflector has led it away', () => {
    for (const [liveMs, ceiling] of [
      [4999, 8000],
      [5000, 1000],
    ] as const) {
      const backOff = new BackOff();
      for (let i = 0; i < 3; i++) backOff.next('fault', settings, 0.5);
      backOff.linkEnded(liveMs, 'fault', settings, true);
      expect(Math.round(backOff.next('fault', settings, almostOne))).toBe(ceiling);
    }
  });

  it('does not take a link for lasting that another agent has replaced', () => {
    const backOff = new BackOff();
    for (let i = 0; i < 3; i++) backOff.next('refusal', settings, 0.5);
    backOff.linkEnded(3_600_000, 'refusal', settings);
    expect(Math.round(backOff.next('refusal', settings, almostOne))).toBe(300_000);
  });

  it('starts anew when it is reset', () => {
    const backOff = new BackOff();
    for (let i = 0; i < 5; i++) backOff.next('refusal', settings, 0.5);
    backOff.reset();
    expect(Math.round(backOff.next('refusal', settings, almostOne))).toBe(37_500);
  });

  it.each([
    [0, 120_000, 120_000],
    [0.5, 120_000, 180_000],
    [0.5, 1_000_000_000, 5_400_000],
    [0.5, 0, 500],
  ])('with random number %d waits, when asked to for %i ms, %i', (random, retryAfterMs, wait) => {
    expect(new BackOff().next('fault', settings, random, retryAfterMs)).toBe(wait);
  });
});
