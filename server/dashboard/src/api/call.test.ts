import { afterEach, expect, test, vi } from 'vitest';
import { post } from './call.ts';
import { Problem, Unreachable } from './problem.ts';

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, type: string) =>
  vi.stubGlobal('fetch', async () => {
    const text = JSON.stringify({ title: 'The mail was not sent', status });
    return new Response(text, { status, headers: { 'Content-Type': type, 'Retry-After': '7' } });
  });

test('a server that cannot reach another one is there itself', async () => {
  answer(502, 'application/problem+json');
  const asked = post('/users', {});
  await expect(asked).rejects.toBeInstanceOf(Problem);
  await expect(asked).rejects.toMatchObject({ status: 502, title: 'The mail was not sent', retryAfter: 7 });
});

test.each([502, 504])('%i of a proxy is no answer of the server', async (status) => {
  answer(status, 'application/json');
  await expect(post('/users', {})).rejects.toBeInstanceOf(Unreachable);
});
