import { expect, test } from 'vitest';
import { UserQueues } from './user-queues.ts';

function filled(asked: readonly string[]): UserQueues<string> {
  const queues = new UserQueues<string>();
  // `bob 1` is of bob.
  for (const one of asked) queues.add(one.split(' ', 1)[0] ?? '', one);
  return queues;
}

function rest(queues: UserQueues<string>): (string | undefined)[] {
  return Array.from({ length: queues.length }, () => queues.next());
}

test('users take turns, each in their own order, and what is of nobody goes first', () => {
  const queues = filled(['ann 1', 'ann 2', 'ann 3', 'bob 1', 'bob 2', 'cy 1']);
  expect(queues.next()).toBe('ann 1');
  queues.add('', ' nobody');
  expect(rest(queues)).toEqual([' nobody', 'bob 1', 'cy 1', 'ann 2', 'bob 2', 'ann 3']);
  expect([queues.length, queues.next()]).toEqual([0, undefined]);
});

test('room for one more is made by the last of who has most, unless that is who asks', () => {
  const queues = filled(['ann 1', 'ann 2', 'bob 1']);
  expect([queues.makeRoom('ann'), queues.makeRoom('bob'), queues.makeRoom('bob')]).toEqual([
    undefined,
    'ann 2',
    undefined,
  ]);
  expect([queues.makeRoom('cy'), queues.length]).toEqual(['ann 1', 1]);
  expect(rest(queues)).toEqual(['bob 1']);
  expect(new UserQueues<string>().makeRoom('ann')).toBeUndefined();
});

test('all can be taken out', () => {
  const queues = filled(['ann 1', 'bob 1', 'ann 2']);
  expect([queues.clear(), queues.length, queues.next()]).toEqual([['ann 1', 'ann 2', 'bob 1'], 0, undefined]);
});
