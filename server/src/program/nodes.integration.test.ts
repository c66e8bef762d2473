import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceSecrets, hashPassword } from 'rm-reflector';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Forwarding, ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { Authority } from '../../../test/certificates/authority.ts';
import { endProcess } from '../../../test/system/end-process.ts';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from '../store/postgresql/postgresql-store.ts';

/** Nodes as they are started, each a process, that die, stand still and come back. */

const main = 'server/dist/main.js';
const pump = { id: 'pump', domain: 'acme', password: 'of the pump' };
const alice = { name: 'alice', password: 'a long enough secret' };

let database: PostgresqlServer;
let authority: Authority;
beforeAll(async () => {
  authority = new Authority();
  database = await PostgresqlServer.start(5432);
  const store = await PostgresqlStore.open({ url: database.url() });
  const secrets = await deviceSecrets(pump.id, pump.domain, pump.password, false, 'generated');
  await store.users.add(alice.name, await hashPassword(alice.password), Date.now(), 'administrator');
  await store.devices.add({ id: pump.id, domain: pump.domain, secrets }, Date.now(), null);
  await store.close();
});
afterAll(async () => {
  await database.end();
  authority.remove();
});

let folder: string;
let ends: (() => unknown)[];
let running: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-nodes-'));
  ends = [];
  running = [];
});
afterEach(async () => {
  for (const end of ends) await end();
  for (const child of running) await endProcess(child, 'SIGKILL');
  await database.sql('DELETE FROM rm_server.fleet_nodes; DELETE FROM rm_server.fleet_events');
  rmSync(folder, { recursive: true });
});

interface Process {
  readonly child: ChildProcess;
  readonly port: number;
  readonly said: { out: string; err: string };
}

async function start(name: string): Promise<Process> {
  const { certFile, keyFile } = authority.issue({ names: `DNS:${name}` });
  const file = join(folder, `${name}.json`);
  const configuration = {
    listen: '127.0.0.1:0',
    data: join(folder, `${name}.sqlite`),
    store: { url: database.url() },
    node: {
      name,
      listen: `127.0.0.1:${await reservedPort()}`,
      tls: { cert: certFile, key: keyFile, ca: authority.file },
    },
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  const child = spawn(process.execPath, [main, '--config', file]);
  running.push(child);
  const said = { out: '', err: '' };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.out += text;
      if (said.out.includes('listens on')) resolve();
    });
    child.once('exit', (status) => reject(new Error(`rm-server ended with ${status}: ${said.err}`)));
  });
  return { child, port: Number(/listens on \S+:(\d+)/.exec(said.out)?.[1]), said };
}

/** The pump, with a web server that says where it is. */
async function come({ port }: Process, text: string): Promise<ScriptedAgent> {
  const web = createServer((_asked, answer) => answer.end(text)).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port: webPort } = web.address() as AddressInfo;
  const properties = [
    { name: 'targetPorts', value: String(webPort) },
    { name: 'httpPort', value: String(webPort) },
  ];
  const extensions = 'max-frame=65536, window=262144';
  const agent = await ScriptedAgent.connect(port, { ...pump, properties, extensions });
  new Forwarding(agent, [webPort]);
  ends.push(() => {
    agent.destroy();
    web.closeAllConnections();
    web.close();
  });
  return agent;
}

const authorization = `Basic ${Buffer.from(`${alice.name}:${alice.password}`).toString('base64')}`;

function ask({ port }: Process): Promise<string> {
  const headers = { host: `pump.localhost:${port}`, authorization };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/', headers, agent: false }, (answer: IncomingMessage) => {
      let text = '';
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

const events = async () =>
  (
    await database.sql(
      "SELECT kind FROM rm_server.fleet_events WHERE kind IN ('device.online', 'device.offline') ORDER BY sequence",
    )
  ).map(String);
const isOnline = async () =>
  (await database.sql("SELECT 1 FROM rm_reflector.devices WHERE id = 'pump' AND online")).length === 1;
/** As if the time of the lease had passed. */
const endLease = (name: string) =>
  database.sql(
    `UPDATE rm_server.fleet_nodes SET lease_until = clock_timestamp() - interval '1 s' WHERE name = '${name}'`,
  );

test('a node that is killed: its device is noted off line once, and reached wherever it comes back', async () => {
  const [a, b] = [await start('a'), await start('b')];
  await come(a, 'at a');
  await until(async () => (await ask(b)) === 'at a');
  await until(isOnline);
  a.child.kill('SIGKILL');
  await once(a.child, 'exit');
  await endLease('a');
  await until(async () => !(await isOnline()));
  expect(await events()).toEqual(['device.online', 'device.offline']);
  await come(b, 'at b');
  expect(await ask(b)).toBe('at b');
  await until(isOnline);
  const again = await start('a');
  await until(async () => (await ask(again)) === 'at b');
  expect([await isOnline(), await events()]).toEqual([
    true,
    ['device.online', 'device.offline', 'device.online'],
  ]);
  for (const { child } of [again, b]) {
    await endProcess(child);
    expect(child.exitCode).toBe(0);
  }
  expect(await database.sql('SELECT name FROM rm_server.fleet_nodes')).toEqual([]);
});

test('a node that stands still for longer than its lease gives up the device that has come elsewhere', async () => {
  const [a, b] = [await start('a'), await start('b')];
  const former = await come(a, 'at a');
  await until(async () => (await ask(b)) === 'at a');
  await until(isOnline);
  a.child.kill('SIGSTOP');
  await endLease('a');
  await until(async () => !(await isOnline()));
  await come(b, 'at b');
  await until(isOnline);
  a.child.kill('SIGCONT');
  await former.ended;
  await until(async () => (await ask(a)) === 'at b');
  expect([await isOnline(), await events()]).toEqual([
    true,
    ['device.online', 'device.offline', 'device.online'],
  ]);
});

test('a second process of a name ends the first one with status 78', async () => {
  const former = await start('a');
  const ended = once(former.child, 'exit');
  await come(former, 'at the former');
  const present = await start('a');
  expect(await ended).toEqual([78, null]);
  expect(former.said.err).toContain('another process has taken the name of the node a');
  await come(present, 'at the present');
  expect(await ask(present)).toBe('at the present');
});
