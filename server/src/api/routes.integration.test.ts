import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServer } from '../testing/test-server.ts';

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
});

test('calls are bounded', async () => {
  const server = await TestServer.start({ limits: { callsBurst: 2, callMs: 60_000 } });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await server.as('bob').get('/openapi.json?x=1')).status);
  expect(statuses).toEqual([400, 400, 429]);
  await server.close();
});
