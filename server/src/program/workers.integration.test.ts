import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { deviceSecrets, hashPassword } from 'rm-reflector';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Forwarding, ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { endProcess } from '../../../test/system/end-process.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from '../store/postgresql/postgresql-store.ts';

/** A server of several processes on one port. */

const main = 'server/dist/main.js';
const pump = { id: 'pump', domain: 'acme', password: 'of the pump' };
const alice = { name: 'alice', password: 'a long enough secret' };
const authorization = `Basic ${Buffer.from(`${alice.name}:${alice.password}`).toString('base64')}`;

let database: PostgresqlServer;
beforeAll(async () => {
  database = await PostgresqlServer.start(5432);
  const store = await PostgresqlStore.open({ url: database.url() });
  const secrets = await deviceSecrets(pump.id, pump.domain, pump.password, false, 'generated');
  await store.users.add(alice.name, await hashPassword(alice.password), Date.now(), 'administrator');
  await store.devices.add({ id: pump.id, domain: pump.domain, secrets }, Date.now(), null);
  await store.close();
});
afterAll(() => database.end());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-workers-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function configure(more: Readonly<Record<string, unknown>>): string {
  const file = join(folder, 'rm-server.json');
  const store = { url: database.url() };
  const content = { listen: '127.0.0.1:0', data: join(folder, 'server.sqlite'), store, ...more };
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  return file;
}

describe('two workers', () => {
  let server: ChildProcess;
  let port: number;
  let said: { out: string; err: string };
  let ends: (() => void)[];
  beforeEach(async () => {
    ends = [];
    said = { out: '', err: '' };
    server = spawn(process.execPath, [main, '--config', configure({ workers: 2 })]);
    for (const [name, stream] of [
      ['out', server.stdout],
      ['err', server.stderr],
    ] as const) {
      stream?.setEncoding('utf8').on('data', (piece: string) => {
        said[name] += piece;
      });
    }
    await until(() => said.out.endsWith('rm-server: 2 workers serve\n') || server.exitCode !== null);
    expect([server.exitCode, said.out]).toEqual([
      null,
      expect.stringMatching(/^rm-server listens on \S+\nrm-server: 2 workers serve\n$/),
    ]);
    port = Number(/listens on \S+:(\d+)/.exec(said.out)?.[1]);
  });
  afterEach(async () => {
    for (const end of ends) end();
    await endProcess(server, 'SIGKILL');
    await database.sql('DELETE FROM rm_server.fleet_nodes');
  });

  /** Process IDs of the workers. */
  const workers = () => {
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(server.pid)], { encoding: 'utf8' });
    return stdout.trim().split(/\s+/).map(Number);
  };

  async function come(): Promise<void> {
    const web = createServer((_asked, answer) => answer.end('at the pump')).listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port: webPort } = web.address() as AddressInfo;
    const properties = [
      { name: 'targetPorts', value: String(webPort) },
      { name: 'httpPort', value: String(webPort) },
    ];
    const agent = await ScriptedAgent.connect(port, {
      ...pump,
      properties,
      extensions: 'max-frame=65536, window=262144',
    });
    new Forwarding(agent, [webPort]);
    ends.push(() => {
      agent.destroy();
      web.closeAllConnections();
      web.close();
    });
  }

  /** Of a connection of its own: the next worker answers it. */
  async function ask(): Promise<string> {
    const headers = { host: `pump.localhost:${port}`, authorization };
    const asking = request({ host: '127.0.0.1', port, path: '/', headers, agent: false });
    const [answer] = (await once(asking.end(), 'response')) as [IncomingMessage];
    return text(answer);
  }

  const answersFromAll = async () =>
    (await Promise.all([ask(), ask(), ask(), ask()])).every((answer) => answer === 'at the pump');

  test('are nodes: a device at one is reached through both, by sockets that are private', async () => {
    await come();
    await until(answersFromAll);
    const names = await database.sql('SELECT name FROM rm_server.fleet_nodes ORDER BY name');
    expect(names.map((name) => String(name).slice(-2))).toEqual(['-1', '-2']);
    const folders = readdirSync(folder).filter((name) => name.startsWith('worker-'));
    expect(folders.sort()).toEqual(['worker-1', 'worker-2']);
    for (const each of folders) {
      expect(statSync(join(folder, each)).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, each, 'relay.sock')).mode & 0o777).toBe(0o600);
    }
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    expect(await database.sql('SELECT name FROM rm_server.fleet_nodes')).toEqual([]);
  });

  test('one that is killed is replaced, and the port answers', async () => {
    const [first = 0, second = 0] = workers();
    process.kill(first, 'SIGKILL');
    await until(() => said.err.includes('has ended with SIGKILL: another one takes its place in 1 s'));
    await until(() => workers().length === 2 && !workers().includes(first));
    expect(workers()).toContain(second);
    await until(() => said.err.split('"this server is a node"').length > 3);
    await come();
    await until(answersFromAll);
  });

  test('end once with a signal to the whole group, as a service manager sends it', async () => {
    const pids = workers();
    for (const pid of [...pids, Number(server.pid)]) process.kill(pid, 'SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    expect(said.err.split('"msg":"stopped"').length - 1).toBe(2);
  });

  test('read their files again on SIGHUP', async () => {
    server.kill('SIGHUP');
    await until(() => said.err.split('TLS files read again').length > 2);
  });
});

describe('several workers are refused', () => {
  const refused = (args: readonly string[], more: Readonly<Record<string, unknown>> = {}) => {
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [main, ...args, '--config', configure(more)],
      {
        encoding: 'utf8',
        timeout: 120_000,
      },
    );
    return [status, stderr.replaceAll(folder, ''), stdout];
  };

  test.each([
    ['more than there may be', ['--workers', '65'], {}, '--workers: must be a number from 1 to 64'],
    ['in the file', [], { workers: 0 }, '/rm-server.json: workers: must be >= 1'],
    [
      'without a database',
      ['--workers', '2'],
      { store: null },
      'workers: need a database that they share: set store.url (PostgreSQL)',
    ],
    [
      'with an audit file',
      ['--workers', '2', '--audit', 'audit.log'],
      {},
      'workers: cannot write one audit file: leave out "audit", the audit log is in the database',
    ],
    [
      'with recordings',
      ['--workers', '2'],
      { recording: { terminals: 'always' } },
      'workers: cannot keep recordings of terminals together: leave out "recording"',
    ],
  ])('%s', (_name, args, more, message) => {
    expect(refused(args, more)).toEqual([78, `rm-server: ${message}\n`, '']);
  });

  test('once, where the first of them cannot start', () => {
    const [status, stderr] = refused(['--workers', '3'], { webhooks: 'wrong' });
    expect(status).toBe(78);
    expect(String(stderr).trim().split('\n')).toHaveLength(1);
    expect(readFileSync(join(folder, 'rm-server.json'), 'utf8')).toContain('wrong');
  });
});
