import { pino } from 'pino';
import { type Call, StoreUnavailable, UnstorableText } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { apiRoutes } from './routes.ts';

test.each([
  ['a text that the database does not keep', new UnstorableText(), 422, /NUL character/],
  ['a store that is away', new StoreUnavailable('X', 'as told'), 503, /cannot be used just now/],
])('%s is told as a problem', async (_what, error, status, text) => {
  const unused = {} as never;
  const turns = { next: async () => {} } as never;
  const log = pino({ level: 'silent' });
  const context = { rights: unused, rate: unused, idempotency: unused, audit: { record: () => {} } };
  const [route] = apiRoutes({ ...context, turns, log, limits: defaultLimits }, [
    {
      operation: 'test',
      method: 'POST',
      path: '/test',
      needs: 'nothing',
      summary: 'For a test.',
      replies: [{ status: 204, description: 'Done.' }],
      handle: () => Promise.reject(error),
    } as never,
  ]);
  const call = { target: '/my-devices/api/test', headers: {}, parameters: [], origin: { address: '::1' } };
  if (!route || !('answer' in route)) throw new Error('there is no answer');
  const answer = await route.answer(call as unknown as Call & never);
  expect(answer).toMatchObject({
    status,
    type: 'application/problem+json',
    body: expect.stringMatching(text),
  });
});
