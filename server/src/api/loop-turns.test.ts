import { expect, test } from 'vitest';
import { LoopTurns } from './loop-turns.ts';

test('each turn lets one call begin, in their order, and an idle one is not scheduled', async () => {
  const scheduled: (() => void)[] = [];
  const turns = new LoopTurns((run) => scheduled.push(run));
  const begun: string[] = [];
  const call = (name: string) => turns.next().then(() => begun.push(name));
  const turn = async () => {
    for (const run of scheduled.splice(0)) run();
    await Promise.resolve();
    await Promise.resolve();
  };

  void call('first');
  void call('second');
  expect(scheduled.length).toBe(1);
  await turn();
  expect(begun).toEqual(['first']);
  void call('third');
  expect(scheduled.length).toBe(1);
  await turn();
  expect(begun).toEqual(['first', 'second']);
  await turn();
  expect(begun).toEqual(['first', 'second', 'third']);
  expect(scheduled.length).toBe(0);
  void call('fourth');
  await turn();
  expect(begun).toEqual(['first', 'second', 'third', 'fourth']);
});
