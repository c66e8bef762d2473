import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { Stage } from '../testing/stage.ts';

/** `GET /my-devices/api/token`, as the original's gateway asks; POST and DELETE are tested with clients. */

let stage: Stage;
afterEach(() => stage.close());

const get = (query: string, method = 'GET') =>
  ask(stage.port, `/my-devices/api/token${query}`, {
    host: 'www.localhost',
    method,
    headers: { Authorization: [] },
  });
const right = '?username=alice&password=wonderland&application=gateway';

test('GET gives no token unless it is allowed', async () => {
  stage = await Stage.open();
  const answer = await get(right);
  expect([answer.status, answer.headers.allow, answer.headers['x-ptth-error']]).toEqual([
    405,
    'POST, DELETE',
    'only POST and DELETE are allowed here',
  ]);
});

test('GET gives a token where it is allowed, counts failures, and leaves no trace of a password', async () => {
  let written = '';
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      written += chunk;
      done();
    },
  });
  stage = await Stage.open({
    tokenByGet: true,
    log: pino({ level: 'trace' }, sink),
    limits: { logInFailures: 2 },
  });
  const answer = await get(right);
  const { token, expires } = JSON.parse(answer.text) as { token: string; expires: number };
  expect([answer.status, answer.headers['cache-control'], expires > 0]).toEqual([200, 'no-store', true]);
  const headers = { Authorization: `Bearer ${token}` };
  expect((await ask(stage.port, '/my-devices/api/devices', { host: 'localhost', headers })).status).toBe(200);
  for (const query of ['', '?username=alice&password=guessed-secret'])
    expect((await get(query)).status).toBe(401);
  expect((await get(right, 'PUT')).headers.allow).toBe('GET, POST, DELETE');
  expect((await get(right, 'HEAD')).status).toBe(405);
  for (const secret of ['wonderland', 'guessed-secret', token]) expect(written).not.toContain(secret);
  expect(written).toContain('"event":"token"');
});
