import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../limits.ts';
import type { ApiClient } from '../../testing/api-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let server: TestServer;
let alice: ApiClient;
/** Sees the devices of `acme`. */
let carol: ApiClient;
/** Sees nothing. */
let bob: ApiClient;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await server.signedIn('alice');
  bob = await server.signedIn('bob');
  for (const id of ['acme', 'lab', 'full']) expect((await alice.post('/domains', { id })).status).toBe(201);
  await server.addUser('carol', 'acme');
  carol = await server.signedIn('carol');
});
afterAll(() => server.close());

const any = { 'if-match': '*' };

async function add(id: string, more: object = {}): Promise<Record<string, unknown>> {
  const { status, body } = await alice.post('/devices', { id, domain: 'acme', ...more });
  expect(status).toBe(201);
  return body as Record<string, unknown>;
}

test('tags are listed for completion, each once, of what somebody sees', async () => {
  await add('tag-1', { tags: ['Tag-red', 'tag-blue'] });
  await add('tag-2', { tags: ['tag-blue', 'tag-\u00fc'] });
  await add('tag-3', { domain: 'lab', tags: ['tag-green', 'tag-blue'] });
  const tags = async (client: ApiClient, query: string) => {
    const { body } = await client.get(`/tags${query}`);
    return (body as { items: { tag: string }[] }).items.map(({ tag }) => tag);
  };
  expect(await tags(alice, '?text=tAG-')).toEqual(['Tag-red', 'tag-blue', 'tag-green', 'tag-\u00fc']);
  expect(await tags(alice, '?text=-gr')).toEqual(['tag-green']);
  expect(await tags(carol, '?text=tag-')).toEqual(['Tag-red', 'tag-blue', 'tag-\u00fc']);
  expect((await bob.get('/tags')).status).toBe((await bob.get('/devices')).status);
  expect((await bob.get('/tags')).text).not.toContain('tag-');
  const { body } = await alice.get('/tags?text=tag-&limit=1');
  const { next } = body as { next: string };
  expect(await tags(alice, `?text=tag-&limit=1&cursor=${next}`)).toEqual(['tag-blue']);
  for (const id of ['tag-1', 'tag-2', 'tag-3']) await alice.delete(`/devices/${id}`, any);
});

describe('adding a device', () => {
  test('gives its password and configuration once', async () => {
    const added = await alice.post('/devices', {
      id: 'Pump-1',
      domain: 'acme',
      name: 'Pump',
      tags: ['red', 'red', 'blue'],
      properties: { room: '12' },
    });
    expect(added.status).toBe(201);
    expect(added.headers.location).toBe('/my-devices/api/devices/pump-1');
    expect(added.headers.etag).toBe('"2"');
    const { device, password, configuration } = added.body as Record<string, object>;
    expect(device).toMatchObject({
      id: 'pump-1',
      domain: 'acme',
      name: 'Pump',
      tags: ['red', 'blue'],
      online: false,
      lastSeen: null,
      createdBy: 'alice',
      properties: { system: {}, user: { room: '12' } },
    });
    expect(configuration).toMatchObject({ device: { id: 'pump-1', domain: 'acme', password } });
    const read = await alice.get('/devices/PUMP-1');
    expect(read.body).toEqual(device);
    expect(read.text).not.toContain(String(password));
  });

  test('with Accept gives the configuration of the agent alone', async () => {
    const accept = 'application/vnd.rm-agent+json';
    const body = { id: 'accept', domain: 'acme', digest: true };
    const { status, headers, text } = await alice.post('/devices', body, { accept });
    expect([status, headers['content-type']]).toEqual([201, accept]);
    expect(JSON.parse(text)).toMatchObject({ device: { id: 'accept', auth: 'digest' }, services: [{}, {}] });
  });

  test('is in the domain of the installation by default, with a random ID', async () => {
    const { body } = await alice.post('/devices', {});
    expect((body as { device: { id: string } }).device.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('with a certificate has no password', async () => {
    const { password, configuration } = await add('certified', { certificate: true });
    expect([password, configuration]).toMatchObject([null, { tls: {} }]);
  });

  test('with an Idempotency-Key is done once', async () => {
    const key = { 'idempotency-key': 'add once' };
    const first = await alice.post('/devices', { id: 'once', domain: 'acme' }, key);
    const second = await alice.post('/devices', { id: 'once', domain: 'acme' }, key);
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect((await alice.post('/devices', { id: 'other', domain: 'acme' }, key)).status).toBe(422);
  });

  test.each([
    ['an ID with a space', { id: 'a b' }, 400, '/id'],
    ['an ID that is too long', { id: 'a'.repeat(64) }, 400, '/id'],
    ['an ID that is a name of the reflector', { id: 'reflector', domain: 'acme' }, 422, '/id'],
    ['an unknown field', { id: 'x', pasword: '' }, 400, '/pasword'],
    ['an unknown domain', { id: 'x', domain: 'none' }, 422, '/domain'],
    ['a domain that is none', { id: 'x', domain: 'a b' }, 400, '/domain'],
    [
      'nameLength: a name that is too long',
      { id: 'x', name: 'a'.repeat(defaultLimits.nameLength + 1) },
      400,
      '/name',
    ],
    ['a name of two lines', { id: 'x', name: 'a\nb' }, 400, '/name'],
    [
      'notesLength: notes that are too long',
      { id: 'x', notes: 'a'.repeat(defaultLimits.notesLength + 1) },
      400,
      '/notes',
    ],
    [
      'tagLength: a tag that is too long',
      { id: 'x', tags: ['a'.repeat(defaultLimits.tagLength + 1)] },
      400,
      '/tags/0',
    ],
    [
      'tags: too many',
      { id: 'x', tags: Array.from({ length: defaultLimits.tags + 1 }, (_, n) => `${n}`) },
      400,
      '/tags',
    ],
    ['an empty tag', { id: 'x', tags: [''] }, 400, '/tags/0'],
    [
      'propertyValueLength: a property that is too long',
      { id: 'x', properties: { a: 'b'.repeat(defaultLimits.propertyValueLength + 1) } },
      400,
      '/properties/a',
    ],
    [
      'propertyNameLength: a name of a property that is too long',
      { id: 'x', properties: { ['a'.repeat(defaultLimits.propertyNameLength + 1)]: 'b' } },
      400,
      '/properties',
    ],
    [
      'userPropertiesLength: properties that are too long together',
      {
        id: 'x',
        properties: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`p${n}`, 'v'.repeat(4_000)])),
      },
      422,
      '/properties',
    ],
    ['a property that is no text', { id: 'x', properties: { a: 1 } }, 400, '/properties/a'],
  ])('with %s is refused', async (_what, body, status, field) => {
    const answer = await alice.post('/devices', body);
    expect([answer.status, (answer.body as { errors: { field: string }[] }).errors[0]?.field]).toEqual([
      status,
      field,
    ]);
  });

  test('with an ID that is taken is a conflict', async () => {
    await add('taken');
    expect((await alice.post('/devices', { id: 'TAKEN', domain: 'lab' })).status).toBe(409);
  });

  test('needs devices.create', async () => {
    expect((await bob.post('/devices', { id: 'x' })).status).toBe(403);
    expect((await carol.post('/devices', { id: 'x', domain: 'acme' })).status).toBe(403);
  });
});

describe('a device', () => {
  test('is there for those who may see it', async () => {
    await add('seen');
    await add('unseen', { domain: 'lab' });
    expect((await carol.get('/devices/seen')).status).toBe(200);
    for (const answer of [await carol.get('/devices/unseen'), await carol.get('/devices/never')]) {
      expect([answer.status, answer.headers['x-ptth-error']]).toMatchObject([
        404,
        expect.stringMatching(/^no device "/),
      ]);
    }
    expect((await bob.get('/devices/seen')).status).toBe(403);
    expect((await server.client().get('/devices/seen')).status).toBe(401);
  });

  test('is changed where nobody else has changed it', async () => {
    await add('change', { name: 'Before', properties: { a: '1', b: '2' } });
    const { headers } = await alice.get('/devices/change');
    const etag = { 'if-match': String(headers.etag) };
    const changed = await alice.patch(
      '/devices/change',
      { name: null, notes: 'two\nlines', tags: ['x'], properties: { a: null, c: '3' } },
      etag,
    );
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { name: null, notes: 'two\nlines', tags: ['x'], properties: { user: { b: '2', c: '3' } } },
    ]);
    expect((await alice.patch('/devices/change', { name: 'After' }, etag)).status).toBe(412);
    expect((await alice.patch('/devices/change', { name: 'After' })).status).toBe(428);
    expect((await alice.get('/devices/change')).body).toMatchObject({ name: null });
    expect((await carol.patch('/devices/change', { name: 'Mine' }, any)).status).toBe(403);
    expect((await bob.patch('/devices/change', { name: 'Mine' }, any)).status).toBe(403);
    expect((await alice.patch('/devices/never', { name: 'x' }, any)).status).toBe(404);
  });

  test.each([
    [
      'userProperties: too many',
      {
        properties: Object.fromEntries(
          Array.from({ length: defaultLimits.userProperties + 1 }, (_, n) => [`p${n}`, 'v']),
        ),
      },
      422,
    ],
    [
      'properties that are too long together',
      { properties: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`p${n}`, 'v'.repeat(4_000)])) },
      422,
    ],
    ['a property without a name', { properties: { '': 'v' } }, 400],
    ['a domain that does not exist', { domain: 'none' }, 422],
    [
      'descriptionLength: a description that is too long',
      { description: 'a'.repeat(defaultLimits.descriptionLength + 1) },
      400,
    ],
  ])('keeps what it is where %s are given', async (_what, body, status) => {
    await alice.post('/devices', { id: 'bounds', domain: 'acme' });
    const before = (await alice.get('/devices/bounds')).text;
    expect((await alice.patch('/devices/bounds', body, any)).status).toBe(status);
    expect((await alice.get('/devices/bounds')).text).toBe(before);
  });

  test('is not taken out of its domain by who may change this one device', async () => {
    await add('lent', { domain: 'lab' });
    await server.addUser('otto');
    const otto = await server.signedIn('otto');
    await alice.post('/grants', { user: 'otto', role: 'operator', domain: 'acme' });
    await alice.post('/grants', { user: 'otto', role: 'operator', device: 'lent' });
    expect((await otto.patch('/devices/lent', { notes: 'x' }, any)).status).toBe(200);
    expect((await otto.patch('/devices/lent', { domain: 'acme' }, any)).status).toBe(403);
    await alice.post('/grants', { user: 'otto', role: 'operator', domain: 'lab' });
    expect((await otto.patch('/devices/lent', { domain: 'acme' }, any)).status).toBe(200);
  });

  test('says which of its ports the caller may open', async () => {
    await add('opened', { domain: 'lab' });
    await server.addUser('olga');
    const olga = await server.signedIn('olga');
    const open = async (caller: ApiClient) =>
      ((await caller.get('/devices/opened')).body as { readonly openPorts: unknown }).openPorts;
    const grant = (role: string, ports?: readonly (number | 'web')[]) =>
      alice.post('/grants', { user: 'olga', role, device: 'opened', ...(ports ? { ports } : {}) });
    expect(await open(alice)).toBeNull();
    await grant('auditor');
    expect(await open(olga)).toEqual([]);
    await grant('user', ['web']);
    await grant('user', ['web', 22]);
    expect(await open(olga)).toEqual(['web', 22]);
    await grant('user');
    expect(await open(olga)).toBeNull();
  });

  test('moves to another domain, and is seen by its users then', async () => {
    await add('mover', { domain: 'lab' });
    expect((await carol.get('/devices/mover')).status).toBe(404);
    expect((await alice.patch('/devices/mover', { domain: 'acme' }, any)).body).toMatchObject({
      domain: 'acme',
    });
    expect((await carol.get('/devices/mover')).body).toMatchObject({ domain: 'acme' });
  });

  test('is removed where nobody has changed it', async () => {
    await add('gone');
    expect((await alice.delete('/devices/gone')).status).toBe(428);
    expect((await alice.delete('/devices/gone', { 'if-match': '"1"' })).status).toBe(412);
    expect((await carol.delete('/devices/gone', any)).status).toBe(403);
    expect((await alice.delete('/devices/gone', { 'if-match': '"2"' })).status).toBe(204);
    expect((await alice.delete('/devices/gone', any)).status).toBe(404);
    const again = await add('gone');
    expect(again.device).toMatchObject({ tags: [], createdBy: 'alice' });
  });

  test('gets a new password', async () => {
    const { password } = await add('reset');
    const { status, body } = await alice.post('/devices/reset/password', {});
    expect(status).toBe(200);
    const { password: next, configuration } = body as { password: string; configuration: object };
    expect(next).not.toBe(password);
    expect(configuration).toMatchObject({ device: { id: 'reset', password: next } });
    expect((await carol.post('/devices/reset/password', {})).status).toBe(403);
    expect((await alice.post('/devices/never/password', {})).status).toBe(404);
  });

  test('that is not on line cannot be disconnected', async () => {
    await add('off');
    expect((await alice.post('/devices/off/disconnect')).status).toBe(409);
    expect((await carol.post('/devices/off/disconnect')).status).toBe(403);
  });
});

describe('the list', () => {
  const ids = (answer: { body: unknown }) =>
    (answer.body as { items: { id: string }[] }).items.map(({ id }) => id);

  beforeAll(async () => {
    for (const n of [1, 2, 3, 4, 5]) {
      await add(`list-${n}`, {
        domain: n > 3 ? 'lab' : 'acme',
        tags: [`n${n % 2}`],
        name: `Listed ${9 - n}`,
      });
    }
  });

  test.each([
    ['text=listed', ['list-1', 'list-2', 'list-3', 'list-4', 'list-5']],
    ['text=listed&sort=-id', ['list-5', 'list-4', 'list-3', 'list-2', 'list-1']],
    ['text=LISTED&sort=name', ['list-5', 'list-4', 'list-3', 'list-2', 'list-1']],
    ['text=listed&domain=acme', ['list-1', 'list-2', 'list-3']],
    ['text=listed&tag=n1', ['list-1', 'list-3', 'list-5']],
    ['text=listed%208', ['list-1']],
    ['text=t-4', ['list-4']],
    ['text=listed&status=online', []],
    [
      'text=listed&status=offline&lastSeenBefore=2100-01-01',
      ['list-1', 'list-2', 'list-3', 'list-4', 'list-5'],
    ],
    ['text=listed&lastSeenSince=2000-01-01T00:00:00Z', []],
    ['text=listed&createdSince=2100-01-01', []],
  ])('has what %s says', async (query, expected) => {
    expect(ids(await alice.get(`/devices?${query}`))).toEqual(expected);
  });

  test('comes in pages, in which nothing is missed while devices come and go', async () => {
    const first = await alice.get('/devices?text=listed&limit=2');
    expect(ids(first)).toEqual(['list-1', 'list-2']);
    await alice.delete('/devices/list-2', any);
    await add('list-1a', { name: 'Listed too' });
    const { next } = first.body as { next: string };
    const second = await alice.get(`/devices?text=listed&limit=2&cursor=${next}`);
    expect(ids(second)).toEqual(['list-3', 'list-4']);
    const last = await alice.get(
      `/devices?text=listed&limit=2&cursor=${(second.body as { next: string }).next}`,
    );
    expect([ids(last), (last.body as { next: unknown }).next]).toEqual([['list-5'], null]);
  });

  test('has the properties that are asked for', async () => {
    await add('described', { properties: { site: 'Graz', contract: 'C-1', constructor: 'x' } });
    const listed = async (query: string) =>
      ((await alice.get(`/devices?text=described&${query}`)).body as { items: object[] }).items[0];
    expect(await listed('properties=site')).toMatchObject({ properties: { site: 'Graz' } });
    expect(await listed('properties=contract&properties=never&properties=constructor')).toMatchObject({
      properties: { contract: 'C-1', constructor: 'x' },
    });
    expect(await listed('')).not.toHaveProperty('properties');
    const many = Array.from({ length: 11 }, (_, i) => `properties=p${i}`).join('&');
    expect((await alice.get(`/devices?${many}`)).status).toBe(400);
    await alice.delete('/devices/described', any);
  });

  test('of those who have it open is empty while nobody has, and for those who see it only', async () => {
    const nobody = { items: [], waiting: [] };
    expect((await alice.get('/devices/list-1/users')).body).toEqual(nobody);
    expect((await carol.get('/devices/list-1/users')).body).toEqual(nobody);
    expect((await carol.get('/devices/list-5/users')).status).toBe(404);
  });

  test('has what the caller may see', async () => {
    expect(ids(await carol.get('/devices?text=listed'))).toEqual(['list-1', 'list-1a', 'list-3']);
    expect(ids(await carol.get('/devices?domain=lab'))).toEqual([]);
    expect((await bob.get('/devices')).status).toBe(403);
  });

  test.each([
    ['limit=0', '#query/limit'],
    ['limit=201', '#query/limit'],
    ['sort=address', '#query/sort'],
    ['status=maybe', '#query/status'],
    ['lastSeenBefore=yesterday', '#query/lastSeenBefore'],
    ['lastSeenBefore=2026-13-45', '#query/lastSeenBefore'],
    ['cursor=x', '#query/cursor'],
    ['cursor=WyJpZCIsMSwxXQ', '#query/cursor'],
    [`text=${'a'.repeat(101)}`, '#query/text'],
    ['color=red', '#query/color'],
  ])('refuses %s', async (query, field) => {
    const { status, body } = await alice.get(`/devices?${query}`);
    expect([status, (body as { errors: { field: string }[] }).errors[0]?.field]).toEqual([400, field]);
  });

  test('refuses a cursor of another order', async () => {
    const { body } = await alice.get('/devices?limit=1');
    const { next } = body as { next: string };
    expect((await alice.get(`/devices?limit=1&sort=name&cursor=${next}`)).status).toBe(400);
  });
});

describe('domains', () => {
  test('are listed with their quotas and what they use, to those who may see them', async () => {
    const { body } = await carol.get('/domains');
    expect((body as { items: object[] }).items).toMatchObject([
      {
        id: 'acme',
        quotas: { devices: null, connections: null, bytesPerMonth: null },
        usage: { connections: 0 },
      },
    ]);
    const first = (await alice.get('/domains?limit=1')).body as { items: object[]; next: string };
    const second = (await alice.get(`/domains?limit=1&cursor=${first.next}`)).body as { items: object[] };
    expect(second.items).not.toEqual(first.items);
    expect((await bob.get('/domains')).status).toBe(403);
  });

  test('one is there for those who may use it', async () => {
    expect((await carol.get('/domains/acme')).status).toBe(200);
    for (const path of ['/domains/lab', '/domains/none']) expect((await carol.get(path)).status).toBe(404);
    expect((await bob.get('/domains/acme')).status).toBe(404);
    expect((await alice.get('/domains/acme/traffic')).body).toEqual({ months: [] });
    expect((await carol.get('/domains/lab/traffic')).status).toBe(404);
  });

  test('are added, changed and removed by those who may', async () => {
    const added = await alice.post('/domains', { id: 'new', name: 'New', quotas: { devices: 5 } });
    expect([added.status, added.body]).toMatchObject([
      201,
      { name: 'New', quotas: { devices: 5, connections: null } },
    ]);
    expect((await alice.post('/domains', { id: 'new' })).status).toBe(409);
    const etag = { 'if-match': String(added.headers.etag) };
    const changed = await alice.patch(
      '/domains/new',
      { description: 'd', quotas: { devices: null, connections: 2 } },
      etag,
    );
    expect(changed.body).toMatchObject({
      name: 'New',
      description: 'd',
      quotas: { devices: null, connections: 2 },
    });
    expect((await alice.patch('/domains/new', { name: 'x' }, etag)).status).toBe(412);
    expect((await alice.patch('/domains/new', { name: 'x' })).status).toBe(428);
    expect((await alice.patch('/domains/new', { quotas: { devices: -1 } }, any)).status).toBe(400);
    expect((await carol.patch('/domains/acme', { name: 'x' }, any)).status).toBe(403);
    expect((await carol.post('/domains', { id: 'mine' })).status).toBe(403);
    expect((await carol.delete('/domains/acme', any)).status).toBe(403);
    expect((await alice.delete('/domains/new', etag)).status).toBe(412);
    await alice.post('/devices', { id: 'blocks', domain: 'new' });
    expect((await alice.delete('/domains/new', any)).status).toBe(409);
    await alice.delete('/devices/blocks', any);
    expect((await alice.delete('/domains/new', any)).status).toBe(204);
    expect((await alice.get('/domains/new')).status).toBe(404);
  });

  test('with a domain goes what names it: one made anew inherits nothing', async () => {
    await alice.post('/domains', { id: 'granted' });
    await server.addUser('dave', 'granted');
    await server.addUser('erin');
    const domainsOf = async (path: string) =>
      ((await alice.get(path)).body as { items: { domain: string }[] }).items.map(({ domain }) => domain);
    const make = async (path: string, body: object) => {
      const answer = await alice.post(path, body);
      expect(answer.status, answer.text).toBe(201);
      return answer.body as { readonly id: string; readonly secret: string };
    };
    for (const domain of ['granted', 'lab']) {
      await make('/grants', { user: 'erin', role: 'operator', domain });
      await make('/webhooks', { url: `https://hooks.example.com/${domain}`, domain });
      await make('/enrolment-keys', { name: domain, domain });
    }
    const keys = await Promise.all(
      [['granted'], ['granted', 'lab']].map((domains) =>
        make('/keys', {
          name: domains.join(),
          permissions: ['domains.read'],
          targets: domains.map((domain) => ({ domain })),
        }),
      ),
    );
    const seenBy = ({ secret }: { readonly secret: string }) =>
      server
        .withToken(secret)
        .get('/domains/granted')
        .then(({ status }) => status);
    for (const key of keys) expect(await seenBy(key)).toBe(200);
    const applicant = { id: 'waits', domain: 'granted', secret: 's'.repeat(43), hardware: '0'.repeat(64) };
    expect((await server.client().post('/enroll', applicant)).status).toBe(202);
    for (const path of ['/grants?user=erin', '/webhooks', '/enrolment-keys']) {
      expect((await domainsOf(path)).sort(), path).toEqual(['granted', 'lab']);
    }
    expect(await domainsOf('/enrolments')).toEqual(['granted']);

    expect((await alice.delete('/domains/granted', any)).status).toBe(204);
    await alice.post('/domains', { id: 'granted' });
    expect((await server.reflector.store.users.get('dave'))?.domains).toEqual([]);
    for (const path of ['/grants?user=erin', '/webhooks', '/enrolment-keys']) {
      expect(await domainsOf(path), path).toEqual(['lab']);
    }
    expect(await domainsOf('/enrolments')).toEqual([]);
    const targets = await Promise.all(keys.map(async ({ id }) => (await alice.get(`/keys/${id}`)).body));
    expect(targets).toMatchObject([{ targets: [] }, { targets: [{ domain: 'lab' }] }]);
    for (const key of keys) await expect.poll(() => seenBy(key)).toBe(404);
  });

  test('a quota of devices counts for what is added and what moves in', async () => {
    await alice.patch('/domains/full', { quotas: { devices: 1 } }, any);
    expect((await alice.post('/devices', { id: 'fits', domain: 'full' })).status).toBe(201);
    const full = 'quota: the domain full may have 1 device, and has 1';
    expect((await alice.post('/devices', { id: 'fits-not', domain: 'full' })).body).toMatchObject({
      status: 409,
      detail: full,
    });
    await add('outside');
    expect((await alice.patch('/devices/outside', { domain: 'full' }, any)).body).toMatchObject({
      status: 409,
      detail: full,
    });
    expect((await alice.get('/domains/full')).body).toMatchObject({
      quotas: { devices: 1 },
      usage: { devices: 1 },
    });
    await alice.delete('/devices/fits', any);
    expect((await alice.post('/devices', { id: 'fits-not', domain: 'full' })).status).toBe(201);
  });
});
