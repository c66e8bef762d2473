import { afterEach, expect, test, vi } from 'vitest';
import { getBytes, onLoggedOut, post } from './call.ts';
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

test('what is no JSON comes as it is, and its refusals are those of any call', async () => {
  let ended = 0;
  onLoggedOut(() => ended++);
  vi.stubGlobal('fetch', async () => new Response('{"version":2}\n[0,"o","x"]\n'));
  expect(new TextDecoder().decode(await getBytes('/recordings/1'))).toContain('[0,"o","x"]');
  answer(404, 'application/problem+json');
  await expect(getBytes('/recordings/1')).rejects.toMatchObject({
    status: 404,
    title: 'The mail was not sent',
  });
  expect(ended).toBe(0);
  answer(401, 'application/problem+json');
  await expect(getBytes('/recordings/1')).rejects.toBeInstanceOf(Problem);
  expect(ended).toBe(1);
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
  await expect(getBytes('/recordings/1')).rejects.toBeInstanceOf(Unreachable);
  onLoggedOut(() => {});
});
