import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { limits } from '../limits.ts';
import { LinkWatch } from './link-watch.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const said: string[] = [];
  let look = () => {};
  const watch = new LinkWatch({
    ask: () => said.push('ask'),
    lost: () => said.push('lost'),
    returns: (given) => {
      look = given;
      return () => said.push('left');
    },
  });
  return { watch, said, look: () => look() };
}

test('quietMs, answerMs: a server that is silent is asked, and lost within a minute', () => {
  const { watch, said } = setUp();
  vi.advanceTimersByTime(limits.quietMs - 1);
  watch.seen();
  vi.advanceTimersByTime(limits.quietMs - 1);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(said).toEqual(['ask']);
  vi.advanceTimersByTime(limits.answerMs - 1);
  expect(said).toEqual(['ask']);
  vi.advanceTimersByTime(1);
  expect(said).toEqual(['ask', 'left', 'lost']);
  expect(limits.quietMs + limits.answerMs).toBeLessThanOrEqual(60_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('one that answers is asked again after the next silence, and never lost', () => {
  const { watch, said } = setUp();
  for (let asked = 1; asked <= 100; asked++) {
    vi.advanceTimersByTime(limits.quietMs);
    expect(said).toHaveLength(asked);
    watch.seen();
  }
  expect(new Set(said)).toEqual(new Set(['ask']));
  watch.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('a server that sends is asked nothing', () => {
  const { watch, said } = setUp();
  for (let i = 0; i < 1_000; i++) {
    vi.advanceTimersByTime(1_000);
    watch.seen();
  }
  expect(said).toEqual([]);
  watch.stop();
});

test('returnedMs: on another network, or when the page is looked at again, it is asked at once', () => {
  const { watch, said, look } = setUp();
  look();
  look();
  expect(said).toEqual(['ask']);
  watch.seen();
  vi.advanceTimersByTime(limits.quietMs);
  expect(said).toEqual(['ask', 'ask']);
  // It was asked before, with more time.
  look();
  vi.advanceTimersByTime(limits.returnedMs);
  expect(said).toEqual(['ask', 'ask', 'ask', 'left', 'lost']);
});

test('returnedMs: a machine that has slept reads first what has come', () => {
  const { watch, said } = setUp();
  vi.advanceTimersByTime(limits.quietMs);
  vi.setSystemTime(Date.now() + 8 * 3_600_000);
  vi.advanceTimersByTime(limits.answerMs);
  expect(said).toEqual(['ask', 'ask']);
  watch.seen();
  vi.advanceTimersByTime(limits.returnedMs);
  expect(said).toEqual(['ask', 'ask']);
  watch.stop();
});
