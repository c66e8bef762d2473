import { expect, test } from 'vitest';
import { Batched } from './batched.ts';

interface Call {
  readonly questions: readonly number[];
  answer(): void;
  fail(error: Error): void;
}

function held(most = 10) {
  const calls: Call[] = [];
  const batched = new Batched<number, string>(
    (questions) =>
      new Promise((resolve, reject) => {
        calls.push({
          questions: [...questions],
          answer: () => resolve(questions.map((n) => `answer ${n}`)),
          fail: reject,
        });
      }),
    most,
  );
  return { calls, batched };
}
const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

test('what is asked in one turn, and while others wait, is one call each, one at a time', async () => {
  const { calls, batched } = held();
  const first = [batched.ask(1), batched.ask(2)];
  await settle();
  const later = [batched.ask(3)];
  await settle();
  later.push(batched.ask(4));
  await settle();
  expect(calls.map(({ questions }) => questions)).toEqual([[1, 2]]);
  calls[0]?.answer();
  expect(await Promise.all(first)).toEqual(['answer 1', 'answer 2']);
  await settle();
  expect(calls[1]?.questions).toEqual([3, 4]);
  calls[1]?.answer();
  expect(await Promise.all(later)).toEqual(['answer 3', 'answer 4']);
});

test('no call has more questions than it may', async () => {
  const { calls, batched } = held(2);
  const all = [1, 2, 3].map((n) => batched.ask(n));
  await settle();
  calls[0]?.answer();
  await settle();
  calls[1]?.answer();
  expect(await Promise.all(all)).toEqual(['answer 1', 'answer 2', 'answer 3']);
  expect(calls.map(({ questions }) => questions)).toEqual([[1, 2], [3]]);
});

test('a call that fails fails those who asked in it, and nobody after them', async () => {
  const { calls, batched } = held();
  const first = batched.ask(1);
  await settle();
  const later = batched.ask(2);
  calls[0]?.fail(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await settle();
  calls[1]?.answer();
  expect(await later).toBe('answer 2');
});
