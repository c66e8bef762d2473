import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiAnswer, ApiClient } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';

let server: TestServer;
let alice: ApiClient;
let bob: ApiClient;
const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const any = { 'if-match': '*' };

beforeAll(async () => {
  server = await TestServer.start({ limits: { callsBurst: 1_000, grantsPerSubject: 12, keysPerUser: 6 } });
  for (const [id, domain] of [
    ['pump', 'acme'],
    ['valve', 'acme'],
    ['lamp', 'other'],
  ] as const)
    await server.reflector.store.devices.add({ id, domain, secrets }, 0, null);
  alice = await server.signedIn('alice');
  bob = await server.signedIn('bob');
});
afterAll(() => server.close());

const detail = ({ body }: ApiAnswer) => (body as { detail?: string }).detail;
const field = ({ body }: ApiAnswer) => (body as { errors?: { field: string }[] }).errors?.[0]?.field;
const created = async (answer: Promise<ApiAnswer>): Promise<Record<string, string>> => {
  const { status, body, text } = await answer;
  expect(status, text).toBe(201);
  return body as Record<string, string>;
};
const audited = async (event: string): Promise<Record<string, unknown>[]> => {
  await new Promise(setImmediate);
  return server.records.filter((record) => record.event === event).map((record) => ({ ...record }));
};

describe('users', () => {
  test('are added, shown, changed and removed, and each change is in the audit log', async () => {
    const body = {
      name: 'carol',
      fullName: 'Carol C',
      email: 'carol@example.com',
      password: 'three blue horses',
    };
    expect(await created(alice.post('/users', body))).toMatchObject({
      name: 'carol',
      kind: 'person',
      role: 'user',
      email: 'carol@example.com',
      oneTimePasswords: false,
    });
    const shown = await alice.get('/users/carol');
    const etag = String(shown.headers.etag);
    const changed = await alice.patch('/users/carol', { fullName: 'Carol D' }, { 'if-match': etag });
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining({ fullName: 'Carol D' })]);
    expect((await alice.patch('/users/carol', { fullName: 'E' }, { 'if-match': etag })).status).toBe(412);
    expect((await alice.patch('/users/carol', { fullName: 'E' })).status).toBe(428);
    expect((await alice.get('/users?text=CAROL')).body).toMatchObject({
      items: [{ name: 'carol' }],
      next: null,
    });
    await alice.patch('/users/carol', { fullName: 'Carol Özdemir' }, any);
    for (const text of ['Özdemir', 'özdemir', 'ÖZDEMIR', 'özdemir carol']) {
      const found = await alice.get(`/users?${new URLSearchParams({ text })}`);
      expect(found.body, text).toMatchObject({ items: [{ name: 'carol' }], next: null });
    }
    const first = await alice.get('/users?limit=1');
    const { items, next } = first.body as { items: { name: string }[]; next: string };
    expect(items.map(({ name }) => name)).toEqual(['alice']);
    expect((await alice.get(`/users?limit=1&cursor=${next}`)).body).toMatchObject({
      items: [{ name: 'bob' }],
    });
    expect((await alice.delete('/users/carol')).status).toBe(204);
    expect((await alice.get('/users/carol')).status).toBe(404);
    const details = (await audited('changeUser')).map((record) => [record.user, record.detail]);
    const detail = ['alice', 'changed fullName of the user carol'];
    expect(details).toEqual([detail, detail]);
  });

  test.each<[string, object, number, string | undefined]>([
    ['a name that is taken', { name: 'bob' }, 409, undefined],
    ['a name with a colon', { name: 'a:b' }, 400, '/name'],
    ['no name', {}, 400, '/name'],
    ['an unknown field', { name: 'x', admin: true }, 400, '/admin'],
    ['a common password', { name: 'x', password: 'password123' }, 422, '/password'],
    ['an address with a line break', { name: 'x', email: 'a@b\r\nBcc: c@d' }, 400, '/email'],
    ['two addresses', { name: 'x', email: 'a@b.example,c@d.example' }, 400, '/email'],
    [
      'a service account with a password',
      { name: 'x', kind: 'service', password: 'three blue horses' },
      422,
      '/password',
    ],
    [
      'a service account that is administrator',
      { name: 'x', kind: 'service', role: 'administrator' },
      422,
      '/role',
    ],
    ['an invitation without mail', { name: 'x', email: 'x@example.com', invite: true }, 409, undefined],
  ])('%s is refused, and nothing is added', async (_title, body, status, where) => {
    const before = (await alice.get('/users?limit=200')).text;
    const answer = await alice.post('/users', body);
    expect([answer.status, field(answer)]).toEqual([status, where]);
    expect((await alice.get('/users?limit=200')).text).toBe(before);
  });

  test('a mail address is that of one user', async () => {
    await created(alice.post('/users', { name: 'one', email: 'One@example.com' }));
    expect(field(await alice.post('/users', { name: 'two', email: 'one@EXAMPLE.com' }))).toBe('/email');
    expect((await alice.get('/users/two')).status).toBe(404);
    await created(alice.post('/users', { name: 'two' }));
    const change = { role: 'administrator', email: 'one@example.com' };
    expect(field(await alice.patch('/users/two', change, any))).toBe('/email');
    // A change is made as a whole or not at all.
    expect((await alice.get('/users/two')).body).toMatchObject({ role: 'user', email: null });
  });

  test('the last administrator stays one', async () => {
    const change = { role: 'user', fullName: 'Alice', email: 'alice@example.com' };
    expect(detail(await alice.patch('/users/alice', change, any))).toMatch(/last administrator/);
    expect((await alice.get('/users/alice')).body).toMatchObject({ fullName: '', email: null });
    expect((await alice.delete('/users/alice')).status).toBe(409);
  });

  test('are nobody’s business who may not read them', async () => {
    expect((await bob.get('/users')).status).toBe(403);
    expect((await bob.get('/users/alice')).status).toBe(404);
    expect((await bob.get('/users/bob')).status).toBe(200);
    for (const answer of [
      bob.post('/users', { name: 'x' }),
      bob.patch('/users/bob', { role: 'administrator' }, any),
      bob.delete('/users/alice'),
      bob.delete('/users/alice/sessions'),
      bob.delete('/users/alice/one-time-passwords'),
      bob.post('/users/alice/invitation'),
    ])
      expect((await answer).status).toBe(403);
  });
});

describe('grants', () => {
  test('count at once, for the devices that they name', async () => {
    expect((await bob.get('/account')).body).toMatchObject({ permissions: [] });
    const grant = await created(
      alice.post('/grants', { user: 'bob', role: 'user', device: 'pump', ports: ['web'] }),
    );
    expect((await bob.get('/account')).body).toMatchObject({
      permissions: expect.arrayContaining([
        { permission: 'devices.open', extent: { domains: [], devices: 1 } },
      ]),
    });
    expect((await bob.get('/grants')).body).toMatchObject({ items: [{ id: grant.id }] });
    expect((await bob.get(`/grants/${grant.id}`)).status).toBe(200);
    expect((await alice.delete(`/grants/${grant.id}`)).status).toBe(204);
    expect((await bob.get('/account')).body).toMatchObject({ permissions: [] });
    expect((await bob.get(`/grants/${grant.id}`)).status).toBe(404);
    expect(await audited('createGrant')).toContainEqual(
      expect.objectContaining({
        user: 'alice',
        device: 'pump',
        detail: 'granted the user bob the role user for the device pump, ports web',
      }),
    );
  });

  test.each<[string, object, number, string | undefined]>([
    ['to nobody', { role: 'user' }, 422, '/user'],
    ['to a user and a group', { user: 'bob', group: 'g', role: 'user' }, 422, '/user'],
    ['to a stranger', { user: 'nobody', role: 'user' }, 422, '/user'],
    ['to an unknown group', { group: 'nobody', role: 'user' }, 422, '/group'],
    ['of an unknown role', { user: 'bob', role: 'root' }, 400, '/role'],
    ['for a device that is not there', { user: 'bob', role: 'user', device: 'none' }, 422, '/device'],
    [
      'for a device and a domain',
      { user: 'bob', role: 'user', device: 'pump', domain: 'acme' },
      422,
      '/device',
    ],
    ['that has ended', { user: 'bob', role: 'user', until: '1970-01-01' }, 422, '/until'],
    ['of port 0', { user: 'bob', role: 'user', ports: [0] }, 400, '/ports/0'],
    ['of no port', { user: 'bob', role: 'user', ports: [] }, 400, '/ports'],
    ['of ports to an auditor', { user: 'bob', role: 'auditor', ports: ['web'] }, 422, '/ports'],
  ])('%s are refused', async (_title, body, status, where) => {
    const answer = await alice.post('/grants', body);
    expect([answer.status, field(answer)]).toEqual([status, where]);
  });

  test('grantsPerSubject: a user has no more than that', async () => {
    await server.addUser('many');
    const statuses = [];
    for (let i = 0; i < 13; i++) {
      await created(alice.post('/domains', { id: `d${i}` }));
      statuses.push((await alice.post('/grants', { user: 'many', role: 'user', domain: `d${i}` })).status);
    }
    expect(statuses).toEqual([...Array(12).fill(201), 409]);
  });

  test('are for a domain that there is', async () => {
    const grant = await alice.post('/grants', { user: 'bob', role: 'user', domain: 'nowhere' });
    expect(grant).toMatchObject({ status: 422, body: { errors: [{ field: '/domain' }] } });
    const key = { name: 'of none', permissions: ['devices.read'], targets: [{ domain: 'nowhere' }] };
    expect(await alice.post('/keys', key)).toMatchObject({
      status: 422,
      body: { errors: [{ field: '/targets/0/domain' }] },
    });
    // Whoever has nothing in a domain does not learn that there is one.
    expect(await server.as('bob').post('/keys', { ...key, targets: [{ domain: 'acme' }] })).toMatchObject({
      status: 422,
      body: { errors: [{ field: '/targets/0/domain' }] },
    });
  });

  test('an administrator of a domain grants that domain, and nothing else', async () => {
    await server.addUser('dora');
    const dora = await server.signedIn('dora');
    const grant = await created(
      alice.post('/grants', { user: 'dora', role: 'administrator', domain: 'acme' }),
    );
    const give = (body: object) => dora.post('/grants', { user: 'bob', ...body });
    const mine = await created(give({ role: 'operator', domain: 'acme' }));
    await created(give({ role: 'user', device: 'valve' }));
    expect((await give({ role: 'user', domain: 'other' })).status).toBe(403);
    expect((await give({ role: 'user' })).status).toBe(403);
    expect((await give({ role: 'administrator' })).status).toBe(403);
    // What she does not see does not exist for her.
    expect(field(await give({ role: 'user', device: 'lamp' }))).toBe('/device');
    const elsewhere = await created(alice.post('/grants', { user: 'bob', role: 'user', domain: 'other' }));
    expect((await dora.get(`/grants/${elsewhere.id}`)).status).toBe(404);
    expect((await dora.delete(`/grants/${elsewhere.id}`)).status).toBe(404);
    expect((await dora.get('/users')).status).toBe(403);
    expect((await dora.delete('/users/alice')).status).toBe(403);
    expect((await dora.delete(`/grants/${mine.id}`)).status).toBe(204);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const version = (await alice.get(`/grants/${grant.id}`)).headers.etag;
    const changed = await alice.patch(`/grants/${grant.id}`, { until }, { 'if-match': String(version) });
    expect(changed.body).toMatchObject({ until });
    expect((await alice.delete(`/grants/${grant.id}`)).status).toBe(204);
    expect((await give({ role: 'user', domain: 'acme' })).status).toBe(403);
  });
});

test('a list of grants does not say that there are others', async () => {
  await server.addUser('gus');
  const gus = await server.signedIn('gus');
  for (const domain of ['acme', 'other'])
    await created(alice.post('/grants', { user: 'gus', role: 'user', domain }));
  await server.addUser('nosy');
  const nosy = await server.signedIn('nosy');
  expect((await nosy.get('/grants?user=gus&limit=1')).body).toEqual({ items: [], next: null });
  const own = (await gus.get('/grants?limit=1')).body as { items: object[]; next: string };
  expect((await gus.get(`/grants?limit=1&cursor=${own.next}`)).body).toMatchObject({
    items: [{}],
    next: null,
  });
  await created(alice.post('/grants', { user: 'nosy', role: 'administrator', domain: 'acme' }));
  expect((await nosy.get('/grants?user=gus')).body).toMatchObject({
    items: [{ domain: 'acme' }],
    next: null,
  });
});

test('nobody grants for longer, or for more ports, than they hold it', async () => {
  await server.addUser('till');
  const till = await server.signedIn('till');
  const tonight = new Date(Date.now() + 3_600_000).toISOString();
  const given = { user: 'till', role: 'administrator', domain: 'acme', ports: ['web'], until: tonight };
  const { id } = await created(alice.post('/grants', given));
  expect((await till.patch(`/grants/${id}`, { until: null }, any)).status).toBe(403);
  const give = async (more: object) =>
    (await till.post('/grants', { user: 'till', role: 'user', domain: 'acme', ...more })).status;
  expect(await give({})).toBe(403);
  expect(await give({ ports: ['web'] })).toBe(403);
  expect(await give({ until: tonight })).toBe(403);
  expect(await give({ ports: ['web', 22], until: tonight })).toBe(403);
  expect(await give({ ports: ['web'], until: tonight })).toBe(201);
  expect(await give({ device: 'pump', domain: undefined, ports: ['web'], until: tonight })).toBe(201);
});

test('who is administrator for a time makes no administrator for ever', async () => {
  await server.addUser('temp');
  const temp = await server.signedIn('temp');
  const tonight = new Date(Date.now() + 3_600_000).toISOString();
  await created(alice.post('/grants', { user: 'temp', role: 'administrator', until: tonight }));
  expect(field(await temp.post('/users', { name: 'x', role: 'administrator' }))).toBe('/role');
  expect((await temp.patch('/users/alice', { fullName: 'x' }, any)).status).toBe(403);
  expect((await temp.post('/users', { name: 'plain' })).status).toBe(201);
  expect((await temp.patch('/users/plain', { fullName: 'x' }, any)).status).toBe(200);
  expect((await temp.delete('/users/plain')).status).toBe(204);
});

describe('groups', () => {
  test('give their members what they are granted', async () => {
    await server.addUser('fred');
    const fred = await server.signedIn('fred');
    await created(alice.post('/groups', { name: 'field', description: 'Field service' }));
    expect((await alice.post('/groups', { name: 'field' })).status).toBe(409);
    await created(alice.post('/grants', { group: 'field', role: 'auditor', domain: 'acme' }));
    expect((await alice.put('/groups/field/members/fred', undefined)).status).toBe(204);
    expect((await alice.put('/groups/field/members/nobody', undefined)).status).toBe(404);
    expect((await alice.get('/groups/field')).body).toMatchObject({ members: 1 });
    expect((await alice.get('/groups/field/members')).body).toMatchObject({
      items: [{ user: 'fred', source: 'local' }],
    });
    const permissions = async () =>
      ((await fred.get('/account')).body as { permissions: { permission: string }[] }).permissions.map(
        ({ permission }) => permission,
      );
    expect(await permissions()).toContain('audit.read');
    expect((await alice.get('/users/fred')).body).toMatchObject({ groups: ['field'] });
    expect((await fred.put('/groups/field/members/bob', undefined)).status).toBe(403);
    expect((await alice.delete('/groups/field/members/fred')).status).toBe(204);
    expect((await alice.delete('/groups/field/members/fred')).status).toBe(404);
    expect(await permissions()).toEqual([]);
    expect((await alice.patch('/groups/field', { description: 'x' }, any)).body).toMatchObject({
      description: 'x',
    });
    expect((await alice.delete('/groups/field')).status).toBe(204);
    expect((await alice.get('/groups/field')).status).toBe(404);
  });
});

describe('API keys', () => {
  test('do what they name, as far as their user may, until they are revoked', async () => {
    const made = await created(
      alice.post('/keys', {
        name: 'ci',
        permissions: ['users.read'],
        expires: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
    expect(made.secret).toMatch(/^rmk_[\w-]{43}$/);
    const program = server.withToken(String(made.secret));
    expect((await program.get('/users')).status).toBe(200);
    expect((await program.post('/users', { name: 'x' })).status).toBe(403);
    expect((await program.get('/account')).body).toMatchObject({ provenBy: 'api-key', key: made.id });
    const shown = await alice.get(`/keys/${made.id}`);
    expect(shown.body).toMatchObject({ name: 'ci', used: expect.stringMatching(/^2/), address: '127.0.0.1' });
    expect(shown.text).not.toContain(made.secret);
    expect((await bob.get(`/keys/${made.id}`)).status).toBe(404);
    expect((await bob.delete(`/keys/${made.id}`)).status).toBe(404);
    expect((await program.delete(`/keys/${made.id}`)).status).toBe(204);
    expect((await program.get('/users')).status).toBe(401);
  });

  test('of a key are no more than the key', async () => {
    const narrow = await created(
      alice.post('/keys', { name: 'narrow', permissions: ['users.write', 'users.read'] }),
    );
    const program = server.withToken(String(narrow.secret));
    expect((await program.post('/keys', { name: 'wide', permissions: ['devices.open'] })).status).toBe(403);
    // Whoever sets an administrator’s password is an administrator.
    expect((await program.patch('/users/alice', { password: 'three blue horses' }, any)).status).toBe(403);
    expect((await program.delete('/users/alice/one-time-passwords')).status).toBe(403);
    expect(field(await program.post('/users', { name: 'x', role: 'administrator' }))).toBe('/role');
    expect((await program.post('/account/password', { password: 'x', newPassword: 'y' })).status).toBe(422);
    expect((await program.get('/account/sessions')).status).toBe(403);
    await created(program.post('/users', { name: 'plain' }));
    expect((await program.delete('/users/plain')).status).toBe(204);
    expect((await audited('createUser')).at(-1)).toMatchObject({
      user: 'alice',
      by: 'api-key',
      operator: narrow.id,
    });
  });

  test('that a key makes may no more than it, and for no longer', async () => {
    await server.addUser('kim', 'acme');
    const kim = await server.signedIn('kim');
    const permissions = ['devices.open', 'devices.read', 'domains.read', 'events.read'];
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    const made = await created(kim.post('/keys', { name: 'short', permissions, expires }));
    const program = server.withToken(String(made.secret));
    const make = async (more: object) =>
      field(await program.post('/keys', { name: 'next', permissions, expires, ...more }));
    expect(await make({ expires: null })).toBe('/expires');
    expect(await make({ expires: '2099-01-01' })).toBe('/expires');
    // Kim may be made administrator later.
    expect(await make({ permissions: [...permissions, 'users.write'] })).toBe('/permissions');
    await created(program.post('/keys', { name: 'next', permissions: ['devices.read'], expires }));
    const narrow = await created(
      kim.post('/keys', { name: 'narrow', permissions, targets: [{ domain: 'acme' }] }),
    );
    const ours = server.withToken(String(narrow.secret));
    expect(field(await ours.post('/keys', { name: 'all', permissions }))).toBe('/targets');
    await created(ours.post('/keys', { name: 'same', permissions, targets: [{ domain: 'acme' }] }));
  });

  test('of a service account are made by who manages users', async () => {
    await created(alice.post('/users', { name: 'robot', kind: 'service' }));
    await created(alice.post('/grants', { user: 'robot', role: 'user', domain: 'acme' }));
    const body = { user: 'robot', name: 'r', permissions: ['devices.read'], targets: [{ device: 'pump' }] };
    expect((await bob.post('/keys', body)).status).toBe(403);
    const made = await created(alice.post('/keys', body));
    expect(made).toMatchObject({ user: 'robot', targets: [{ device: 'pump' }] });
    expect((await server.withToken(String(made.secret)).get('/account')).body).toMatchObject({
      permissions: [{ permission: 'devices.read', extent: { domains: [], devices: 1 } }],
    });
    expect((await alice.get('/keys?user=robot')).body).toMatchObject({ items: [{ id: made.id }] });
    expect((await bob.get('/keys?user=robot')).status).toBe(403);
    expect((await bob.get('/keys')).body).toEqual({ items: [], next: null });
    expect((await alice.delete('/users/robot')).status).toBe(204);
    expect((await server.withToken(String(made.secret)).get('/account')).status).toBe(401);
  });

  test.each<[string, object, number, string | undefined]>([
    ['no permission', { permissions: [] }, 400, '/permissions'],
    ['an unknown permission', { permissions: ['root'] }, 400, '/permissions/0'],
    ['an end in the past', { permissions: ['users.read'], expires: '1970-01-01' }, 422, '/expires'],
    [
      'an unknown device',
      { permissions: ['users.read'], targets: [{ device: 'none' }] },
      422,
      '/targets/0/device',
    ],
    ['an unknown user', { permissions: ['users.read'], user: 'nobody' }, 422, '/user'],
  ])('with %s are refused', async (_title, body, status, where) => {
    const answer = await alice.post('/keys', { name: 'k', ...body });
    expect([answer.status, field(answer)]).toEqual([status, where]);
  });

  test('what one was answered is not for another one of the same user', async () => {
    const key = (name: string) => created(alice.post('/keys', { name, permissions: ['users.write'] }));
    const [first, second] = [await key('first'), await key('second')];
    const once = { 'idempotency-key': 'the same' };
    const add = (secret = '') => server.withToken(secret).post('/users', { name: 'kept' }, once);
    expect((await add(first.secret)).status).toBe(201);
    expect((await add(first.secret)).headers['idempotency-replayed']).toBe('true');
    expect((await add(second.secret)).status).toBe(422);
  });

  test('keysPerUser: a user has no more than that, each with a name of its own', async () => {
    const make = async (name: string) =>
      (await bob.post('/keys', { name, permissions: ['events.read'] })).status;
    expect([await make('0'), await make('0')]).toEqual([201, 409]);
    const statuses = [];
    for (let i = 1; i < 7; i++) statuses.push(await make(`${i}`));
    expect(statuses).toEqual([201, 201, 201, 201, 201, 409]);
  });

  test.each(['rmk_', 'rmk_x', `rmk_${'a'.repeat(43)}`, `rmk_${'a'.repeat(5_000)}`])(
    '%s is none',
    async (secret) => {
      expect((await server.withToken(secret).get('/account')).status).toBe(401);
    },
  );
});
