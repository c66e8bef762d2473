import type { AxiosResponse } from 'axios';
import {
  type Document,
  type OpenAPIClient,
  OpenAPIClientAxios,
  type UnknownOperationMethods,
} from 'openapi-client-axios';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkAnswer } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';
import type { OpenApiDocument } from './openapi.ts';
import { basePath } from './routes.ts';

/** A client that a package of others makes of the description manages a fleet, from nothing. */

type Client = OpenAPIClient<UnknownOperationMethods>;

let server: TestServer;
let document: OpenApiDocument;
/** Of the operations that were called. */
const tags = new Set<string>();
const any = { 'If-Match': '*' };

beforeAll(async () => {
  server = await TestServer.start();
  document = await server.document();
});
afterAll(() => server.close());

/** Calls reject unless they succeed, and each answer is one that the description names. */
async function clientWith(authorization: string | null): Promise<Client> {
  const api = new OpenAPIClientAxios({
    definition: document as unknown as Document,
    withServer: { url: `http://localhost:${server.reflector.port}${basePath}` },
    axiosConfigDefaults: { headers: authorization === null ? {} : { Authorization: authorization } },
    transformOperationMethod: (method, { tags: [tag = ''] = [] }) => {
      return (...args) => {
        tags.add(tag);
        return method(...args);
      };
    },
  });
  const client = await api.init<Client>();
  client.interceptors.response.use((response) => {
    if (response.config.responseType !== 'stream') check(response);
    return response;
  });
  return client;
}

function check({ config, status, headers, data }: AxiosResponse): void {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  const facts = { 'content-type': String(headers['content-type'] ?? '') };
  checkAnswer(document, String(config.method).toUpperCase(), String(config.url), {
    status,
    headers: facts,
    body: data,
    text,
  });
}

/** A method by the name that it has in the description. */
function methodsOf(client: Client) {
  return async (operation: string, ...args: Parameters<UnknownOperationMethods[string]>) => {
    const method = client[operation];
    if (!method) throw new Error(`the client has no ${operation}`);
    return await method(...args);
  };
}

test('a generated client does all that a fleet needs', async () => {
  const basic = Buffer.from('alice:a long enough secret').toString('base64');
  const call = methodsOf(await clientWith(`Basic ${basic}`));
  const { data: account } = await call('getAccount');
  expect(account.user.name).toBe('alice');
  expect((await call('getDescription')).data.info.title).toBe('rm-server');
  expect((await call('getHealth')).status).toBe(200);

  await call('createDomain', undefined, { id: 'acme', name: 'Acme', quotas: { devices: 5 } });
  expect((await call('changeDomain', 'acme', { description: 'first' }, { headers: any })).data).toMatchObject(
    {
      id: 'acme',
      description: 'first',
      quotas: { devices: 5 },
    },
  );
  const added = await call('createDevice', undefined, { id: 'pump-1', domain: 'acme', tags: ['pumps'] });
  expect(added.data.password).toBeTruthy();
  const shown = await call('getDevice', 'pump-1');
  const ifMatch = { headers: { 'If-Match': String(shown.headers.etag) } };
  expect((await call('changeDevice', 'pump-1', { notes: 'serviced' }, ifMatch)).data.notes).toBe('serviced');
  await expect(call('changeDevice', 'pump-1', { notes: 'late' }, ifMatch)).rejects.toMatchObject({
    response: { status: 412 },
  });
  expect((await call('listDevices', { domain: 'acme', tag: 'pumps', limit: 10 })).data).toMatchObject({
    items: [{ id: 'pump-1' }],
    next: null,
  });

  await call('createUser', undefined, { name: 'inventory', kind: 'service' });
  await call('createGroup', undefined, { name: 'night' });
  await call('addMember', { name: 'night', user: 'inventory' });
  expect((await call('listMembers', 'night')).data.items).toMatchObject([{ user: 'inventory' }]);
  const { data: grant } = await call('createGrant', undefined, {
    group: 'night',
    role: 'user',
    domain: 'acme',
  });
  const { data: key } = await call('createKey', undefined, {
    user: 'inventory',
    name: 'nightly',
    permissions: ['devices.read', 'events.read'],
  });
  const byKey = methodsOf(await clientWith(`Bearer ${key.secret}`));
  expect((await byKey('listDevices')).data.items).toMatchObject([{ id: 'pump-1' }]);
  await expect(byKey('createDevice', undefined, { domain: 'acme' })).rejects.toMatchObject({
    response: { status: 403, data: { status: 403 } },
  });
  const stream = await byKey('streamEvents', undefined, undefined, { responseType: 'stream' });
  expect(stream.headers['content-type']).toMatch(/^text\/event-stream/);
  stream.data.destroy();

  const { data: enrolmentKey } = await call('createEnrolmentKey', undefined, {
    name: 'line 3',
    domain: 'acme',
    approval: true,
  });
  const device = methodsOf(await clientWith(null));
  const applicant = {
    id: 'pump-2',
    key: enrolmentKey.text,
    secret: 's'.repeat(43),
    hardware: '0'.repeat(64),
  };
  const { data: waits, status } = await device('enroll', undefined, applicant);
  expect(status).toBe(202);
  await call('acceptEnrolment', waits.code, {});
  expect((await device('enroll', undefined, applicant)).data).toMatchObject({ domain: 'acme' });

  const { data: webhook } = await call('createWebhook', undefined, {
    url: 'https://hooks.example.com/fleet',
    domain: 'acme',
  });
  expect((await call('changeWebhook', webhook.id, { enabled: false }, { headers: any })).data.enabled).toBe(
    false,
  );
  expect((await call('listDeliveries', webhook.id)).data.items).toEqual([]);
  expect((await call('listRecordings')).data.items).toEqual([]);
  await call('removeWebhook', webhook.id, undefined, { headers: any });

  await expect
    .poll(async () => (await call('listAudit', { event: 'createGrant' })).data.items)
    .toMatchObject([{ user: 'alice', event: 'createGrant' }]);
  await call('removeGrant', grant.id);
  await call('revokeKey', key.id);
  await expect(byKey('listDevices')).rejects.toMatchObject({ response: { status: 401 } });
  await call('removeGroup', 'night');
  await call('removeUser', 'inventory');
  for (const id of ['pump-1', 'pump-2']) await call('deleteDevice', id, undefined, { headers: any });
  await call('deleteDomain', 'acme', undefined, { headers: any });
  expect((await call('listDomains')).data.items).toEqual([]);

  const all = new Set(
    Object.values(document.paths).flatMap((path) => Object.values(path).flatMap((one) => one.tags)),
  );
  expect([...tags].sort()).toEqual([...all].sort());
});
