import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Liveness } from './liveness.ts';

const KEEP_ALIVE = 100;
const ANSWER = 30;

describe('Liveness', () => {
  it.each([
    ['nothing is asked before the keep-alive time is over', [], 99, { action: 'none', inMs: 1 }],
    ['then a PING', [], 100, { action: 'ping', inMs: 30 }],
    ['a byte puts the PING off', [60], 100, { action: 'none', inMs: 60 }],
    ['a byte at the very end too', [100], 100, { action: 'none', inMs: 100 }],
    ['a late check asks at once', [], 5000, { action: 'ping', inMs: 30 }],
  ] as const)('%s', (_name, signs, at, expected) => {
    const liveness = new Liveness(KEEP_ALIVE, ANSWER, 0);
    for (const sign of signs) liveness.sign(sign);
    expect(liveness.check(at)).toEqual(expected);
  });

  it.each([
    ['no answer', [], 130, { action: 'dead', inMs: 0 }],
    ['no answer yet', [], 129, { action: 'none', inMs: 1 }],
    ['an answer in the same millisecond', [100], 130, { action: 'none', inMs: 70 }],
    ['an answer at the last moment', [129], 130, { action: 'none', inMs: 99 }],
  ] as const)('after a PING at 100: %s', (_name, signs, at, expected) => {
    const liveness = new Liveness(KEEP_ALIVE, ANSWER, 0);
    expect(liveness.check(100).action).toBe('ping');
    for (const sign of signs) liveness.sign(sign);
    expect(liveness.check(at)).toEqual(expected);
  });

  /** Calls `check` when it asks to be called; returns when it said dead, and the PINGs before. */
  function watch(signs: readonly number[], until: number): { dead: number | null; pings: number[] } {
    const liveness = new Liveness(KEEP_ALIVE, ANSWER, 0);
    const pings: number[] = [];
    let next = 0;
    let sign = 0;
    for (let now = 0; now <= until; now++) {
      for (; signs[sign] === now; sign++) liveness.sign(now);
      if (now < next) continue;
      const { action, inMs } = liveness.check(now);
      if (action === 'dead') return { dead: now, pings };
      if (action === 'ping') pings.push(now);
      expect(inMs).toBeGreaterThan(0);
      next = now + inMs;
    }
    return { dead: null, pings };
  }

  it('finds a link dead just when it was silent for both times, whatever came before', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 160 }), { maxLength: 20 });
    fc.assert(
      fc.property(gaps, (list) => {
        const signs: number[] = [];
        for (const gap of list) signs.push((signs.at(-1) ?? 0) + gap);
        const times = [0, ...signs];
        const broken = list.findIndex((gap) => gap > KEEP_ALIVE + ANSWER);
        const last = broken < 0 ? (times.at(-1) ?? 0) : (times[broken] ?? 0);
        const { dead, pings } = watch(signs, 5000);
        expect(dead).toBe(last + KEEP_ALIVE + ANSWER);
        for (const ping of pings) expect(times.some((time) => time === ping - KEEP_ALIVE)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('asks for nothing on a link that is busy', () => {
    const signs = Array.from({ length: 50 }, (_, i) => (i + 1) * 90);
    expect(watch(signs, 4500)).toEqual({ dead: null, pings: [] });
  });
});
