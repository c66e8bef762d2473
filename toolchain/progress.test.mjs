import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { announce } from './progress.mjs';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** @param {boolean} isTTY @param {number} [columns] */
function written(isTTY, columns) {
  let text = '';
  const output = {
    isTTY,
    columns,
    /** @param {string} more */
    write(more) {
      text += more;
    },
  };
  const done = announce('Installing', output);
  const begun = text;
  vi.advanceTimersByTime(2500);
  done();
  vi.advanceTimersByTime(5000);
  return { begun, text };
}

it('says at once what begins, and on a terminal how long it has taken so far', () => {
  const { begun, text } = written(true);
  expect(begun).toBe('Installing …');
  expect(text).toBe('Installing …\rInstalling … 1 s\rInstalling … 2 s\n');
});

it('never writes beyond the line of the terminal', () => {
  const { text } = written(true, 16);
  expect(text).toBe('Installing …\n');
});

it('writes one line to a log', () => {
  const { begun, text } = written(false);
  expect(begun).toBe('Installing …\n');
  expect(text).toBe(begun);
});
