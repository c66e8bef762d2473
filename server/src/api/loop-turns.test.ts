import { expect, test } from 'vitest';
import { type Loop, LoopTurns, type LoopUse } from './loop-turns.ts';

/** An event loop by hand. */
class ManualLoop implements Loop {
  /** It has slept for long when the first call comes. */
  #done: LoopUse = { idle: 1_000, active: 1_000 };
  readonly scheduled: { readonly ms: number; readonly run: () => void }[] = [];

  soon(run: () => void): void {
    this.scheduled.push({ ms: 0, run });
  }

  later(ms: number, run: () => void): void {
    this.scheduled.push({ ms, run });
  }

  use(): LoopUse {
    return this.#done;
  }

  /** The loop works, then sleeps, and then runs what is scheduled. */
  async turn(active = 0, idle = 0): Promise<void> {
    this.#done = { idle: this.#done.idle + idle, active: this.#done.active + active };
    for (const { run } of this.scheduled.splice(0)) run();
    await Promise.resolve();
    await Promise.resolve();
  }
}

function stage() {
  const loop = new ManualLoop();
  const turns = new LoopTurns(loop, { callRest: 0.5, callRestMs: 10 });
  const begun: string[] = [];
  const call = (user: string, name = user) => void turns.next(user).then(() => begun.push(name));
  return { loop, begun, call };
}

test('a call begins at once in a loop that has nothing to do', async () => {
  const { loop, begun, call } = stage();
  call('alice');
  await loop.turn();
  expect(begun).toEqual(['alice']);
  expect(loop.scheduled).toEqual([]);
});

test('callRest: between two calls the loop sleeps for a share of the time that it has worked', async () => {
  const { loop, begun, call } = stage();
  call('alice', 'first');
  call('alice', 'second');
  await loop.turn();
  expect(begun).toEqual(['first']);
  await loop.turn(4, 0);
  expect(begun).toEqual(['first']);
  expect(loop.scheduled.map(({ ms }) => ms)).toEqual([2]);
  // What comes through tunnels meanwhile counts too.
  await loop.turn(2, 1.5);
  expect(begun).toEqual(['first']);
  expect(loop.scheduled.map(({ ms }) => ms)).toEqual([1.5]);
  await loop.turn(0, 1.5);
  expect(begun).toEqual(['first', 'second']);
  expect(loop.scheduled).toEqual([]);
});

test('a call that comes when no other waits lets the loop sleep too', async () => {
  const { loop, begun, call } = stage();
  call('alice', 'first');
  await loop.turn();
  call('alice', 'second');
  await loop.turn(4, 0);
  expect(begun).toEqual(['first']);
  await loop.turn(0, 2);
  expect(begun).toEqual(['first', 'second']);
});

test('callRestMs: in a loop that never sleeps, a call begins every `callRestMs`', async () => {
  const { loop, begun, call } = stage();
  call('alice', 'first');
  call('alice', 'second');
  await loop.turn();
  await loop.turn(9, 0);
  expect(begun).toEqual(['first']);
  expect(loop.scheduled.map(({ ms }) => ms)).toEqual([1]);
  await loop.turn(1, 0);
  expect(begun).toEqual(['first', 'second']);
});

test('users take turns, and the calls of each keep their order', async () => {
  const { loop, begun, call } = stage();
  for (const name of ['a1', 'a2', 'a3']) call('alice', name);
  call('bob', 'b1');
  await loop.turn();
  call('carol', 'c1');
  call('bob', 'b2');
  while (loop.scheduled.length > 0) await loop.turn(0, 10);
  expect(begun).toEqual(['a1', 'b1', 'a2', 'c1', 'b2', 'a3']);
});
