import { type ClientRequest, get } from 'node:http';
import { encodePropertiesUpdate } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { readEvents, readSocket } from '../testing/event-readers.ts';
import { addDevice, connectDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

const north = '00000000-0000-0000-0000-00000000000a';
const south = '00000000-0000-0000-0000-00000000000b';

let server: TestServer;
let port: number;
beforeEach(async () => {
  server = await TestServer.start({
    limits: { eventsBatchMs: 10, eventsPollMs: 20, eventRightsMs: 20, eventHeartbeatMs: 300 },
  });
  ({ port } = server.reflector);
});
afterEach(() => server.close());

/** Asks the web server of a device for a page, and waits for nothing. */
function openDevice(user: string, device: string): ClientRequest {
  const authorization = `Basic ${Buffer.from(`${user}:a long enough secret`).toString('base64')}`;
  const headers = { host: `${device}.localhost:${port}`, authorization };
  return get({ port, path: '/', headers }).on('error', () => {});
}

/** Both kinds of stream have the same messages. */
const readers = {
  'server-sent events': async (user: string, query = '') => readEvents(port, user, query),
  'a WebSocket': async (user: string, query = '') => readSocket(port, user, query),
};

describe.each(Object.entries(readers))('by %s', (_name, open) => {
  test('a device comes, says something else, is opened and goes', async () => {
    await addDevice(server, 'dev1', north);
    const reader = await open('alice', '?device=dev1');
    expect(await reader.next()).toEqual({
      kind: 'ready',
      cursor: expect.any(String),
      data: { aliveSeconds: 0.3 },
    });
    const agent = await connectDevice(server, 'dev1', north, { properties: [{ name: 'model', value: 'A' }] });
    expect(await reader.next()).toEqual({
      cursor: expect.any(String),
      kind: 'device.online',
      time: expect.stringMatching(/^20\d\d-.*Z$/),
      device: 'dev1',
      domain: north,
      data: { properties: { model: 'A' } },
    });
    agent.peer.send(encodePropertiesUpdate([{ name: 'model', value: 'B' }]));
    expect(await reader.next()).toMatchObject({
      kind: 'device.properties',
      data: { properties: { model: 'B' } },
    });
    agent.destroy();
    expect(await reader.next()).toMatchObject({
      kind: 'device.offline',
      data: { properties: { model: 'B' }, end: { cause: 'lost', reason: expect.stringMatching(/./) } },
    });
    reader.close();
  });

  test('what other programs do to devices is told', async () => {
    const reader = await open('alice');
    await reader.next();
    await addDevice(server, 'dev1', north);
    expect(await reader.next()).toMatchObject({ kind: 'device.added', device: 'dev1', domain: north });
    await server.reflector.store.devices.remove('dev1', Date.now());
    expect(await reader.next()).toMatchObject({ kind: 'device.removed', device: 'dev1', domain: north });
    reader.close();
  });

  test('a reader sees only what is theirs', async () => {
    await server.addUser('carol', north);
    const reader = await open('carol');
    await reader.next();
    await addDevice(server, 'other', south);
    await addDevice(server, 'mine', north);
    expect(await reader.next()).toMatchObject({ kind: 'device.added', device: 'mine' });
    reader.close();
  });

  test('rights count as they are now', async () => {
    await server.addUser('carol', north);
    await server.reflector.store.users.grant('carol', south);
    const reader = await open('carol');
    await reader.next();
    await server.reflector.store.users.revoke('carol', south);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await addDevice(server, 'other', south);
    await addDevice(server, 'mine', north);
    expect(await reader.next()).toMatchObject({ device: 'mine' });
    await server.reflector.store.users.revoke('carol', north);
    expect(await reader.ended).not.toBe(0);
  });

  test('a removed user is told nothing more', async () => {
    await server.addUser('carol', north);
    const reader = await open('carol');
    await reader.next();
    await server.reflector.store.users.remove('carol', false);
    await addDevice(server, 'mine', north);
    await reader.ended;
    await expect(reader.next()).rejects.toThrow('ended');
  });

  test('a reader that comes again misses nothing', async () => {
    const first = await open('alice');
    const { cursor } = await first.next();
    first.close();
    await addDevice(server, 'dev1', north);
    await addDevice(server, 'dev2', north);
    const second = await open('alice', `?cursor=${cursor}&kind=device.added`);
    expect(await second.kinds(3)).toEqual(['ready', 'device.added', 'device.added']);
    second.close();
  });

  test.each(['1-1', 'zzzzzz-1', 'nonsense'])('the cursor %s is told as lost', async (cursor) => {
    const reader = await open('alice', `?cursor=${cursor}`);
    const lost = await reader.next();
    expect(lost).toEqual({ kind: 'events.lost', cursor: expect.any(String) });
    await addDevice(server, 'dev1', north);
    expect((await reader.next()).kind).toBe('device.added');
    reader.close();
  });

  test('filters', async () => {
    const reader = await open('alice', `?kind=device.added&kind=device.removed&domain=${north}`);
    await reader.next();
    await addDevice(server, 'other', south);
    await addDevice(server, 'dev1', north);
    (await connectDevice(server, 'dev1', north)).destroy();
    await server.reflector.store.devices.remove('dev1', Date.now());
    expect(await reader.kinds(2)).toEqual(['device.added', 'device.removed']);
    reader.close();
  });
});

test('Last-Event-ID comes before the cursor in the address, and silence carries a cursor', async () => {
  const reader = await readEvents(port, 'alice', '?kind=device.offline');
  await reader.next();
  const at = reader.lastEventId();
  await addDevice(server, 'dev1', north);
  while (reader.lastEventId() === at) await new Promise((resolve) => setTimeout(resolve, 20));
  reader.close();
  await addDevice(server, 'dev2', north);
  const again = await readEvents(port, 'alice', `?cursor=${at}`, { 'last-event-id': reader.lastEventId() });
  await again.next();
  expect(await again.next()).toMatchObject({ kind: 'device.added', device: 'dev2' });
  again.close();
});

test('a WebSocket goes elsewhere on demand, and ends with nonsense', async () => {
  const reader = readSocket(port, 'alice', '?kind=device.added');
  const { cursor } = await reader.next();
  await addDevice(server, 'dev1', north);
  expect(await reader.next()).toMatchObject({ device: 'dev1' });
  reader.send(JSON.stringify({ cursor }));
  expect(await reader.kinds(2)).toEqual(['ready', 'device.added']);
  reader.send('[]');
  expect([await reader.ended, reader.reason()]).toEqual([1008, 'a message must be {"cursor":"…"}']);
});

test('a WebSocket gets a sign of life', async () => {
  const reader = readSocket(port, 'alice');
  expect(await reader.kinds(1)).toEqual(['ready']);
  await until(() => reader.lives() > 1);
  reader.close();
});

test('access is seen by who does it, and by who may read the audit log', async () => {
  await server.addUser('carol', north);
  await server.addUser('dave', north);
  await addDevice(server, 'dev1', north);
  const properties = [{ name: 'httpPort', value: '80' }];
  const agent = await connectDevice(server, 'dev1', north, { properties });
  const query = '?kind=device.access';
  const all = await Promise.all(['alice', 'carol', 'dave'].map((user) => readEvents(port, user, query)));
  for (const reader of all) await reader.next();
  const request = openDevice('carol', 'dev1');
  const [alice, carol, dave] = all;
  const expected = {
    kind: 'device.access',
    device: 'dev1',
    user: 'carol',
    data: { how: 'web', allowed: true, by: 'password', address: '127.0.0.1' },
  };
  expect(await alice?.next()).toMatchObject(expected);
  expect(await carol?.next()).toMatchObject(expected);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(dave?.text()).not.toContain('device.access');
  request.destroy();
  agent.destroy();
  for (const reader of all) reader.close();
});

test.each([
  ['?kind=nothing', 400, /#query\/kind\/0: must be one of/],
  ['?x=1', 400, /#query\/x: is unknown/],
  // Beyond the 123 bytes of a close frame.
  [`?${encodeURIComponent('ü').repeat(118)}=1`, 400, /#query\/ü{50}/],
])('%s is refused', async (query, status, detail) => {
  expect(await server.as('alice').get(`/events${query}`)).toMatchObject({
    status,
    body: { detail: expect.stringMatching(detail) },
  });
  const socket = readSocket(port, 'alice', query);
  expect([await socket.ended, detail.test(socket.reason())]).toEqual([1008, true]);
});

test('who may see nothing gets nothing', async () => {
  expect((await server.as('bob').get('/events')).status).toBe(403);
  expect(await readSocket(port, 'bob').ended).toBe(1008);
  expect((await server.client().get('/events')).status).toBe(401);
});
