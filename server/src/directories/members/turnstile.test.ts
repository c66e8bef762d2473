import { expect, test } from 'vitest';
import { Turnstile } from './turnstile.ts';

test('a few pass at once, some wait in their order, and the others are turned away', async () => {
  const turnstile = new Turnstile(2, 1);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const pass = (id: number) =>
    turnstile.pass(async () => {
      begun.push(id);
      await new Promise<void>((resolve) => ends.push(resolve));
      return id;
    });
  const [first, second, third] = [pass(1), pass(2), pass(3)];
  await expect(pass(4)).rejects.toThrow('too many log-ins wait');
  expect(begun).toEqual([1, 2]);
  ends[1]?.();
  expect(await second).toBe(2);
  await Promise.resolve();
  expect(begun).toEqual([1, 2, 3]);
  for (const end of ends) end();
  expect(await Promise.all([first, third])).toEqual([1, 3]);
});

test('one that fails makes room', async () => {
  const turnstile = new Turnstile(1, 0);
  await expect(turnstile.pass(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turnstile.pass(async () => 'yes')).toBe('yes');
});
