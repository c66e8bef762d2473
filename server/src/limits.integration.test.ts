import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultLimits } from './limits.ts';
import type { ApiClient } from './testing/api-client.ts';
import { TestServer } from './testing/test-server.ts';

// Bounds of calls to the API. The tests of the others are beside the code that keeps them.

let server: TestServer;
let alice: ApiClient;
beforeAll(async () => {
  server = await TestServer.start({ limits: { bodyBytes: 1_000 } });
  alice = await server.signedIn('alice');
});
afterAll(() => server.close());

const fieldOf = ({ body }: { readonly body: unknown }) =>
  (body as { errors?: { field: string }[] }).errors?.[0]?.field;

test('bodyBytes: a longer body is not read', async () => {
  const ofLength = (length: number) => {
    const body = JSON.stringify({ id: 'acme', description: '' });
    return JSON.stringify({ id: 'acme', description: 'x'.repeat(length - body.length) });
  };
  expect((await alice.post('/domains', ofLength(1_001))).status).toBe(413);
  expect((await alice.post('/domains', ofLength(1_000))).status).toBe(201);
});

test('pageSize, defaultPageSize: a page has no more', async () => {
  for (let n = 0; n <= defaultLimits.defaultPageSize; n++) await alice.post('/domains', { id: `d${n}` });
  const page = async (query = '') => (await alice.get(`/domains${query}`)).body as { items: unknown[] };
  expect((await page()).items).toHaveLength(defaultLimits.defaultPageSize);
  expect((await page(`?limit=${defaultLimits.pageSize}`)).items.length).toBeGreaterThan(
    defaultLimits.defaultPageSize,
  );
  const more = await alice.get(`/domains?limit=${defaultLimits.pageSize + 1}`);
  expect([more.status, fieldOf(more)]).toEqual([400, '#query/limit']);
});

test('eventFilterValues: a filter has no more', async () => {
  const query = (count: number) => Array.from({ length: count }, (_none, n) => `device=d${n}`).join('&');
  const answer = await alice.get(`/events?${query(defaultLimits.eventFilterValues + 1)}`);
  expect([answer.status, fieldOf(answer)]).toEqual([400, '#query/device']);
});

test('listedProperties: a list shows no more', async () => {
  const query = Array.from({ length: defaultLimits.listedProperties + 1 }, (_none, n) => `properties=p${n}`);
  const answer = await alice.get(`/devices?${query.join('&')}`);
  expect([answer.status, fieldOf(answer)]).toEqual([400, '#query/properties']);
});

test('webhookUrlLength: a longer address is refused', async () => {
  const url = (length: number) => 'https://example.com/'.padEnd(length, 'x');
  const most = defaultLimits.webhookUrlLength;
  await server.close();
  server = await TestServer.start();
  alice = await server.signedIn('alice');
  const refused = await alice.post('/webhooks', { url: url(most + 1) });
  expect([refused.status, fieldOf(refused)]).toEqual([400, '/url']);
  expect((await alice.post('/webhooks', { url: url(most) })).status).toBe(201);
});
