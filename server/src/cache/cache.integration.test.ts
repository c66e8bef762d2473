import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Forwarding, type ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { addDevice, connectDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

/** A device with a web interface, behind a server that keeps its images. */

const password = 'a long enough secret';
const basic = (name: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

interface Got {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
  /** It came to its end. */
  readonly whole: boolean;
}

let server: TestServer;
let own: Record<string, unknown>;
let alice: ApiClient;
let agent: ScriptedAgent;
let service: Server;
/** What the device was asked for. */
let asked: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const image = (cacheControl: string, more: Readonly<Record<string, string>> = {}) => {
  answer = (_request, response) =>
    void response
      .writeHead(200, { 'Content-Type': 'image/png', 'Cache-Control': cacheControl, ...more })
      .end('picture');
};

beforeEach(async () => {
  own = { cache: { bytes: 4_194_304 } };
  server = await TestServer.start({ own, limits: { eventRightsMs: 1 } });
  alice = await server.signedIn('alice');
  for (const id of ['pump', 'valve']) await addDevice(server, id, 'acme');
  asked = [];
  image('max-age=600');
  service = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  agent = await connected();
});
afterEach(async () => {
  agent.destroy();
  service.closeAllConnections();
  service.close();
  await server.close();
});

/** The device, as it comes on line with this version and these ports. */
async function connected(version = '1.0', id = 'pump'): Promise<ScriptedAgent> {
  const { port } = service.address() as AddressInfo;
  const properties = [
    { name: 'targetPorts', value: `22, ${port}` },
    { name: 'httpPort', value: String(port) },
    { name: 'version', value: version },
  ];
  const one = await connectDevice(server, id, 'acme', {
    properties,
    extensions: 'max-frame=65536, window=262144',
  });
  new Forwarding(one, [port]);
  await until(() => server.reflector.presence.local.get(id)?.properties.version === version);
  return one;
}

function fetchAs(
  name: string,
  path = '/logo.png',
  headers: Readonly<Record<string, string>> = {},
  host = 'pump.localhost',
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const all = { host, authorization: basic(name), ...headers };
    get({ host: '127.0.0.1', port: server.reflector.port, path, agent: false, headers: all }, (response) => {
      let body = '';
      response.on('error', () => {});
      response.setEncoding('latin1').on('data', (piece: string) => {
        body += piece;
      });
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          body,
          headers: response.headers,
          whole: response.complete,
        }),
      );
    }).on('error', reject);
  });
}

async function grant(name: string): Promise<string> {
  const { body, text, status } = await alice.post('/grants', { user: name, role: 'user', domain: 'acme' });
  expect(status, text).toBe(201);
  return (body as { id: string }).id;
}

test('an image comes once from the device', async () => {
  const first = await fetchAs('alice');
  const second = await fetchAs('alice');
  expect([first.body, first.headers['cache-status'], first.headers.age]).toEqual([
    'picture',
    'rm-server; fwd=uri-miss; stored',
    undefined,
  ]);
  expect([second.body, second.headers['cache-status'], second.headers.age]).toEqual([
    'picture',
    expect.stringMatching(/^rm-server; hit; ttl=\d+$/),
    expect.stringMatching(/^\d+$/),
  ]);
  // The browser is told the same as without a cache.
  expect(second.headers['cache-control']).toBe('private, max-age=600');
  expect([second.headers['content-length'], second.headers['transfer-encoding']]).toEqual(['7', undefined]);
  expect(asked).toEqual(['/logo.png']);
});

test('without `cache` in the configuration every request goes to the device', async () => {
  await alice.get('/cache');
  delete own.cache;
  const plain = await TestServer.start({ own });
  const bob = await plain.signedIn('alice');
  expect((await bob.get('/cache')).body).toMatchObject({ bytes: 0, used: 0, answers: 0 });
  await plain.close();
});

describe('nothing is given from the cache', () => {
  beforeEach(async () => {
    image('public, max-age=600');
  });

  test('to another user, unless it is for all', async () => {
    await grant('bob');
    image('max-age=600');
    await fetchAs('alice', '/own.png');
    await fetchAs('bob', '/own.png');
    expect(asked).toEqual(['/own.png', '/own.png']);
    image('public, max-age=600');
    await fetchAs('alice', '/all.png');
    expect((await fetchAs('bob', '/all.png')).headers['cache-status']).toContain('hit');
  });

  test('to a stranger, nor to a user who does not see the device', async () => {
    await fetchAs('alice');
    const got = [await fetchAs('bob'), await fetchAs('mallory')];
    expect(got.map(({ status, body }) => [status, body.includes('picture')])).toEqual([
      [404, false],
      [401, false],
    ]);
  });

  test('to a user whose grant has ended', async () => {
    const id = await grant('bob');
    await fetchAs('bob');
    expect((await fetchAs('bob')).headers['cache-status']).toContain('hit');
    await alice.delete(`/grants/${id}`);
    expect((await fetchAs('bob')).status).toBe(404);
  });

  test('to a user who may no longer open that port', async () => {
    const id = await grant('bob');
    await fetchAs('bob');
    await alice.post('/grants', { user: 'bob', role: 'user', domain: 'acme', ports: [22] });
    await alice.delete(`/grants/${id}`);
    expect((await fetchAs('bob')).status).toBe(403);
  });

  test('of a device that is off line, and again when it is back', async () => {
    await fetchAs('alice');
    agent.destroy();
    await until(() => !server.reflector.presence.local.has('pump'));
    expect((await fetchAs('alice')).status).toBe(503);
    agent = await connected();
    expect((await fetchAs('alice')).headers['cache-status']).toContain('hit');
  });

  test('of a device that has another version', async () => {
    await fetchAs('alice');
    agent.destroy();
    agent = await connected('1.1');
    expect((await fetchAs('alice')).headers['cache-status']).toContain('fwd=uri-miss');
  });

  test('of a device that was removed, to those who use the next one of this name', async () => {
    await fetchAs('alice');
    const { headers } = await alice.get('/devices/pump');
    expect((await alice.delete('/devices/pump', { 'if-match': String(headers.etag) })).status).toBe(204);
    await addDevice(server, 'pump', 'acme');
    agent.destroy();
    agent = await connected();
    expect((await fetchAs('alice')).headers['cache-status']).toContain('fwd=uri-miss');
  });

  test('of another device', async () => {
    const other = await connected('1.0', 'valve');
    await fetchAs('alice');
    expect((await fetchAs('alice', '/logo.png', {}, 'valve.localhost')).headers['cache-status']).toContain(
      'fwd=uri-miss',
    );
    other.destroy();
  });

  test('to a page of another device', async () => {
    await fetchAs('alice');
    const { status, body } = await fetchAs('alice', '/logo.png', {
      origin: 'http://valve.localhost',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-dest': 'image',
    });
    expect([status, body.includes('picture')]).toEqual([401, false]);
  });

  test('to who opens it as a page', async () => {
    await fetchAs('alice');
    expect(
      (await fetchAs('alice', '/logo.png', { 'sec-fetch-dest': 'document' })).headers['cache-status'],
    ).toBeUndefined();
    expect(asked.length).toBe(2);
  });
});

test('a transfer that is cut is not kept, and does not look whole', async () => {
  answer = (_request, response) => {
    response.writeHead(200, {
      'Content-Type': 'image/png',
      'Cache-Control': 'max-age=600',
      'Content-Length': '100',
    });
    response.write('pict', () => response.destroy());
  };
  expect(await fetchAs('alice')).toMatchObject({ status: 200, body: 'pict', whole: false });
  image('max-age=600');
  expect(await fetchAs('alice')).toMatchObject({ body: 'picture', whole: true });
});

test('a large answer is kept piece by piece, and given as it was', async () => {
  const bytes = Buffer.from(Array.from({ length: 400_000 }, (_one, i) => i % 251)).toString('latin1');
  answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'font/woff2', 'Cache-Control': 'max-age=600' });
    response.end(Buffer.from(bytes, 'latin1'));
  };
  for (let n = 0; n < 3; n++) expect((await fetchAs('alice')).body === bytes).toBe(true);
  expect(asked.length).toBe(1);
});

test('the device is asked whether a stale answer still holds, and sends no body then', async () => {
  image('no-cache', { ETag: '"1"' });
  await fetchAs('alice');
  let condition: string | undefined;
  answer = (request, response) => {
    condition = request.headers['if-none-match'];
    response.writeHead(304, { ETag: '"1"' }).end();
  };
  const got = await fetchAs('alice');
  expect([condition, got.status, got.body, got.headers['cache-status']]).toEqual([
    '"1"',
    200,
    'picture',
    expect.stringMatching(/^rm-server; fwd=stale; fwd-status=304; ttl=-?\d+$/),
  ]);
});

describe('an administrator', () => {
  test('sees what it holds, and empties it for one device or all', async () => {
    const other = await connected('1.0', 'valve');
    await fetchAs('alice');
    await fetchAs('alice');
    await fetchAs('alice', '/logo.png', {}, 'valve.localhost');
    const { body } = await alice.get('/cache');
    expect(body).toMatchObject({
      bytes: 4_194_304,
      answers: 2,
      hits: 1,
      revalidated: 0,
      misses: 2,
      savedBytes: 7,
    });
    expect((await alice.delete('/devices/pump/cache')).body).toEqual({ dropped: 1 });
    expect((await alice.delete('/cache')).body).toEqual({ dropped: 1 });
    expect((await alice.get('/cache')).body).toMatchObject({ used: 0, answers: 0 });
    const records = server.records.filter(({ event, detail }) => /Cache/.test(`${event} ${detail}`));
    expect(records.map(({ user, device, allowed }) => [user, device, allowed])).toEqual([
      ['alice', 'pump', true],
      ['alice', undefined, true],
    ]);
    other.destroy();
  });

  test('alone does so', async () => {
    await fetchAs('alice');
    await grant('bob');
    const bob = await server.signedIn('bob');
    expect([
      (await bob.get('/cache')).status,
      (await bob.delete('/cache')).status,
      (await bob.delete('/devices/pump/cache')).status,
    ]).toEqual([403, 403, 403]);
    expect((await alice.get('/cache')).body).toMatchObject({ answers: 1 });
    // Who manages one domain does not empty the cache of all.
    await alice.post('/grants', { user: 'bob', role: 'operator', domain: 'acme' });
    const operator = await server.signedIn('bob');
    expect([
      (await operator.delete('/devices/pump/cache')).status,
      (await operator.delete('/cache')).status,
    ]).toEqual([200, 403]);
  });

  test('gives it another size by SIGHUP, which empties it', async () => {
    await fetchAs('alice');
    server.reload();
    expect((await alice.get('/cache')).body).toMatchObject({ answers: 1 });
    own.cache = { bytes: 8_388_608 };
    server.reload();
    expect((await alice.get('/cache')).body).toMatchObject({ bytes: 8_388_608, answers: 0 });
    own.cache = { bytes: 1 };
    server.reload();
    expect((await alice.get('/cache')).body).toMatchObject({ bytes: 8_388_608 });
    delete own.cache;
    server.reload();
    expect((await alice.get('/cache')).body).toMatchObject({ bytes: 0 });
    await fetchAs('alice');
    await fetchAs('alice');
    expect((await alice.get('/cache')).body).toMatchObject({ used: 0, answers: 0 });
  });
});
