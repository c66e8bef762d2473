import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { basePath } from '../api/routes.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';

let server: TestServer;
let alice: ApiClient;
const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const start = 1_700_000_000_000;
const iso = (n: number) => new Date(start + n).toISOString();

beforeAll(async () => {
  server = await TestServer.start({
    limits: { auditExportPage: 7, callsBurst: 1_000, auditBatchMs: 20 },
    own: { auditDays: 3_650 },
  });
  const { store } = server.reflector;
  for (const [id, domain] of [
    ['pump', 'acme'],
    ['lamp', 'other'],
  ] as const)
    await store.devices.add({ id, domain, secrets }, 0, null);
  const entries = Array.from({ length: 30 }, (_, n) => {
    const record = {
      event: n % 3 === 0 ? 'log-in' : 'request',
      allowed: n % 5 !== 0,
      user: n % 2 === 0 ? 'carol' : 'dave',
      device: n % 3 === 0 ? undefined : n % 2 === 0 ? 'pump' : 'lamp',
      reason: `entry ${n}`,
    };
    const { event, user, device = null } = record;
    return { time: start + n, event, user, device, record: JSON.stringify(record) };
  });
  await store.audit.append(entries);
  alice = await server.signedIn('alice');
});
afterAll(() => server.close());

const numbers = (body: unknown) =>
  (body as { items: { reason: string }[] }).items.map(({ reason }) => Number(reason.slice(6)));

test.each<[string, (n: number) => boolean]>([
  ['user=carol', (n) => n % 2 === 0],
  ['device=pump', (n) => n % 3 !== 0 && n % 2 === 0],
  ['event=log-in', (n) => n % 3 === 0],
  ['allowed=false', (n) => n % 5 === 0],
  [`since=${iso(10)}`, (n) => n >= 10],
  [
    `since=${iso(10)}&user=dave&event=request&allowed=true`,
    (n) => n >= 10 && n % 2 === 1 && n % 3 !== 0 && n % 5 !== 0,
  ],
  ['user=nobody', () => false],
  ['user=%27%20OR%201--', () => false],
])('%s: the latest first, a page at a time', async (query, fits) => {
  const expected = Array.from({ length: 30 }, (_, n) => 29 - n).filter(fits);
  const found: number[] = [];
  const filter = `until=${iso(30)}&${query}`;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await alice.get(
      `/audit?limit=4&${filter}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    expect(status).toBe(200);
    found.push(...numbers(body));
    cursor = (body as { next: string | null }).next;
  }
  expect(found).toEqual(expected);
  const exported = await alice.get(`/audit/export?${filter}`);
  expect(exported.headers['content-type']).toBe('application/x-ndjson');
  const lines = exported.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.pop()).toEqual({ complete: true, records: expected.length });
  expect(lines.map(({ reason }) => Number(reason.slice(6)))).toEqual(expected.reverse());
});

test('an auditor of a domain reads what is about its devices, and others nothing', async () => {
  await server.addUser('erin');
  const erin = await server.signedIn('erin');
  expect((await erin.get('/audit')).status).toBe(403);
  expect((await erin.get('/audit/export')).status).toBe(403);
  await alice.post('/grants', { user: 'erin', role: 'auditor', domain: 'acme' });
  const { body } = await erin.get(`/audit?until=${iso(30)}`);
  const expected = Array.from({ length: 30 }, (_, n) => 29 - n).filter((n) => n % 3 !== 0 && n % 2 === 0);
  expect(numbers(body)).toEqual(expected);
  const exported = await erin.get(`/audit/export?until=${iso(30)}`);
  expect(exported.text.trimEnd().split('\n')).toHaveLength(expected.length + 1);
});

test('an auditor of a domain reads nothing about a device of the same ID that was there before', async () => {
  const { store } = server.reflector;
  await store.devices.add({ id: 'again', domain: 'acme', secrets }, start + 50, null);
  const noted = [10, 60].map((n) => {
    const record = JSON.stringify({ event: 'request', allowed: true, device: 'again', reason: `entry ${n}` });
    return { time: start + n, event: 'request', user: null, device: 'again', record };
  });
  await store.audit.append(noted);
  await server.addUser('fay');
  const fay = await server.signedIn('fay');
  await alice.post('/grants', { user: 'fay', role: 'auditor', domain: 'acme' });
  expect(numbers((await fay.get('/audit?device=again')).body)).toEqual([60]);
  expect(numbers((await alice.get('/audit?device=again')).body)).toEqual([60, 10]);
});

test('a device that has moved takes no past of its former domain along, but for who may read all', async () => {
  const { devices, audit } = server.reflector.store;
  await devices.add({ id: 'went', domain: 'acme', secrets }, start + 50, null);
  const uid = (await devices.identity('went'))?.uid ?? '';
  const facts = { address: '192.0.2.7', agent: 'rm-agent', properties: {} };
  await devices.noteConnected({ id: 'went', uid }, start + 55, facts);
  await devices.noteDisconnected({ id: 'went', uid }, start + 56, { cause: 'lost', reason: '' });
  const note = (n: number, time: number) =>
    audit.append([
      {
        time,
        event: 'request',
        user: 'carol',
        device: 'went',
        record: JSON.stringify({ event: 'request', allowed: true, device: 'went', reason: `entry ${n}` }),
      },
    ]);
  await note(60, start + 60);
  for (const [user, domain] of [
    ['gina', 'acme'],
    ['hugo', 'other'],
  ] as const) {
    await server.addUser(user);
    for (const role of ['auditor', 'operator']) await alice.post('/grants', { user, role, domain });
  }
  const [gina, hugo] = [await server.signedIn('gina'), await server.signedIn('hugo')];
  const seen = async (client: ApiClient) => {
    const { body } = await client.get('/audit?device=went&event=request');
    const log = await client.get('/devices/went/log');
    const connections = await client.get('/devices/went/connections');
    const items = ({ body: answer }: { readonly body: unknown }) =>
      (answer as { items?: { event?: string }[] }).items;
    return [
      numbers(body),
      items(log)?.filter(({ event }) => event === 'request').length,
      items(connections)?.length,
    ];
  };
  expect(await seen(gina)).toEqual([[60], 1, 1]);
  expect(await seen(hugo)).toEqual([[], undefined, undefined]);
  expect((await alice.patch('/devices/went', { domain: 'other' }, { 'if-match': '*' })).status).toBe(200);
  await note(61, Date.now() + 1_000);
  expect(await seen(gina)).toEqual([[], undefined, undefined]);
  expect(await seen(hugo)).toEqual([[61], 1, 0]);
  expect(await seen(alice)).toEqual([[61, 60], 2, 1]);
});

test('what happens can be asked for soon, exports too', async () => {
  await alice.post('/groups', { name: 'noted' });
  await alice.get(`/audit/export?until=${iso(0)}`);
  const events = async () => {
    const { body } = await alice.get(`/audit?user=alice&since=${iso(30)}&limit=200`);
    return (body as { items: { event: string }[] }).items.map(({ event }) => event);
  };
  await expect.poll(events).toEqual(expect.arrayContaining(['createGroup', 'exportAudit', 'token']));
});

test('auditExportPage: an export that is cut does not look whole', async () => {
  const { port } = server.reflector;
  const { token } = (
    await server.client().call('POST', '/token', 'username=bob&password=a+long+enough+secret', {
      'content-type': 'application/x-www-form-urlencoded',
    })
  ).body as { token: string };
  await alice.post('/grants', { user: 'bob', role: 'auditor' });
  const many = Array.from({ length: 60_000 }, () => ({
    time: start,
    event: 'filler',
    user: null,
    device: null,
    record: JSON.stringify({ event: 'filler', allowed: true, detail: 'x'.repeat(500) }),
  }));
  for (let n = 0; n < 60; n++)
    await server.reflector.store.audit.append(many.slice(n * 1_000, (n + 1) * 1_000));
  const socket = connect(port, '127.0.0.1');
  let received = '';
  let first = () => {};
  const begun = new Promise<void>((resolve) => {
    first = resolve;
  });
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString();
    first();
    socket.pause();
    setImmediate(() => socket.resume());
  });
  socket.write(
    `GET ${basePath}/audit/export?event=filler HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await begun;
  await server.reflector.store.users.setPassword('bob', 'another hash');
  await ended;
  expect(received).toContain('HTTP/1.1 200 ');
  expect(received).not.toContain('"complete"');
  expect(received.endsWith('0\r\n\r\n')).toBe(false);
});
