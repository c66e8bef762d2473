import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { StoreError } from 'rm-reflector/ports';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Forwarding, type ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { UpgradeRefused } from '../../../reflector-minimal/src/testing/web-socket-peer.ts';
import { Authority } from '../../../test/certificates/authority.ts';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { CuttableDatabase } from '../testing/cuttable-database.ts';
import { addDevice, connectDevice } from '../testing/test-device.ts';
import { TestServer, type TestServerOptions } from '../testing/test-server.ts';
import { nodeLimits } from './limits.ts';
import { drainNode } from './postgresql-membership.ts';

/** The lease is longer than a busy machine may need; a test that needs one to end ends it in the database. */
const nodeBounds = {
  ...nodeLimits,
  leaseMs: 600_000,
  renewMs: 200,
  retryMs: 50,
  readMs: 50,
  batchMs: 5,
  buryMs: 100,
  endMs: 600_000,
};

let database: PostgresqlServer;
let authority: Authority;
let ends: (() => unknown)[];
beforeEach(async () => {
  ends = [];
  authority = new Authority();
  ends.push(() => authority.remove());
  database = await PostgresqlServer.start(5432, ['max_connections=200']);
  ends.push(() => database.end());
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
});

async function nodeKey(name: string) {
  const { certFile, keyFile } = authority.issue({ names: `DNS:${name}` });
  const tls = { cert: certFile, key: keyFile, ca: authority.file };
  return { name, listen: `127.0.0.1:${await reservedPort()}`, tls };
}

async function start(name: string, options: Partial<TestServerOptions> = {}) {
  const way = await CuttableDatabase.to(database);
  const server = await TestServer.start({
    own: { node: await nodeKey(name) },
    url: way.url,
    nodeBounds,
    ...options,
  });
  let closed: Promise<void> | null = null;
  const close = () => {
    closed ??= server.close();
    return closed;
  };
  ends.push(
    () => way.close(),
    () => {
      way.mend();
      return close();
    },
  );
  return { server, way, close };
}

/** What the device forwards: a web server, and a port that sends back what it gets. */
async function services() {
  const web: Server = createHttpServer((_asked, answer) => answer.end('device')).listen(0, '127.0.0.1');
  const sockets = new Set<Socket>();
  const echo = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await Promise.all([web, echo].map(async (one) => one.listening || (await once(one, 'listening'))));
  ends.push(() => {
    web.closeAllConnections();
    web.close();
    for (const socket of sockets) socket.destroy();
    echo.close();
  });
  const [webPort, echoPort] = [web, echo].map((one) => (one.address() as AddressInfo).port) as [
    number,
    number,
  ];
  return { webPort, echoPort };
}

type Ports = Awaited<ReturnType<typeof services>>;

async function comeTo(server: TestServer, { webPort, echoPort }: Ports, id = 'pump'): Promise<ScriptedAgent> {
  const properties = [
    { name: 'targetPorts', value: `${webPort}, ${echoPort}` },
    { name: 'httpPort', value: String(webPort) },
  ];
  const extensions = 'max-frame=65536, window=262144';
  const agent = await connectDevice(server, id, 'acme', { properties, extensions });
  new Forwarding(agent, [webPort, echoPort]);
  ends.push(() => agent.destroy());
  return agent;
}

const authorization = `Basic ${Buffer.from('alice:a long enough secret').toString('base64')}`;

function ask({ reflector: { port } }: TestServer, id = 'pump'): Promise<string> {
  const headers = { host: `${id}.localhost:${port}`, authorization };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/', headers, agent: false }, (answer: IncomingMessage) => {
      let text = '';
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve(answer.statusCode === 200 ? text : String(answer.statusCode)));
    })
      .on('error', reject)
      .end();
  });
}

function dial({ reflector: { port } }: TestServer, target: number, id = 'pump'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    request({
      ...{ host: '127.0.0.1', port, method: 'CONNECT', path: `${id}.localhost:${target}`, agent: false },
      headers: { 'proxy-authorization': authorization },
    })
      .on('connect', (answer, socket) => {
        ends.push(() => socket.destroy());
        if (answer.statusCode === 200) resolve(socket);
        else reject(new Error(String(answer.statusCode)));
      })
      .on('error', reject)
      .end();
  });
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  let got = '';
  while (got.length < text.length) got += ((await once(socket, 'data')) as [Buffer])[0].toString();
  return got;
}

const isAt = async (server: TestServer, node: string | null) => {
  const record = await server.reflector.store.devices.get('pump');
  await until(() => record && server.reflector.presence.locate(record)?.node === node);
};
const events = async () =>
  (
    await database.sql(
      "SELECT kind || ' ' || device FROM rm_server.fleet_events WHERE kind IN ('device.online', 'device.offline') ORDER BY sequence",
    )
  ).map(String);

test('a device at one node answers through another, HTTP and TCP, and the API of each says that it is on line', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await addDevice(one.server, 'pump', 'acme');
  const ports = await services();
  await comeTo(one.server, ports);
  await isAt(two.server, 'one');
  expect(await ask(two.server)).toBe('device');
  expect(await ask(one.server)).toBe('device');
  const socket = await dial(two.server, ports.echoPort);
  expect(await echoed(socket, 'x'.repeat(200_000))).toBe('x'.repeat(200_000));
  await until(async () => (await one.server.reflector.store.devices.get('pump'))?.online);
  for (const { server } of [one, two]) {
    const { body } = await server.as('alice').get('/devices/pump');
    expect(body).toMatchObject({ id: 'pump', online: true });
    expect((await server.as('alice').get('/health')).body).toMatchObject({ online: 1 });
  }
  await until(async () => (await events()).length > 0);
  expect(await events()).toEqual(['device.online pump']);
});

test('a device that comes to another node is evicted from the former, and reached there', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await addDevice(one.server, 'pump', 'acme');
  const ports = await services();
  const former = await comeTo(one.server, ports);
  await isAt(two.server, 'one');
  await comeTo(two.server, ports);
  await former.ended;
  await isAt(one.server, 'two');
  expect([await ask(one.server), await ask(two.server)]).toEqual(['device', 'device']);
  await until(async () => (await events()).length > 1);
  expect(await events()).toEqual(['device.online pump', 'device.online pump']);
  await until(async () => (await one.server.reflector.store.devices.get('pump'))?.connects === 2);
  expect(await one.server.reflector.store.devices.get('pump')).toMatchObject({ online: true });
});

test('a tunnel is ended by the API of any node', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await addDevice(one.server, 'pump', 'acme');
  const agent = await comeTo(one.server, await services());
  await isAt(two.server, 'one');
  const alice = two.server.as('alice');
  expect((await alice.post('/devices/pump/disconnect')).status).toBe(204);
  await agent.ended;
  await until(async () => (await events()).length === 2);
  expect((await alice.post('/devices/pump/disconnect')).status).toBe(409);
  await until(async () => (await one.server.reflector.store.devices.get('pump'))?.online === false);
  const { body } = await alice.get('/devices/pump/connections');
  expect(body).toMatchObject({ items: [{ end: { cause: 'disconnected', by: 'alice' } }] });
});

test('endMs: that the tunnel has ended is not said of a node that is cut off from the database', async () => {
  const [one, two] = [await start('one'), await start('two', { nodeBounds: { ...nodeBounds, endMs: 100 } })];
  await addDevice(one.server, 'pump', 'acme');
  const agent = await comeTo(one.server, await services());
  await isAt(two.server, 'one');
  one.way.cut();
  const { status, body } = await two.server.as('alice').post('/devices/pump/disconnect');
  expect([status, body]).toMatchObject([
    503,
    {
      title: 'The tunnel may last',
      detail: 'the node "one" has not ended it; it does so once it can use the database',
    },
  ]);
  one.way.mend();
  await agent.ended;
});

test('a node that ends in order says that its devices have gone, and leaves nothing behind', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await addDevice(one.server, 'pump', 'acme');
  await comeTo(one.server, await services());
  await isAt(two.server, 'one');
  await one.close();
  const { presence, store } = two.server.reflector;
  await until(() => presence.list('', 1).length === 0);
  expect(await events()).toEqual(['device.online pump', 'device.offline pump']);
  expect(await database.sql('SELECT name FROM rm_server.fleet_nodes')).toEqual(['two']);
  expect(await store.devices.get('pump')).toMatchObject({ online: false });
});

test('what a node has that is cut off from the database is noted off line, and reached elsewhere once it comes there', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await addDevice(one.server, 'pump', 'acme');
  await addDevice(one.server, 'valve', 'acme');
  const ports = await services();
  const former = await comeTo(one.server, ports);
  await comeTo(two.server, ports, 'valve');
  await isAt(two.server, 'one');
  await until(async () => (await events()).length === 2);
  one.way.cut();
  await database.sql(
    "UPDATE rm_server.fleet_nodes SET lease_until = now() - interval '1 s' WHERE name = 'one'",
  );
  await until(async () => (await events()).length === 3);
  expect((await events()).at(-1)).toBe('device.offline pump');
  expect(await two.server.reflector.store.devices.get('valve')).toMatchObject({ online: true });
  await comeTo(two.server, ports);
  expect(await ask(two.server)).toBe('device');
  // It learns of it when it is back.
  one.way.mend();
  await former.ended;
  await isAt(one.server, 'two');
  expect(await ask(one.server)).toBe('device');
  expect(await two.server.reflector.store.devices.get('pump')).toMatchObject({ online: true });
});

test('leaseMs: a node whose lease is over takes no devices, and keeps those that it has', async () => {
  const bounds = { ...nodeBounds, leaseMs: 1 };
  const one = await start('one', { nodeBounds: bounds });
  await addDevice(one.server, 'pump', 'acme');
  const refused = await comeTo(one.server, await services()).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UpgradeRefused);
  expect(refused).toMatchObject({ status: 503 });
});

test('a second process of a name ends the first, which evicts its devices', async () => {
  let status = 0;
  const former = await start('one', {
    end: (given) => {
      status = given;
    },
  });
  await addDevice(former.server, 'pump', 'acme');
  const ports = await services();
  const agent = await comeTo(former.server, ports);
  await until(async () => (await events()).length === 1);
  const present = await start('one');
  await agent.ended;
  await until(() => status === 78);
  await comeTo(present.server, ports);
  expect(await ask(present.server)).toBe('device');
});

test('a server that is no node refuses the database of nodes, and so leaves their devices on line', async () => {
  const one = await start('one');
  await addDevice(one.server, 'pump', 'acme');
  await comeTo(one.server, await services());
  const { devices } = one.server.reflector.store;
  await until(async () => (await devices.get('pump'))?.online);
  const refused = await TestServer.start({ url: database.url() }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreError);
  expect((refused as Error).message).toBe(
    'the database: is used by nodes (one): give this server the key "node" too, or stop them',
  );
  expect(await devices.get('pump')).toMatchObject({ online: true });
});

test('a node refuses the database of a server that is no node, until that has ended', async () => {
  const alone = await TestServer.start({ url: database.url() });
  const refused = await start('one').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreError);
  expect((refused as Error).message).toMatch(
    /^the database: is used by a server without the key "node": stop/,
  );
  await alone.close();
  await start('one');
});

test('a start that fails half way leaves no node behind', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  ends.push(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const node = { ...(await nodeKey('one')), listen: `127.0.0.1:${port}` };
  const failed = await start('one', { own: { node } }).catch((error: unknown) => error);
  expect(failed).toMatchObject({
    message: `node.listen: 127.0.0.1:${port}: is taken by another program`,
    status: 69,
  });
  expect(await database.sql('SELECT name FROM rm_server.fleet_nodes')).toEqual([]);
});

test('drainMs: a node that is drained takes no more devices, and sends away those that it has', async () => {
  const one = await start('one', { nodeBounds: { ...nodeBounds, drainMs: 50 } });
  const two = await start('two');
  await addDevice(one.server, 'pump', 'acme');
  const ports = await services();
  const agent = await comeTo(one.server, ports);
  await isAt(two.server, 'one');
  expect(await drainNode('one', { url: database.url() })).toBe(true);
  await agent.ended;
  expect(agent.closeCode).toBe(1001);
  expect(await comeTo(one.server, ports).catch((error: unknown) => error)).toMatchObject({ status: 503 });
  const health = await fetch(`http://localhost:${one.server.reflector.port}/healthz`);
  expect(health.status).toBe(503);
  await comeTo(two.server, ports);
  await isAt(one.server, 'two');
  expect(await ask(one.server)).toBe('device');
});

test('a crash of the database, which forgets where devices are, takes none off line', async () => {
  const [one, two] = [await start('one'), await start('two')];
  await addDevice(one.server, 'pump', 'acme');
  const ports = await services();
  const agent = await comeTo(one.server, ports);
  let hasEnded = false;
  agent.ended.then(
    () => {
      hasEnded = true;
    },
    () => {},
  );
  await isAt(two.server, 'one');
  expect(await ask(two.server)).toBe('device');
  await database.crash();
  expect(await ask(two.server)).toBe('device');
  await database.resume();
  await until(
    async () => (await database.sql('SELECT id FROM rm_server.fleet_presence WHERE NOT gone')).length === 1,
  );
  expect(await ask(two.server)).toBe('device');
  expect([hasEnded, await events()]).toEqual([false, ['device.online pump']]);
  // New ones can come.
  await addDevice(one.server, 'valve', 'acme');
  await comeTo(two.server, ports, 'valve');
  await until(async () => (await ask(one.server, 'valve')) === 'device');
});
