import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Draining } from './draining.ts';

let clock: ManualClock;
let draining: Draining;
let tunnels: Map<string, FakeTunnel>;
/** When each tunnel was closed, and with what. */
let closed: { id: string; at: number; code: number }[];

class FakeTunnel {
  readonly id: string;
  channels: number;
  readonly tunnel = this;

  constructor(id: string, channels: number) {
    this.id = id;
    this.channels = channels;
    tunnels.set(id, this);
  }

  close(code: number): void {
    tunnels.delete(this.id);
    closed.push({ id: this.id, at: clock.now(), code });
  }
}

beforeEach(() => {
  clock = new ManualClock();
  draining = new Draining({ drainNoticeMs: 5_000 }, clock);
  tunnels = new Map();
  closed = [];
});

const open = (count: number, channels = 0) => {
  const size = tunnels.size;
  for (let each = 0; each < count; each++) new FakeTunnel(`device-${size + each}`, channels);
};

test('drainNoticeMs: no tunnel is closed before it; then they are closed evenly, the last one when the window ends', async () => {
  open(100);
  const gone = draining.start(tunnels, 25_000);
  expect([draining.active, draining.askedSeconds]).toEqual([true, 5]);
  clock.advance(25_000);
  expect(closed.map(({ at }) => at)).toEqual(Array.from({ length: 100 }, (_, each) => 5_200 + each * 200));
  expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([1001]));
  await gone;
  expect(clock.pending).toBe(0);
});

test('the notice is a quarter of a short window at most', () => {
  open(4);
  void draining.start(tunnels, 4_000);
  clock.advance(4_000);
  expect(closed.map(({ at }) => at)).toEqual([1_750, 2_500, 3_250, 4_000]);
});

test('a window of nothing closes all tunnels at once', async () => {
  open(3, 2);
  await draining.start(tunnels, 0);
  expect(closed.map(({ at }) => at)).toEqual([0, 0, 0]);
  expect(clock.pending).toBe(0);
});

test('more tunnels than looks: several at each look', () => {
  open(10_000);
  void draining.start(tunnels, 10_000);
  clock.advance(10_000);
  const looks = new Map<number, number>();
  for (const { at } of closed) looks.set(at, (looks.get(at) ?? 0) + 1);
  expect(looks.size).toBe(150);
  expect(Math.max(...looks.values())).toBeLessThanOrEqual(67);
});

test('tunnels that carry something are closed last, those with most channels at the very end', () => {
  new FakeTunnel('busiest', 9);
  new FakeTunnel('busy', 1);
  open(8);
  void draining.start(tunnels, 40_000);
  clock.advance(20_000);
  expect([...tunnels.keys()].slice(0, 2)).toEqual(['busiest', 'busy']);
  clock.advance(20_000);
  expect(closed.slice(-2).map(({ id }) => id)).toEqual(['busy', 'busiest']);
});

test('tunnels that end by themselves are not made up for, and once all have gone it is over', async () => {
  open(10);
  const gone = draining.start(tunnels, 105_000);
  for (let each = 0; each < 5; each++) tunnels.delete(`device-${each}`);
  clock.advance(55_000);
  expect(closed).toEqual([]);
  clock.advance(10_000);
  expect(closed).toHaveLength(1);
  tunnels.clear();
  clock.advance(1_000);
  await gone;
  expect([clock.pending, draining.active]).toEqual([0, true]);
});

test('a tunnel that appears when the window is over is closed as well', async () => {
  open(2);
  const last = tunnels.get('device-1') as FakeTunnel;
  // Its end takes a while.
  last.close = () => {};
  const gone = draining.start(tunnels, 1_000);
  clock.advance(1_000);
  open(1);
  tunnels.delete('device-1');
  clock.advance(100);
  expect(tunnels.size).toBe(0);
  await gone;
});

test('where devices are redirected, the first is closed soon, and the last has time to dial again', async () => {
  open(100);
  draining = new Draining({ drainNoticeMs: 5_000 }, clock, true);
  let over = false;
  const gone = draining.start(tunnels, 25_000).then(() => {
    over = true;
  });
  clock.advance(20_000);
  expect(closed.map(({ at }) => at)).toEqual(Array.from({ length: 100 }, (_, each) => 200 + each * 200));
  clock.advance(4_999);
  await Promise.resolve();
  expect([over, clock.pending]).toEqual([false, 1]);
  clock.advance(1);
  await gone;
  expect(clock.pending).toBe(0);
});

test.each([
  ['no tunnel was there', 0, false],
  ['all have gone meanwhile', 3, false],
  ['devices would be redirected', 0, true],
])('load balancers have their notice all the same where %s', async (_name, count, redirects) => {
  open(count);
  draining = new Draining({ drainNoticeMs: 5_000 }, clock, redirects);
  let over = false;
  const gone = draining.start(tunnels, 60_000).then(() => {
    over = true;
  });
  tunnels.clear();
  clock.advance(4_999);
  await Promise.resolve();
  expect(over).toBe(false);
  clock.advance(1);
  await gone;
  expect([clock.pending, draining.active]).toEqual([0, true]);
});

test('the first call counts', async () => {
  open(1);
  const gone = draining.start(tunnels, 1_000);
  expect(draining.start(tunnels, 0)).toBe(gone);
  expect(closed).toEqual([]);
  clock.advance(1_000);
  await gone;
});

test('it is over when the reflector is closed, whatever is left', async () => {
  open(5);
  const gone = draining.start(tunnels, 1_000);
  draining.stop();
  await gone;
  expect([clock.pending, closed]).toEqual([0, []]);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a window of %d ms is an error', (windowMs) => {
  open(1);
  expect(() => draining.start(tunnels, windowMs)).toThrow(RangeError);
  expect(draining.active).toBe(false);
});
