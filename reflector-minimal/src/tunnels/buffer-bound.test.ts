import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { BufferBound } from './buffer-bound.ts';
import { type BufferingChannel, HeldBytes } from './held-bytes.ts';

class Reader implements BufferingChannel {
  held = 0;
  failed: number | null = null;
  readonly user: string;
  readonly #bound: BufferBound;

  constructor(bound: BufferBound, user = 'alice') {
    this.#bound = bound;
    this.user = user;
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

/** `channelHeldBytes`: `null` with windows. */
function setUp(
  channelHeldBytes: number | null,
  all = new HeldBytes(1_000_000),
): { bound: BufferBound; clock: ManualClock; log: string[] } {
  const clock = new ManualClock();
  const log: string[] = [];
  const bound = new BufferBound({
    windows: channelHeldBytes === null,
    limits: {
      ...defaultLimits,
      channelHeldBytes: channelHeldBytes ?? defaultLimits.channelHeldBytes,
      tunnelHeldBytes: 1000,
      stallMs: 100,
    },
    clock,
    all,
    pause: () => log.push('pause'),
    resume: () => log.push('resume'),
  });
  return { bound, clock, log };
}

describe('what a tunnel holds for slow readers', () => {
  test('channelHeldBytes: over the bound of a channel it is paused, and resumes as soon as the reader has taken some', () => {
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
    const { bound, clock, log } = setUp(10_000);
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

  test('tunnelHeldBytes: with windows it is not paused: the user who holds most pays at once', () => {
    const { bound, clock, log } = setUp(null);
    const other = new Reader(bound, 'bob');
    other.hold(450);
    const readers = [200, 250, 50].map((bytes) => {
      const reader = new Reader(bound);
      reader.hold(bytes);
      return reader;
    });
    expect(bound.total).toBe(950);
    readers[2]?.hold(101);
    expect([other, ...readers].map(({ failed }) => failed)).toEqual([null, null, 4, null]);
    expect([log, clock.pending, bound.total]).toEqual([[], 0, 751]);
  });

  test('of those that hold as much, the one whose reader has taken nothing for longest goes', () => {
    const { bound } = setUp(null);
    const [slow, stalled, last] = [new Reader(bound), new Reader(bound), new Reader(bound)];
    for (const reader of [slow, stalled]) reader.hold(400);
    slow.hold(300);
    slow.hold(400);
    last.hold(201);
    expect([slow.failed, stalled.failed, last.failed]).toEqual([null, 4, null]);
  });

  test.each([
    ['with windows', null],
    ['without', 900],
  ])('heldBytes: over the bound of all tunnels, the user who holds most pays, %s', (_, channelHeldBytes) => {
    const all = new HeldBytes(1_000);
    const [first, second, third] = [1, 2, 3].map(() => setUp(channelHeldBytes, all));
    if (!first || !second || !third) throw new Error('three');
    const stalled = [new Reader(first.bound, 'mallory'), new Reader(second.bound, 'mallory')];
    const good = new Reader(third.bound);
    for (const reader of stalled) reader.hold(300);
    good.hold(400);
    expect(all.bytes).toBe(1_000);
    good.hold(410);
    expect([...stalled, good].map(({ failed }) => failed)).toEqual([4, null, null]);
    expect([all.bytes, first.bound.total]).toEqual([710, 0]);
    for (const reader of [...stalled, good]) reader.hold(0);
    expect(all.bytes).toBe(0);
  });

  test('stop leaves no timer', () => {
    const { bound, clock } = setUp(300);
    new Reader(bound).hold(301);
    bound.stop();
    expect(clock.pending).toBe(0);
  });
});
