import { expect, test, vi } from 'vitest';
import { limits } from '../limits.ts';
import { Rate } from './rate.ts';
import { Transfers } from './transfers.ts';

const say = (error: unknown) => String(error);

test('one after the other, and what is cancelled says so', async () => {
  const transfers = new Transfers(say, () => 'cancelled');
  const order: string[] = [];
  const first = transfers.add('up', 'a', async (_, stop) => {
    order.push('a');
    await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    stop.throwIfAborted();
    return { bytes: 1 };
  });
  const second = transfers.add('down', 'b', async () => {
    order.push('b');
    return { bytes: 7 };
  });
  const third = transfers.add('down', 'c', () => Promise.reject(new Error('no')));
  await Promise.resolve();
  const [a, b] = transfers.all.value;
  expect(b?.progress.value).toEqual({ at: 'waiting' });
  a?.cancel();
  expect(a?.progress.value).toEqual({ at: 'stopping' });
  await Promise.all([first, second, third]);
  expect(order).toEqual(['a', 'b']);
  expect(transfers.all.value.map(({ progress }) => progress.value)).toEqual([
    { at: 'over', why: 'cancelled' },
    { at: 'done', bytes: 7 },
    { at: 'over', why: 'Error: no' },
  ]);
  transfers.clear();
  expect(transfers.all.value).toEqual([]);
});

test('what went wrong while it was cancelled is said', async () => {
  const transfers = new Transfers(say, () => 'cancelled');
  const over = transfers.add('up', 'a', async (_, stop) => {
    await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    throw new Error('half of it is still there');
  });
  await Promise.resolve();
  transfers.all.value[0]?.cancel();
  await over;
  expect(transfers.all.value[0]?.progress.value).toEqual({
    at: 'over',
    why: 'Error: half of it is still there',
  });
});

test('transfers: those that are over make room', async () => {
  const transfers = new Transfers(say, () => 'cancelled');
  for (let n = 0; n < limits.transfers; n++) await transfers.add('up', String(n), async () => ({ bytes: 0 }));
  expect(transfers.hasRoom).toBe(true);
  const last = transfers.add('up', 'last', async () => ({ bytes: 0 }));
  expect(transfers.all.value.length).toBe(limits.transfers);
  expect(transfers.all.value[0]?.name).toBe('1');
  await last;
  const stop = Array.from({ length: limits.transfers }, (_, n) =>
    transfers.add('up', String(n), (_moved, signal) => {
      signal.throwIfAborted();
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
    }),
  );
  expect(transfers.hasRoom).toBe(false);
  expect(transfers.isBusy).toBe(true);
  await transfers.cancelAll();
  await Promise.all(stop);
  expect(transfers.isBusy).toBe(false);
});

test('progressMs: a picture is not shown again at once', async () => {
  const transfers = new Transfers(say, () => 'cancelled');
  const seen: unknown[] = [];
  await transfers.add('up', 'a', async (moved) => {
    const now = vi.spyOn(performance, 'now');
    for (const at of [0, limits.progressMs - 1, limits.progressMs]) {
      now.mockReturnValue(at);
      moved(at, 1_000);
      const progress = transfers.all.value[0]?.progress.value;
      seen.push(progress?.at === 'running' ? progress.bytes : null);
    }
    now.mockRestore();
    return null;
  });
  expect(transfers.all.value[0]?.progress.value).toEqual({ at: 'kept' });
  expect(seen).toEqual([0, 0, limits.progressMs]);
});

test('rateMs: the rate is of the last seconds', () => {
  const rate = new Rate();
  expect(rate.add(0, 0)).toBeNull();
  expect(rate.add(1_000, 1_000)).toBe(1_000);
  expect(rate.add(11_000, 1_000 + limits.rateMs)).toBe(2_000);
  expect(rate.add(21_000, 1_000 + 2 * limits.rateMs)).toBe(2_000);
});
