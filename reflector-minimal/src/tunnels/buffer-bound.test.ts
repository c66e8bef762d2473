import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { ByteBudget } from '../streams/byte-budget.ts';
import { BufferBound, type BufferingChannel } from './buffer-bound.ts';

class Reader implements BufferingChannel {
  held = 0;
  failed: number | null = null;
  readonly #bound: BufferBound;

  constructor(bound: BufferBound) {
    this.#bound = bound;
  }

  hold(bytes: number): void {
    const difference = bytes - this.held;
    this.held = bytes;
    this.#bound.changed(this, difference);
  }

  fail(error: number): void {
    this.failed = error;
    this.hold(0);
  }
}

function setUp(
  channelBytes: number,
  all = new ByteBudget(1_000_000),
): { bound: BufferBound; clock: ManualClock; log: string[] } {
  const clock = new ManualClock();
  const log: string[] = [];
  const bound = new BufferBound(channelBytes, {
    limits: { ...defaultLimits, tunnelHeldBytes: 1000, stallMs: 100 },
    clock,
    all,
    pause: () => log.push('pause'),
    resume: () => log.push('resume'),
  });
  return { bound, clock, log };
}

describe('what a tunnel holds for slow readers', () => {
  test('over the bound of a channel it is paused, and resumes as soon as the reader has taken some', () => {
    const { bound, clock, log } = setUp(300);
    const reader = new Reader(bound);
    reader.hold(300);
    expect(log).toEqual([]);
    reader.hold(301);
    clock.advance(99);
    reader.hold(300);
    expect(log).toEqual(['pause', 'resume']);
    clock.advance(1000);
    expect(reader.failed).toBeNull();
    expect(clock.pending).toBe(0);
  });

  test('a reader that stalls loses its channel with error 4, and only that one', () => {
    const { bound, clock, log } = setUp(300);
    const [good, stalled] = [new Reader(bound), new Reader(bound)];
    good.hold(200);
    stalled.hold(400);
    clock.advance(100);
    expect([good.failed, stalled.failed]).toEqual([null, 4]);
    expect(log[0]).toBe('pause');
    expect(log.at(-1)).toBe('resume');
    expect(clock.pending).toBe(0);
  });

  test('tunnelHeldBytes: over the bound of the tunnel the one that holds most goes, one after the other', () => {
    const { bound, clock, log } = setUp(Number.POSITIVE_INFINITY);
    const readers = [400, 900, 700].map((bytes) => {
      const reader = new Reader(bound);
      reader.hold(bytes);
      return reader;
    });
    clock.advance(100);
    expect(readers.map(({ failed }) => failed)).toEqual([null, 4, null]);
    expect(log.at(-1)).toBe('pause');
    clock.advance(100);
    expect(readers.map(({ failed }) => failed)).toEqual([null, 4, 4]);
    expect(bound.total).toBe(400);
    expect(log.at(-1)).toBe('resume');
  });

  test('heldBytes: over the bound of all tunnels, the one that adds to it loses the channel that holds most', () => {
    const all = new ByteBudget(1_000);
    const [first, second] = [setUp(900, all), setUp(900, all)];
    const [old, small, large] = [new Reader(first.bound), new Reader(second.bound), new Reader(second.bound)];
    old.hold(800);
    small.hold(50);
    large.hold(150);
    expect(all.bytes).toBe(1_000);
    small.hold(60);
    expect([old.failed, small.failed, large.failed]).toEqual([null, null, 4]);
    expect(all.bytes).toBe(860);
    for (const reader of [old, small]) reader.hold(0);
    expect(all.bytes).toBe(0);
  });

  test('stop leaves no timer', () => {
    const { bound, clock } = setUp(300);
    new Reader(bound).hold(301);
    bound.stop();
    expect(clock.pending).toBe(0);
  });
});
