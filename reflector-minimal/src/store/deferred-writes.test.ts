import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { DeferredWrites } from './deferred-writes.ts';

function setUp(deferredWrites = 10) {
  const clock = new ManualClock();
  const writes = new DeferredWrites(clock, { storeRetryMs: 100, deferredWrites });
  const file = { full: false, written: [] as string[] };
  const write = (key: string, text = key) =>
    writes.write(key, () => {
      if (file.full) throw new StoreUnavailable('SQLITE_FULL', 'full');
      file.written.push(text);
    });
  return { clock, writes, file, write };
}

test('what cannot be written is written later, in its order, the newest of a key', () => {
  const { clock, writes, file, write } = setUp();
  write('a');
  file.full = true;
  write('b', 'b1');
  write('c');
  write('b', 'b2');
  clock.advance(1_000);
  expect([file.written, writes.size]).toEqual([['a'], 2]);
  file.full = false;
  // Behind what waits, so that the order stays.
  write('d');
  expect(file.written).toEqual(['a']);
  clock.advance(100);
  expect([file.written, writes.size, clock.pending]).toEqual([['a', 'c', 'b2', 'd'], 0, 0]);
});

test('deferredWrites: the oldest go when too many wait', () => {
  const { writes, file, write } = setUp(3);
  file.full = true;
  for (const key of ['a', 'b', 'c', 'd', 'e']) write(key);
  file.full = false;
  expect([writes.flush(), file.written]).toEqual([true, ['c', 'd', 'e']]);
});

test('another error is not hidden', () => {
  const { writes } = setUp();
  expect(() =>
    writes.write('a', () => {
      throw new TypeError('ours');
    }),
  ).toThrow('ours');
});
