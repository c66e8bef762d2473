import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RawUser } from '../../../reflector-minimal/src/testing/raw-user.ts';
import { Forwarding, type ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { addDevice, connectDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

/** A device on line, and what a user with grants reaches of it, for as long as they last. */

const host = 'pump.localhost';
const basic = Buffer.from('bob:a long enough secret').toString('base64');
const device = { id: 'pump', domain: 'acme' };

let server: TestServer;
let alice: ApiClient;
let agent: ScriptedAgent;
let service: Server;
let web: number;
let users: RawUser[];

beforeEach(async () => {
  users = [];
  server = await TestServer.start();
  alice = await server.signedIn('alice');
  await addDevice(server, device.id, device.domain);
  service = createServer((_request, response) => void response.write('first'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  web = (service.address() as AddressInfo).port;
  const properties = [
    { name: 'targetPorts', value: `22, ${web}` },
    { name: 'httpPort', value: String(web) },
  ];
  agent = await connectDevice(server, device.id, device.domain, {
    properties,
    extensions: 'max-frame=65536, window=262144',
  });
  new Forwarding(agent, new Map([web, 22].map((port) => [port, web])));
});
afterEach(async () => {
  for (const user of users) user.destroy();
  agent.destroy();
  service.closeAllConnections();
  service.close();
  await server.close();
});

async function send(head: string): Promise<RawUser> {
  const user = new RawUser(server.reflector.port);
  users.push(user);
  user.send(head);
  await expect.poll(() => user.received).toContain('\r\n\r\n');
  return user;
}
const get = (credentials = `Basic ${basic}`) =>
  send(`GET / HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${credentials}\r\n\r\n`);
const connect = (port: number) =>
  send(
    `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`,
  );
const tunnel = (port: number) =>
  send(
    [
      'GET / HTTP/1.1',
      `Host: ${host}`,
      `Authorization: Basic ${basic}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
      `X-WebTunnel-RemotePort: ${port}`,
      '\r\n',
    ].join('\r\n'),
  );
const grant = async (body: object): Promise<string> => {
  const { status, body: made, text } = await alice.post('/grants', { user: 'bob', role: 'user', ...body });
  expect(status, text).toBe(201);
  return (made as { id: string }).id;
};
const isOver = (user: RawUser) => expect.poll(() => user.closed).toBe(true);

test('without a grant there is no such device; with one it is there at once', async () => {
  expect((await get()).statuses).toEqual([404]);
  await grant({ device: 'pump' });
  expect((await get()).statuses).toEqual([200]);
  expect((await connect(web)).statuses).toEqual([200]);
});

test('of web only, no other port is opened by any way', async () => {
  await grant({ domain: 'acme', ports: ['web'] });
  expect((await get()).statuses).toEqual([200]);
  for (const way of [tunnel, connect]) {
    const { statuses, received } = await way(22);
    expect(statuses).toEqual([403]);
    expect(received).toContain('you may open its web interface');
  }
  expect((await tunnel(web)).statuses).toEqual([101]);
});

test('an auditor sees the device in lists and opens nothing', async () => {
  await grant({ role: 'auditor', domain: 'acme' });
  const { statuses, received } = await get();
  expect([statuses, received.includes('you may open none of its ports')]).toEqual([[403], true]);
  const bob = await server.signedIn('bob');
  expect((await bob.get('/devices')).text).toContain('pump');
});

describe('what goes on ends', () => {
  test.each(['request', 'CONNECT', 'client tunnel'] as const)(
    '%s: when its grant is taken away',
    async (way) => {
      const id = await grant({ device: 'pump' });
      const user = await { request: get, CONNECT: () => connect(web), 'client tunnel': () => tunnel(web) }[
        way
      ]();
      expect(user.closed).toBe(false);
      await alice.delete(`/grants/${id}`);
      await isOver(user);
    },
  );

  test('when its grant ends by itself, and not what another grant gives', async () => {
    // Long enough to open what it opens, on a machine that is busy with much else.
    await grant({ device: 'pump', until: new Date(Date.now() + 30_000).toISOString() });
    await grant({ domain: 'acme', ports: ['web'] });
    const [stays, ends] = [await get(), await connect(22)];
    expect(ends.statuses).toEqual([200]);
    await isOver(ends);
    expect((await connect(22)).statuses).toEqual([403]);
    expect(stays.closed).toBe(false);
    expect((await get()).statuses).toEqual([200]);
  });

  test('when the user leaves the group', async () => {
    await alice.post('/groups', { name: 'field' });
    await alice.put('/groups/field/members/bob', undefined);
    await alice.post('/grants', { group: 'field', role: 'user', domain: 'acme' });
    const user = await get();
    expect(user.statuses).toEqual([200]);
    await alice.delete('/groups/field/members/bob');
    await isOver(user);
  });

  test('when the API key is revoked; one that is not for devices opens none', async () => {
    await grant({ device: 'pump' });
    const bob = await server.signedIn('bob');
    const make = async (name: string, permissions: readonly string[]) =>
      (await bob.post('/keys', { name, permissions })).body as { id: string; secret: string };
    const reading = await make('reading', ['devices.read']);
    expect((await get(`Bearer ${reading.secret}`)).statuses).toEqual([403]);
    const opening = await make('opening', ['devices.read', 'devices.open']);
    const user = await get(`Bearer ${opening.secret}`);
    expect(user.statuses).toEqual([200]);
    await bob.delete(`/keys/${opening.id}`);
    await isOver(user);
  });
});
