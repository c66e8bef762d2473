import { request } from 'node:http';
import { Opcode } from 'rm-protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ScriptedAgent } from '../../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../../reflector-minimal/src/testing/until.ts';
import { UpgradeRefused } from '../../../../reflector-minimal/src/testing/web-socket-peer.ts';
import type { ApiClient } from '../../testing/api-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let server: TestServer;
let alice: ApiClient;
let carol: ApiClient;
const any = { 'if-match': '*' };

beforeAll(async () => {
  server = await TestServer.start();
  alice = await server.signedIn('alice');
  for (const id of ['acme', 'one', 'spent']) await alice.post('/domains', { id });
  await server.addUser('carol', 'acme');
  carol = await server.signedIn('carol');
});
afterAll(() => server.close());

async function add(id: string, domain = 'acme') {
  const { body } = await alice.post('/devices', { id, domain });
  const { password } = body as { password: string };
  const properties = [
    { name: 'targetPorts', value: '80' },
    { name: 'httpPort', value: '80' },
  ];
  return {
    id,
    domain,
    password,
    connect: () => ScriptedAgent.connect(server.reflector.port, { id, domain, password, properties }),
  };
}

const get = async (id: string) => (await alice.get(`/devices/${id}`)).body as Record<string, unknown>;
const online = (id: string, is = true) => until(async () => (await get(id)).online === is);

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.catch((caught: unknown) => caught);
  if (!(error instanceof UpgradeRefused)) throw new Error(`not refused: ${error}`);
  return `${error.status} ${error.values('X-PTTH-Error').join()} ${error.values('Retry-After').join()}`.trim();
}

test('who has something open on a device is told, and what the device has not answered', async () => {
  await server.addUser('dora', 'acme');
  const dora = await server.signedIn('dora');
  const valve = await add('valve');
  const agent = await valve.connect();
  await online('valve');
  const credentials = Buffer.from('carol:a long enough secret').toString('base64');
  const headers = { host: `valve.localhost:${server.reflector.port}`, authorization: `Basic ${credentials}` };
  const asked = request({ host: '127.0.0.1', port: server.reflector.port, path: '/', headers }).end();
  asked.on('error', () => {});
  type Users = { readonly items: readonly object[]; readonly waiting: readonly { readonly port: number }[] };
  const usersFor = async (client: ApiClient) => (await client.get('/devices/valve/users')).body as Users;
  await until(async () => (await usersFor(alice)).waiting.length > 0);
  const open = { user: 'carol', port: 80, web: true, open: 1 };
  expect(await usersFor(alice)).toMatchObject({ items: [open], waiting: [{ port: 80 }] });
  expect(await usersFor(carol)).toMatchObject({ items: [open], waiting: [{ port: 80 }] });
  // Others are told by `devices.write` and `audit.read` only.
  expect(await usersFor(dora)).toEqual({ items: [], waiting: [] });
  asked.destroy();
  await until(async () => (await usersFor(alice)).items.length === 0);
  agent.destroy();
});

test('whoever has an older connection to a port is not told that others wait for it', async () => {
  await server.addUser('erin', 'acme');
  const erin = await server.signedIn('erin');
  const tank = await add('tank');
  const agent = await tank.connect();
  await online('tank');
  const ask = (user: string) => {
    const authorization = `Basic ${Buffer.from(`${user}:a long enough secret`).toString('base64')}`;
    const headers = { host: `tank.localhost:${server.reflector.port}`, authorization };
    const asked = request({ host: '127.0.0.1', port: server.reflector.port, path: '/', headers }).end();
    asked.on('error', () => {});
    return asked;
  };
  type Users = { readonly items: readonly object[]; readonly waiting: readonly object[] };
  const usersFor = async (client: ApiClient) => (await client.get('/devices/tank/users')).body as Users;
  const old = ask('carol');
  agent.confirm((await agent.expect(Opcode.openRequest)).channel);
  await agent.expect(Opcode.data);
  const asked = ask('erin');
  await until(async () => (await usersFor(alice)).waiting.length > 0);
  expect(await usersFor(erin)).toMatchObject({ items: [{ user: 'erin' }], waiting: [{ port: 80 }] });
  expect(await usersFor(carol)).toMatchObject({ items: [{ user: 'carol' }], waiting: [] });
  old.destroy();
  asked.destroy();
  agent.destroy();
});

test('a device comes on line with the password of the API, and is seen to come and go', async () => {
  const pump = await add('pump');
  const agent = await pump.connect();
  await online('pump');
  expect(await get('pump')).toMatchObject({
    address: '127.0.0.1',
    agent: 'ScriptedAgent/1.0',
    ports: [80],
    connects: 1,
  });
  const listed = await alice.get('/devices?status=online');
  expect((listed.body as { items: object[] }).items).toMatchObject([{ id: 'pump', online: true }]);
  expect((await alice.get('/domains/acme')).body).toMatchObject({ usage: { connections: 1 } });
  expect((await carol.post('/devices/pump/disconnect')).status).toBe(403);
  expect((await alice.post('/devices/pump/disconnect')).status).toBe(204);
  await online('pump', false);
  agent.destroy();
  const reason = 'disconnected by an operator';
  for (const [client, by] of [[alice, 'alice'] as const, [carol, null] as const]) {
    const { body } = await client.get('/devices/pump/connections');
    const end = { cause: 'disconnected', reason, by };
    expect((body as { items: object[] }).items).toMatchObject([
      { live: false, end, address: '127.0.0.1', bytesFrom: 0 },
    ]);
  }
  expect((await carol.get('/devices/pump/traffic')).body).toEqual({ days: [] });
  expect((await carol.get('/devices/pump/traffic?since=yesterday')).status).toBe(400);
  expect((await carol.get('/devices/pump/log')).status).toBe(403);
  expect((await alice.get('/devices/pump/log?limit=1')).status).toBe(200);
  expect((await alice.get('/devices/pump/connections?cursor=x')).status).toBe(400);
});

test('a connection says why it has ended', async () => {
  const device = await add('fickle');
  const causes = async () => {
    const { body } = await alice.get('/devices/fickle/connections');
    return (body as { items: { end: { cause: string } | null }[] }).items.map(
      ({ end }) => end?.cause ?? null,
    );
  };
  const first = await device.connect();
  await online('fickle');
  expect(await causes()).toEqual([null]);
  const second = await device.connect();
  await until(async () => (await causes()).length === 2);
  expect(await causes()).toEqual([null, 'replaced']);
  first.destroy();
  second.peer.close(1000);
  await online('fickle', false);
  expect(await causes()).toEqual(['closed', 'replaced']);
  second.destroy();
  const third = await device.connect();
  await online('fickle');
  third.destroy();
  await online('fickle', false);
  expect(await causes()).toEqual(['lost', 'closed', 'replaced']);
});

test('a new password ends the tunnel that the former one opened', async () => {
  const device = await add('renewed');
  const agent = await device.connect();
  await online('renewed');
  await alice.post('/devices/renewed/password', {});
  await online('renewed', false);
  agent.destroy();
  expect(await refusal(device.connect())).toContain('401');
});

test('a device that is moved or removed is disconnected, and comes back as what it is then', async () => {
  const device = await add('moved');
  const agent = await device.connect();
  await online('moved');
  await alice.patch('/devices/moved', { domain: 'one' }, any);
  await online('moved', false);
  agent.destroy();
  expect(await refusal(device.connect())).toContain('401');
  const moved = { ...device, domain: 'one' };
  const again = await ScriptedAgent.connect(server.reflector.port, moved);
  await online('moved');
  await alice.delete('/devices/moved', any);
  await until(() => !server.reflector.presence.local.has('moved'));
  again.destroy();
});

test('quotas: a device beyond them is refused, and its record says why', async () => {
  await alice.patch('/domains/one', { quotas: { connections: 1 } }, any);
  const [first, second] = [await add('first', 'one'), await add('second', 'one')];
  const agent = await first.connect();
  await online('first');
  const reason = 'quota: the domain one may have 1 device on line, and has 1';
  expect(await refusal(second.connect())).toBe(`503 ${reason} 300`);
  await until(async () => (await get('second')).refused !== null);
  expect(await get('second')).toMatchObject({ refused: { reason, address: '127.0.0.1' } });
  agent.destroy();
  await online('first', false);
  const other = await second.connect();
  await online('second');
  other.destroy();
});

test('quotas: a domain that has used up its bytes is refused', async () => {
  await alice.patch('/domains/spent', { quotas: { bytesPerMonth: 0 } }, any);
  const device = await add('thirsty', 'spent');
  expect(await refusal(device.connect())).toMatch(
    /^403 quota: the domain spent has used its 0 bytes of this month, until /,
  );
});
