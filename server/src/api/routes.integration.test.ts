import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServer } from '../testing/test-server.ts';
import { wordsOf } from './pattern.ts';
import { basePath } from './routes.ts';

describe('the API', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.close());

  test('describes itself in OpenAPI 3.1', async () => {
    const document = await server.document();
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  test('refuses with problem details', async () => {
    const anonymous = await server.client().get('/openapi.json');
    expect([anonymous.status, anonymous.headers['content-type']]).toEqual([401, 'application/problem+json']);
    const method = await server.as('alice').post('/openapi.json');
    expect([method.status, method.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect(await server.as('alice').get('/openapi.json?x=1')).toMatchObject({
      status: 400,
      body: {
        title: 'The call does not fit its description',
        errors: [{ field: '#query/x', detail: 'is unknown' }],
      },
    });
  });

  test('refuses what there is not with problem details too', async () => {
    const here = `http://localhost:${server.reflector.port}${basePath}`;
    const Authorization = `Basic ${Buffer.from('alice:a long enough secret').toString('base64')}`;
    const paths = ['/nothing', '/devices/x/y/z/nothing', '/'];
    const calls = paths.flatMap((path) =>
      ['GET', 'POST', 'OPTIONS'].map((method) => [method, path] as const),
    );
    for (const [method, path] of calls) {
      const known = await fetch(here + path, { method, headers: { Authorization } });
      expect([known.status, known.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
      expect(await known.json()).toMatchObject({ title: 'Not found', status: 404 });
      const stranger = await fetch(here + path, { method });
      expect([stranger.status, stranger.headers.get('content-type')]).toEqual([
        401,
        'application/problem+json',
      ]);
    }
  });

  test('tells in words what does not match a regular expression', async () => {
    const patterns: string[] = [];
    const collect = (value: unknown, key = '') => {
      if (key === 'pattern' && typeof value === 'string') patterns.push(value);
      if (typeof value === 'object' && value !== null) {
        for (const [name, inner] of Object.entries(value)) collect(inner, name);
      }
    };
    collect(await server.document());
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) expect(wordsOf(pattern), pattern).toMatch(/^must /);
  });
});

test('calls are bounded', async () => {
  const server = await TestServer.start({ limits: { callsBurst: 2, callMs: 60_000 } });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await server.as('bob').get('/openapi.json?x=1')).status);
  expect(statuses).toEqual([400, 400, 429]);
  await server.close();
});
