import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { SharedMemory } from '../testing/shared-memory.ts';
import { FailureThrottle, type ThrottleBounds, TooManyWaiting, type Turn } from './failure-throttle.ts';

const bounds: ThrottleBounds = { free: 3, waitMs: 8000, memoryMs: 60_000, keys: 100, waiting: 100 };

describe('failures', () => {
  let clock: ManualClock;
  let failures: FailureThrottle;
  beforeEach(() => {
    clock = new ManualClock();
    failures = new FailureThrottle(clock, bounds);
  });

  async function turn(key = 'a'): Promise<Turn> {
    const begun = await failures.begin(key);
    if (typeof begun === 'number') throw new Error(`has to wait ${begun} ms`);
    return begun;
  }

  async function fail(key = 'a'): Promise<void> {
    (await turn(key)).end('failed');
  }

  test('the first cost nothing; then the wait doubles up to its bound', async () => {
    for (let i = 0; i < bounds.free; i++) await fail();
    const waits: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      const wait = await failures.begin('a');
      waits.push(wait);
      clock.advance(Number(wait));
      await fail();
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000, 8000]);
  });

  test('an attempt within the wait is not made and prolongs nothing', async () => {
    for (let i = 0; i < bounds.free; i++) await fail();
    clock.advance(900);
    for (let i = 0; i < 50; i++) expect(await failures.begin('a')).toBe(100);
    clock.advance(100);
    await fail();
    expect(await failures.begin('a')).toBe(2000);
  });

  test('one key does not hold up another', async () => {
    for (let i = 0; i < bounds.free; i++) await fail('a');
    expect(await failures.begin('a')).toBe(1000);
    await fail('b');
  });

  test('a success forgives, and what is neither changes nothing', async () => {
    await fail();
    await fail();
    (await turn()).end('neither');
    await fail();
    expect(await failures.begin('a')).toBe(1000);
    clock.advance(1000);
    (await turn()).end('succeeded');
    expect(failures.size).toBe(0);
    await fail();
    await turn();
  });

  test('memoryMs: failures of long ago are forgotten', async () => {
    for (let i = 0; i < bounds.free; i++) await fail();
    clock.advance(bounds.memoryMs);
    await fail();
    await fail();
    await turn();
  });

  test('side by side no more are made than could fail freely', async () => {
    const turns = [await turn(), await turn(), await turn()];
    const order: string[] = [];
    const later = [1, 2, 3].map(async (n) => {
      const begun = await failures.begin('a');
      order.push(`${n} ${typeof begun === 'number' ? 'waits' : 'goes'}`);
      return begun;
    });
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    for (const begun of turns) begun.end('failed');
    await Promise.all(later);
    expect(order).toEqual(['1 waits', '2 waits', '3 waits']);
    clock.advance(1000);
    const alone = await turn();
    const next = failures.begin('a');
    alone.end('succeeded');
    expect(typeof (await next)).toBe('object');
  });

  test('waiting: only so many wait', async () => {
    failures = new FailureThrottle(clock, { ...bounds, free: 1, waiting: 1 });
    const first = await turn();
    const second = failures.begin('a');
    await expect(failures.begin('a')).rejects.toBeInstanceOf(TooManyWaiting);
    first.end('succeeded');
    expect(typeof (await second)).toBe('object');
    const third = failures.begin('a');
    expect(third).toBeInstanceOf(Promise);
  });

  test('keys: only so many are remembered, those under way in any case', async () => {
    failures = new FailureThrottle(clock, { ...bounds, keys: 3 });
    const held = await turn('held');
    for (let i = 0; i < 50; i++) await fail(`key ${i}`);
    expect(failures.size).toBe(3);
    held.end('failed');
    for (let i = 0; i < 2; i++) await fail('held');
    expect(await failures.begin('held')).toBe(1000);
  });
});

describe('failures that several processes count together', () => {
  let clock: ManualClock;
  let memory: SharedMemory;
  beforeEach(() => {
    clock = new ManualClock();
    memory = new SharedMemory(clock);
  });
  const make = () => new FailureThrottle(clock, bounds, (learn) => memory.join().counter('failures', learn));

  async function end(throttle: FailureThrottle, outcome: Parameters<Turn['end']>[0]): Promise<void> {
    const begun = await throttle.begin('a');
    if (typeof begun === 'number') throw new Error(`has to wait ${begun} ms`);
    begun.end(outcome);
    // What is counted is told in a turn of its own.
    await Promise.resolve();
  }

  test('wait at each of them, as if they had come to one', async () => {
    const [one, two] = [make(), make()];
    for (const throttle of [one, two, one]) await end(throttle, 'failed');
    for (const throttle of [one, two]) expect(await throttle.begin('a')).toBe(1000);
    clock.advance(1000);
    await end(two, 'failed');
    for (const throttle of [one, two]) expect(await throttle.begin('a')).toBe(2000);
  });

  test('a success at one forgets them at the others', async () => {
    const [one, two] = [make(), make()];
    for (const throttle of [one, two]) await end(throttle, 'failed');
    await end(two, 'succeeded');
    for (const throttle of [one, two]) await end(throttle, 'failed');
    await end(one, 'failed');
    for (const throttle of [one, two]) expect(await throttle.begin('a')).toBe(1000);
  });

  test('one that has counted more does not forget because the others have lost theirs', async () => {
    const one = make();
    for (let i = 0; i < 2; i++) await end(one, 'failed');
    memory.lose();
    await end(one, 'failed');
    expect(await one.begin('a')).toBe(1000);
  });
});
