import { beforeEach, expect, test } from 'vitest';
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

let seen: string[];
let now: number;
let waiting: (() => void) | null;
let player: Player;
beforeEach(() => {
  seen = [];
  now = 0;
  waiting = null;
  player = new Player(
    cast,
    {
      reset: (columns, rows) => seen.push(`reset ${columns}x${rows}`),
      show: (text) => seen.push(text),
      resize: (columns, rows) => seen.push(`${columns}x${rows}`),
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
});
const pass = (ms: number) => {
  now += ms;
  waiting?.();
};

test('plays in its time, faster, and stops at its end; then from the start again', () => {
  player.play();
  pass(500);
  expect([seen, player.at.value]).toEqual([['reset 80x24', 'a'], 500]);
  player.speed.value = 2;
  pass(500);
  expect([seen.slice(2), player.at.value]).toEqual([['b', '100x30'], 1_500]);
  pass(250);
  expect([seen.at(-1), player.at.value, player.isPlaying.value]).toEqual(['c', 2_000, false]);
  player.play();
  expect([seen.slice(-2), player.isPlaying.value]).toEqual([['reset 80x24', 'a'], true]);
});

test('while it is paused, no time passes', () => {
  player.play();
  pass(100);
  player.pause();
  pass(5_000);
  player.play();
  pass(100);
  expect(player.at.value).toBe(200);
});

test('goes to any point: forward from here, back from the start', () => {
  player.seek(1_500);
  expect(seen).toEqual(['reset 80x24', 'ab', '100x30']);
  player.seek(500);
  expect(seen.slice(3)).toEqual(['reset 80x24', 'a']);
  player.seek(99_999);
  expect([player.at.value, seen.at(-1)]).toEqual([2_000, 'c']);
});
