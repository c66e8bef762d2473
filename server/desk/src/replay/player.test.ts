import { beforeEach, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import type { Cast } from './cast.ts';
import { Player } from './player.ts';

const cast: Cast = {
  columns: 80,
  rows: 24,
  started: 0,
  events: [
    { at: 0, kind: 'output', text: 'a' },
    { at: 1_000, kind: 'output', text: 'b' },
    { at: 1_000, kind: 'size', columns: 100, rows: 30 },
    { at: 2_000, kind: 'output', text: 'c' },
  ],
  ms: 2_000,
  isWhole: true,
};

/** Does what it is told when the test lets it: `done`. */
let hold: boolean;
let done: (() => void) | null;
const step = (what: string) => {
  seen.push(what);
  if (!hold) return Promise.resolve();
  return new Promise<void>((resolve) => {
    done = resolve;
  });
};
/** Until nothing is done any more of what can be. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

let seen: string[];
let now: number;
let waiting: (() => void) | null;
let player: Player;
const opened = (of: Cast) =>
  new Player(
    of,
    {
      reset: (columns, rows) => step(`reset ${columns}x${rows}`),
      show: step,
      resize: (columns, rows) => step(`${columns}x${rows}`),
    },
    {
      now: () => now,
      next: (call) => {
        waiting = call;
        return () => {
          waiting = null;
        };
      },
    },
  );
beforeEach(async () => {
  hold = false;
  done = null;
  seen = [];
  now = 0;
  waiting = null;
  player = opened(cast);
  await settled();
});
const pass = async (ms: number) => {
  now += ms;
  waiting?.();
  await settled();
};
const goTo = async (ms: number) => {
  player.seek(ms);
  await settled();
};

test('plays in its time, faster, and stops at its end; then from the start again', async () => {
  player.play();
  await pass(500);
  expect([seen, player.at.value]).toEqual([['reset 80x24', 'a'], 500]);
  player.speed.value = 2;
  await pass(500);
  expect([seen.slice(2), player.at.value]).toEqual([['b', '100x30'], 1_500]);
  await pass(250);
  expect([seen.at(-1), player.at.value, player.isPlaying.value]).toEqual(['c', 2_000, false]);
  player.play();
  await settled();
  expect([seen.slice(-2), player.isPlaying.value]).toEqual([['reset 80x24', 'a'], true]);
});

test('while it is paused, no time passes', async () => {
  player.play();
  await pass(100);
  player.pause();
  await pass(5_000);
  player.play();
  await pass(100);
  expect(player.at.value).toBe(200);
});

test('goes to any point: forward from here, back from the start', async () => {
  await goTo(1_500);
  expect(seen).toEqual(['reset 80x24', 'a', 'b', '100x30']);
  await goTo(500);
  expect(seen.slice(4)).toEqual(['reset 80x24', 'a']);
  await goTo(99_999);
  expect([player.at.value, seen.at(-1)]).toEqual([2_000, 'c']);
});

test('while the screen is busy, only the last of the points that were asked for counts, and no time passes', async () => {
  await goTo(2_000);
  expect(seen.splice(0)).toEqual(['reset 80x24', 'a', 'b', '100x30', 'c']);
  hold = true;
  await goTo(1_500);
  for (const ms of [1_400, 500, 1_200, 600]) await goTo(ms);
  expect([seen, player.at.value]).toEqual([['reset 80x24'], 600]);
  player.play();
  await pass(5_000);
  expect(player.at.value).toBe(600);
  hold = false;
  done?.();
  await settled();
  expect(seen).toEqual(['reset 80x24', 'a']);
  await pass(100);
  expect(player.at.value).toBe(700);
});

test('replayPieceCharacters: no more waits for the screen, and what nobody wants to see any more is not shown', async () => {
  const text = 'x'.repeat(limits.replayPieceCharacters / 2);
  const events = [1_000, 1_001, 1_002, 1_003].map((at) => ({ at, kind: 'output' as const, text }));
  player = opened({ ...cast, events });
  await settled();
  hold = true;
  seen = [];
  await goTo(2_000);
  expect(seen).toEqual([text + text]);
  await goTo(0);
  hold = false;
  done?.();
  await settled();
  expect(seen.slice(1)).toEqual(['reset 80x24']);
});
