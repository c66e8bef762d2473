import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreUnavailable } from '../ports/store.ts';
import { settled } from '../testing/settled.ts';
import { DeferredWrites } from './deferred-writes.ts';

function setUp(deferredWrites = 10) {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const writes = new DeferredWrites(clock, { storeRetryMs: 100, deferredWrites }, (error) =>
    failures.push(error),
  );
  const file = { full: false, written: [] as string[] };
  const write = (key: string, text = key) =>
    writes.write(key, async () => {
      if (file.full) throw new StoreUnavailable('SQLITE_FULL', 'full');
      file.written.push(text);
    });
  return { clock, writes, file, write, failures };
}

test('what cannot be written is written later, in its order, the newest of a key', async () => {
  const { clock, writes, file, write } = setUp();
  write('a');
  await settled();
  file.full = true;
  write('b', 'b1');
  write('c');
  write('b', 'b2');
  await settled();
  clock.advance(100);
  await settled();
  expect([file.written, writes.size]).toEqual([['a'], 2]);
  file.full = false;
  // Behind what waits, so that the order stays.
  write('d');
  await settled();
  expect(file.written).toEqual(['a']);
  clock.advance(100);
  await settled();
  expect([file.written, writes.size, clock.pending]).toEqual([['a', 'c', 'b2', 'd'], 0, 0]);
});

test('deferredWrites: the oldest go when too many wait', async () => {
  const { writes, file, write } = setUp(3);
  file.full = true;
  for (const key of ['a', 'b', 'c', 'd', 'e']) write(key);
  await settled();
  file.full = false;
  expect([await writes.flush(), file.written]).toEqual([true, ['c', 'd', 'e']]);
});

test('what is written while another write is under way comes after it, and the newest of a key is written', async () => {
  const { writes, file } = setUp();
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  writes.write('a', async () => {
    file.written.push('a1 began');
    await slow;
    file.written.push('a1');
  });
  const text = (key: string, word: string) =>
    writes.write(key, async () => {
      file.written.push(word);
    });
  text('b', 'b1');
  text('a', 'a2');
  text('b', 'b2');
  await settled();
  expect(file.written).toEqual(['a1 began']);
  release();
  await settled();
  expect([file.written, writes.size]).toEqual([['a1 began', 'a1', 'a2', 'b2'], 0]);
});

test('what waits is begun together, in its order', async () => {
  const { writes, write, file } = setUp();
  file.full = true;
  write('a');
  await settled();
  const begun: string[] = [];
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  for (const key of ['b', 'c']) {
    writes.write(key, async () => {
      begun.push(key);
      await slow;
    });
  }
  file.full = false;
  const written = writes.flush();
  await settled();
  expect([begun, file.written]).toEqual([['b', 'c'], ['a']]);
  release();
  expect([await written, writes.size]).toEqual([true, 0]);
});

test('another error is reported, and costs that write alone', async () => {
  const { writes, write, file, failures } = setUp();
  writes.write('a', async () => {
    throw new TypeError('ours');
  });
  write('b');
  await settled();
  expect([failures, file.written, writes.size]).toEqual([[new TypeError('ours')], ['b'], 0]);
});
