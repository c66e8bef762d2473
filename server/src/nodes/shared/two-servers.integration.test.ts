import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Opcode } from '../../../../protocol/src/index.ts';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { RawUser } from '../../../../reflector-minimal/src/testing/raw-user.ts';
import { Forwarding, type ScriptedAgent } from '../../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../../reflector-minimal/src/testing/until.ts';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import type { ApiClient } from '../../testing/api-client.ts';
import { FollowedSocket } from '../../testing/followed-socket.ts';
import { addDevice, connectDevice } from '../../testing/test-device.ts';
import { TestServer } from '../../testing/test-server.ts';

/** Two servers in this process on one database, either of which a request may reach. */

let postgresql: PostgresqlServer;
beforeAll(async () => {
  postgresql = await PostgresqlServer.start(5432);
});
afterAll(() => postgresql.end());

const opened: TestServer[] = [];
const closers: (() => void)[] = [];
let database = 0;
let url: string;
beforeEach(async () => {
  const name = `both_${database++}`;
  await postgresql.sql(`CREATE DATABASE ${name}`);
  url = postgresql.url().replace(/postgres$/, name);
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  for (const server of opened.splice(0)) await server.close();
});

async function start(options: Parameters<typeof TestServer.start>[0] = {}): Promise<TestServer> {
  const server = await TestServer.start({ ...options, url, isOneOfSeveral: true });
  opened.push(server);
  return server;
}

/** An agent at this server. */
async function connect(server: TestServer, id: string, ports: readonly number[]): Promise<ScriptedAgent> {
  const properties = [
    { name: 'targetPorts', value: ports.join(', ') },
    { name: 'httpPort', value: String(ports[0]) },
  ];
  const extensions = 'max-frame=65536, window=262144';
  const agent = await connectDevice(server, id, 'acme', { properties, extensions });
  closers.push(() => agent.destroy());
  return agent;
}

describe('a ticket', () => {
  test('of one opens a connection at the other, once at both', async () => {
    const [one, two] = [await start(), await start({ limits: { ticketWaitMs: 120_000 } })];
    await addDevice(one, 'pump', 'acme');
    const agent = await connect(two, 'pump', [22]);
    const alice = await one.signedIn('alice');
    const { status, body } = await alice.post('/devices/pump/tickets', { port: 22 });
    expect(status).toBe(201);
    const { ticket } = body as { ticket: string };
    const page = await openPage(two);
    page.socket.send(ticket);
    const frame = await agent.frame();
    expect([frame.opcode, frame.payload.readUInt16BE()]).toEqual([Opcode.openRequest, 22]);
    for (const server of [one, two]) {
      const again = await openPage(server);
      again.socket.send(ticket);
      expect(await again.closed).toBe('4401 this ticket was used, or has expired');
    }
  });

  test('that cannot be compared with the database opens nothing, and says so', async () => {
    const [one, two] = [await start(), await start()];
    await addDevice(one, 'pump', 'acme');
    const alice = await one.signedIn('alice');
    const { body } = await alice.post('/devices/pump/tickets', { port: 22 });
    const page = await openPage(two);
    await postgresql.crash();
    try {
      page.socket.send((body as { ticket: string }).ticket);
      expect(await page.closed).toMatch(/^4503 whether this ticket was used is not known/);
    } finally {
      await postgresql.resume();
    }
  });

  async function openPage({ reflector }: TestServer): Promise<FollowedSocket> {
    const headers = { Host: 'desk.localhost', Origin: 'http://desk.localhost' };
    const page = new FollowedSocket(new WebSocket(`ws://127.0.0.1:${reflector.port}/tcp`, { headers }));
    closers.push(() => page.socket.terminate());
    await once(page.socket, 'open');
    return page;
  }
});

test('a session of one is good at the other', async () => {
  const [one, two] = [await start(), await start()];
  const cookie = await one.cookieOf('bob');
  for (const server of [one, two]) expect((await server.client({ cookie }).get('/account')).status).toBe(200);
});

describe('webhooks', () => {
  test('are posted by one of both, and by the other when that one has gone', async () => {
    const came: string[] = [];
    const receiver = createServer((request, response) => {
      came.push(String(request.headers['webhook-id']));
      response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    closers.push(() => receiver.close());
    await once(receiver, 'listening');
    const address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const own = { webhooks: { allow: ['127.0.0.1'] } };
    const servers = [await start({ own }), await start({ own })] as const;
    const alice = await servers[0].signedIn('alice');
    const made = await alice.post('/webhooks', { url: address, kinds: ['device.added'] });
    expect(made.status, made.text).toBe(201);
    const { id } = made.body as { id: string };
    const delivered = async () => {
      const { body } = await (opened[0] ?? servers[1]).as('alice').get(`/webhooks/${id}/deliveries`);
      const { items } = body as { items: { state: string; attempts: number }[] };
      return items.map(({ state, attempts }) => `${state} ${attempts}`);
    };
    for (const [place, server] of servers.entries()) {
      const caller = await server.signedIn('alice');
      expect((await caller.post('/devices', { id: `pump${place}` })).status).toBe(201);
    }
    await expect.poll(delivered).toEqual(['delivered 1', 'delivered 1']);
    expect(new Set(came).size).toBe(came.length);
    await opened.shift()?.close();
    const caller = await servers[1].signedIn('alice');
    expect((await caller.post('/devices', { id: 'pump2' })).status).toBe(201);
    await expect.poll(delivered).toEqual(['delivered 1', 'delivered 1', 'delivered 1']);
    expect([came.length, new Set(came).size]).toEqual([3, 3]);
  });
});

describe('what is taken away at one ends at the other within 2,000 ms', () => {
  let one: TestServer;
  let two: TestServer;
  let clock: ManualClock;
  let alice: ApiClient;
  let agent: ScriptedAgent;
  let service: Server;
  let web: number;

  beforeEach(async () => {
    clock = new ManualClock();
    [one, two] = [await start(), await start({ clock })];
    // The clock of the other stands still: what it reads by itself, it reads when it is moved.
    clock.wallOffset = Date.now();
    alice = await one.signedIn('alice');
    await addDevice(one, 'pump', 'acme');
    service = createServer((_request, response) => void response.write('first')).listen(0, '127.0.0.1');
    closers.push(() => {
      service.closeAllConnections();
      service.close();
    });
    await once(service, 'listening');
    web = (service.address() as AddressInfo).port;
    agent = await connect(two, 'pump', [web]);
    new Forwarding(agent, new Map([[web, web]]));
  });

  async function open(credentials: string): Promise<RawUser> {
    const user = new RawUser(two.reflector.port);
    closers.push(() => user.destroy());
    user.send(`GET / HTTP/1.1\r\nHost: pump.localhost\r\n${credentials}\r\n\r\n`);
    await until(() => user.received.includes('first'));
    return user;
  }
  const asBob = `Authorization: Basic ${Buffer.from('bob:a long enough secret').toString('base64')}`;

  async function removed(path: string): Promise<void> {
    const { status, text } = await alice.delete(path, { 'if-match': '*' });
    expect(status, text).toBe(204);
  }

  async function grantBob(): Promise<string> {
    const { status, body, text } = await alice.post('/grants', { user: 'bob', role: 'user', device: 'pump' });
    expect(status, text).toBe(201);
    return (body as { id: string }).id;
  }

  test.each<[string, (grant: string) => Promise<unknown>]>([
    ['a grant', (grant) => removed(`/grants/${grant}`)],
    ['a user', () => removed('/users/bob')],
    ['a password', () => one.reflector.store.users.setPassword('bob', 'another hash')],
    ['a device', () => removed('/devices/pump')],
  ])('%s', async (_what, take) => {
    const grant = await grantBob();
    clock.advance(2_000);
    const user = await open(asBob);
    await take(grant);
    expect(user.closed).toBe(false);
    clock.advance(2_000);
    await until(() => user.closed);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['the password of a device', () => alice.post('/devices/pump/password', {})],
    ['a device, with its tunnel', () => removed('/devices/pump')],
  ])('%s', async (_what, take) => {
    await take();
    expect(two.reflector.presence.local.has('pump')).toBe(true);
    clock.advance(2_000);
    await until(() => !two.reflector.presence.local.has('pump'));
  });

  test('a session', async () => {
    await grantBob();
    const cookie = await one.cookieOf('bob');
    const browser = two.client({ cookie });
    clock.advance(2_000);
    expect((await browser.get('/account')).status).toBe(200);
    expect(await one.reflector.store.sessions.removeAll('bob')).toBe(1);
    clock.advance(2_000);
    expect((await browser.get('/account')).status).toBe(401);
  });
});
