import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { announce } from './progress.mjs';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** @param {boolean} isTTY @param {number} [columns] */
function recorded(isTTY, columns) {
  return {
    isTTY,
    columns,
    text: '',
    /** @param {string} more */
    write(more) {
      // A line that is drawn anew, with `|` for what makes it.
      this.text += more.replace('\r\x1b[K', '|');
    },
  };
}

it('says at once what begins, and on a terminal how long it has taken so far', () => {
  const output = recorded(true);
  const done = announce('Installing', output);
  expect(output.text).toBe('|Installing …');
  vi.advanceTimersByTime(2500);
  done();
  vi.advanceTimersByTime(5000);
  expect(output.text).toBe('|Installing …|Installing … 1 s|Installing … 2 s|Installing … 2 s\n');
});

it('shows steps that run side by side in one line', () => {
  const output = recorded(true);
  const first = announce('Installing', output);
  vi.advanceTimersByTime(1500);
  const second = announce('Checking', output);
  first();
  second();
  expect(output.text).toBe(
    '|Installing …|Installing … 1 s|Installing … 1 s · Checking …|Installing … 1 s\n|Checking …|Checking …\n',
  );
});

it('never writes beyond the line of the terminal', () => {
  const output = recorded(true, 16);
  announce('Installing', output);
  vi.advanceTimersByTime(1000);
  expect(output.text).toBe('|Installing …|Installing … 1 ');
});

it('writes one line to a log', () => {
  const output = recorded(false);
  const done = announce('Installing', output);
  vi.advanceTimersByTime(2500);
  done();
  expect(output.text).toBe('Installing …\n');
});
