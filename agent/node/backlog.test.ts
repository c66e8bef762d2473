import { expect, it } from 'vitest';
import { Backlog } from './backlog.ts';

it('a backlog gives what was added, in order, and begins anew', () => {
  const backlog = new Backlog();
  const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
  for (let at = 0; at < bytes.length; at += 7) backlog.add(bytes.subarray(at, at + 7));
  expect(backlog.length).toBe(10_000);
  const first = backlog.take();
  backlog.add(Buffer.from('x'));
  expect(first.equals(bytes)).toBe(true);
  expect(backlog.take().toString()).toBe('x');
  expect(backlog.length).toBe(0);
});
