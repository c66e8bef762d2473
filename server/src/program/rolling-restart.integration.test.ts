import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { Authority } from '../../../test/certificates/authority.ts';
import { Haproxy } from '../../../test/proxies/haproxy.ts';
import { endProcess } from '../../../test/system/end-process.ts';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';

/** Two nodes behind HAProxy, as in `examples/haproxy`, are restarted one after the other under the requests of a user. */

const main = 'server/dist/main.js';
const domain = '00000000-0000-0000-0000-0000000000aa';
const ids = ['pump-1', 'pump-2', 'pump-3', 'pump-4'];
const authorization = `Basic ${Buffer.from('alice:a long enough secret').toString('base64')}`;

let folder: string;
let authority: Authority;
let database: PostgresqlServer;
let front: Haproxy;
let port: number;
let ca: Buffer;
const nodes = new Map<string, ChildProcess>();
const agents: ChildProcess[] = [];
const devices: Server[] = [];

const configurationOf = (name: string) => join(folder, `${name}.json`);

/** A command of node `a`. */
function administer(input: string, ...args: readonly string[]): void {
  const env = { ...process.env, RM_SERVER_CONFIG: configurationOf('a') };
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { input, env, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
}

async function startNode(name: string): Promise<void> {
  const node = spawn(process.execPath, [main, '--config', configurationOf(name)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  nodes.set(name, node);
  await once(node.stdout, 'data');
}

/** A device that says its own name, and its agent. */
async function startDevice(id: string): Promise<void> {
  const device = createServer((_request, response) => response.end(id)).listen(0, '127.0.0.1');
  devices.push(device);
  await once(device, 'listening');
  const { certFile: cert, keyFile: key } = authority.issue({ name: id });
  const content = {
    reflector: `https://localhost:${port}/`,
    device: { id, domain, password: '' },
    services: [{ port: (device.address() as AddressInfo).port, kind: 'http' }],
    reconnect: { min: 1, max: 5 },
    control: null,
    stateFile: null,
    tls: { ca: authority.file, cert, key },
  };
  const file = configurationOf(id);
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  const agent = ['dist/node/rm-agent.mjs', 'run', '--config', file];
  agents.push(spawn(process.execPath, agent, { stdio: 'ignore' }));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-rolling-'));
  authority = new Authority();
  ca = readFileSync(authority.file);
  database = await PostgresqlServer.start(5432, ['max_connections=100']);
  const names = ['localhost', '*.localhost', ...ids.map((id) => `${id}.localhost`)];
  const { certFile, keyFile } = authority.issue({ names: names.map((name) => `DNS:${name}`).join(',') });
  const reflectors = [await reservedPort(), await reservedPort()] as const;
  for (const [index, name] of ['a', 'b'].entries()) {
    const own = authority.issue({ names: `DNS:${name}` });
    const content = {
      listen: `127.0.0.1:${reflectors[index]}`,
      domain: 'localhost',
      ...{ tlsCert: certFile, tlsKey: keyFile, clientCa: authority.file },
      ...{ trustProxy: ['127.0.0.1'], proxyProtocol: true, drain: 6 },
      ...{ audit: join(folder, `${name}.audit`), logLevel: 'error' },
      data: join(folder, `${name}.sqlite`),
      store: { url: database.url() },
      node: {
        name,
        listen: `127.0.0.1:${await reservedPort()}`,
        tls: { cert: own.certFile, key: own.keyFile, ca: authority.file },
      },
    };
    writeFileSync(configurationOf(name), JSON.stringify(content), { mode: 0o600 });
  }
  administer('a long enough secret\n', 'user', 'add', 'alice', '--admin', '--password-file', '-');
  const proof = ['--certificate', '--issued-since', '2020-01-01'];
  for (const id of ids) administer('', 'device', 'add', id, '--domain', domain, ...proof);
  for (const name of ['a', 'b']) await startNode(name);
  port = await reservedPort();
  const certificate = { cert: certFile, key: keyFile };
  front = await Haproxy.startBalancing({ port, reflectors, certificate, authority: authority.file });
  for (const id of ids) await startDevice(id);
});

afterAll(async () => {
  for (const child of [...agents, ...nodes.values()]) await endProcess(child, 'SIGKILL');
  for (const device of devices) device.close();
  await front?.stop();
  await database?.end();
  authority?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** What a user gets of a device through HAProxy. */
async function browse(id: string): Promise<string> {
  const asking = request({
    ...{ port, host: '127.0.0.1', servername: `${id}.localhost`, ca, agent: false },
    headers: { Host: `${id}.localhost:${port}`, Authorization: authorization },
  });
  const [response] = (await once(asking.end(), 'response')) as [IncomingMessage];
  const body = await text(response);
  return response.statusCode === 200 ? body : String(response.statusCode);
}

const allAnswer = async () =>
  (await Promise.all(ids.map(browse))).every((answer, index) => answer === ids[index]);

test('each node drains, ends with 0 and comes back; every device answers through HAProxy afterwards, and none for another', async () => {
  await until(allAnswer);
  let going = true;
  const answers = ids.map(async (id) => {
    const seen = new Set<string>();
    while (going) seen.add(await browse(id));
    return seen;
  });
  for (const [name, node] of [...nodes]) {
    const ended = once(node, 'exit');
    node.kill('SIGTERM');
    expect([name, ...(await ended)]).toEqual([name, 0, null]);
    // The other node has them all.
    await until(allAnswer);
    await startNode(name);
    await until(allAnswer);
  }
  going = false;
  for (const [index, seen] of (await Promise.all(answers)).entries()) {
    // For a moment, a device that is led away is gone.
    expect(new Set([ids[index], '502', '503'])).toEqual(seen.add('502').add('503'));
  }
});
