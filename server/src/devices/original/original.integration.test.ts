import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiClient } from '../../testing/api-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let server: TestServer;
let alice: ApiClient;
let bob: ApiClient;
let carol: ApiClient;
let home: string;
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const properties = (text: string) =>
  new Map([...text.matchAll(/^([\w.]+) = (.*)$/gm)].map(([, key = '', value = '']) => [key, value]));

beforeAll(async () => {
  server = await TestServer.start({ own: { publicUrl: 'https://fleet.example/' } });
  [alice, bob] = [await server.signedIn('alice'), await server.signedIn('bob')];
  await alice.post('/domains', { id: 'acme' });
  await server.addUser('carol', 'acme');
  carol = await server.signedIn('carol');
  home = (await alice.get('/users/alice/attributes/domain')).body as string;
});
afterAll(() => server.close());

test('the gateway: a token, the domain of the user, and whether they may use it', async () => {
  expect((await carol.get('/users/carol/attributes/domain')).text).toBe('"acme"');
  expect((await carol.get('/domains/acme')).status).toBe(200);
  expect((await carol.get(`/domains/${home}`)).status).toBe(404);
  expect((await bob.get('/users/bob/attributes/domain')).status).toBe(404);
});

test('the default domain of another is for those who may read users', async () => {
  expect((await alice.get('/users/carol/attributes/domain')).text).toBe('"acme"');
  expect((await alice.get('/users/nobody/attributes/domain')).status).toBe(404);
  expect((await carol.get('/users/alice/attributes/domain')).status).toBe(404);
  expect((await server.client().get('/users/alice/attributes/domain')).status).toBe(401);
});

test('load balancers find the state of the server, scripts all devices', async () => {
  const health = await fetch(`http://127.0.0.1:${server.reflector.port}/my-devices/health.json`);
  expect(await health.json()).toEqual({ status: 'ok' });
  expect((await alice.get('/devices?status=all')).status).toBe(200);
});

describe('provision', () => {
  test('makes a device of the default domain, with an ID from its Ethernet address', async () => {
    const { status, headers, text } = await alice.get(
      '/provision?mac=02:00:5E:10:00:01&httpPort=8080&sshPort=22&ports=502%2C8080&name=Pump%20%24%7Bx%7D%5C',
    );
    expect([status, headers['content-type'], headers['content-disposition']]).toEqual([
      200,
      'text/plain; charset=utf-8',
      'attachment; filename="WebTunnelAgent.properties"',
    ]);
    const read = properties(text);
    expect(Object.fromEntries(read)).toEqual({
      'webtunnel.domain': home,
      'webtunnel.deviceId': '02005e100001',
      'webtunnel.deviceName': 'Pump $ {x}\\\\',
      'webtunnel.host': 'localhost',
      'webtunnel.ports': '8080, 22, 502',
      'webtunnel.httpPort': '8080',
      'webtunnel.sshPort': '22',
      'webtunnel.reflectorURI': 'https://fleet.example/',
      'webtunnel.username': `02005e100001@${home}`,
      'webtunnel.password': expect.stringMatching(/^[\x21-\x7e]{20,}$/),
    });
    expect((await alice.get('/devices/02005e100001')).body).toMatchObject({
      createdBy: 'alice',
      domain: home,
    });
  });

  test('with Accept gives our configuration', async () => {
    const fields = 'id=json-1&domain=acme&vncPort=5900&ports=502';
    const answer = await alice.call('POST', '/provision', fields, { ...form, accept: 'application/json' });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        reflector: 'https://fleet.example/',
        device: { id: 'json-1', domain: 'acme', password: expect.any(String) },
        services: [{ port: 5900, kind: 'vnc' }, { port: 502 }],
      },
    ]);
  });

  test('of a device that exists: POST sets a new password, GET leaves it', async () => {
    const made = properties((await alice.get('/provision?id=there&domain=acme')).text);
    const before = (await server.reflector.store.devices.get('there'))?.password;
    const read = await alice.get('/provision?device=there');
    expect(properties(read.text).has('webtunnel.password')).toBe(false);
    expect(read.text).toContain('# webtunnel.password:');
    expect((await server.reflector.store.devices.get('there'))?.password).toBe(before);
    const renewed = await alice.call('POST', '/provision', 'device=THERE', form);
    const password = properties(renewed.text).get('webtunnel.password');
    expect(password).toBeDefined();
    expect(password).not.toBe(made.get('webtunnel.password'));
    expect((await server.reflector.store.devices.get('there'))?.password).not.toBe(before);
  });

  test.each([
    ['mac=02:00', 400, '#query/mac'],
    ['id=a%20b', 400, '#query/id'],
    ['id=a&id=b', 400, '#query/id'],
    ['httpPort=70000', 400, '#query/httpPort'],
    ['ports=22%3Bx', 400, '#query/ports'],
    ['name=a%0Ab', 400, '#query/name'],
    ['domain=none', 422, '/domain'],
  ])('refuses %s', async (query, status, field) => {
    const answer = await alice.get(`/provision?${query}`);
    const { errors } = answer.body as { errors: { field: string }[] };
    expect([answer.status, errors[0]?.field]).toEqual([status, field]);
  });

  test('is for those who may add devices, and not for the cookie of a browser', async () => {
    expect((await alice.get('/provision?id=there')).status).toBe(409);
    expect((await alice.get('/provision?id=x&mac=02:00:5e:10:00:01')).status).toBe(409);
    for (const client of [bob, carol]) expect((await client.get('/provision?id=mine')).status).toBe(403);
    expect((await carol.get('/provision?device=there')).status).toBe(403);
    expect((await bob.get('/provision?device=there')).status).toBe(404);
    expect((await server.client().get('/provision')).status).toBe(401);
    const cookie = await server.cookieOf('alice');
    expect((await server.client({ cookie }).get('/provision?id=by-link')).status).toBe(401);
    expect((await alice.get('/devices/by-link')).status).toBe(404);
    expect((await alice.call('PUT', '/provision')).status).toBe(405);
  });
});

test('callsBurst: calls by which the original adds devices count as those of the API, per user', async () => {
  const bounded = await TestServer.start({ limits: { callsBurst: 3, callMs: 3_600_000 } });
  try {
    const [dora, eve] = [await bounded.signedIn('alice'), await bounded.signedIn('bob')];
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) statuses.push((await dora.get(`/provision?id=counted-${n}`)).status);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(3);
    expect(statuses.at(-1)).toBe(429);
    const refused = await dora.get('/devices');
    expect([refused.status, Number(refused.headers['retry-after']) > 0]).toEqual([429, true]);
    expect((await eve.get('/provision?id=counted-5')).status).toBe(403);
  } finally {
    await bounded.close();
  }
});
