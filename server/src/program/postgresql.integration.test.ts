import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../../../reflector-minimal/src/testing/run-command.ts';
import { ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { endProcess } from '../../../test/system/end-process.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { ApiClient } from '../testing/api-client.ts';
import { serverProgram } from './server-program.ts';

/** `rm-server` as it is started, with its data in Debian's PostgreSQL, to which it logs in by a password. */

const main = 'server/dist/main.js';
const pump = { id: 'pump', domain: 'acme', password: 'of the pump' };

let database: PostgresqlServer;
beforeAll(async () => {
  database = await PostgresqlServer.start(5432);
  await database.sql("CREATE ROLE rm LOGIN PASSWORD 'of the database'");
  const rules = join(database.folder, 'data', 'pg_hba.conf');
  writeFileSync(rules, 'local all postgres trust\nlocal all rm scram-sha-256\n');
  await database.crash();
  await database.resume();
});
afterAll(() => database.end());

let folder: string;
let data: string;
let configuration: string;
let store: { readonly url: string; readonly password: { readonly file: string } };
let running: ChildProcess[];
let count = 0;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-postgresql-'));
  data = join(folder, 'server.sqlite');
  configuration = join(folder, 'rm-server.json');
  const password = join(folder, 'database-password');
  writeFileSync(password, 'of the database\n', { mode: 0o600 });
  const name = `fleet_${++count}`;
  await database.sql(`CREATE DATABASE ${name} OWNER rm`);
  const url = database
    .url()
    .replace('postgres@', 'rm@')
    .replace(/postgres$/, name);
  store = { url, password: { file: password } };
  running = [];
});
afterEach(async () => {
  for (const child of running) await endProcess(child, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

function configure(own: object): void {
  writeFileSync(configuration, JSON.stringify({ listen: '127.0.0.1:0', data, ...own }), { mode: 0o600 });
}

/** The process, and what it has said. */
function begin(...args: readonly string[]) {
  const child = spawn(process.execPath, [main, '--config', configuration, ...args]);
  running.push(child);
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  return { child, said };
}

/** Resolves once it listens. */
async function serve(...args: readonly string[]): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const { child, said } = begin(...args);
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => said.out.includes('\n') && resolve());
    child.once('exit', (status) => reject(new Error(`rm-server ended with ${status}: ${said.err}`)));
  });
  return {
    port: Number(/listens on \S+:(\d+)/.exec(said.out)?.[1]),
    stop: async () => {
      await endProcess(child);
      expect(child.exitCode).toBe(0);
    },
  };
}

/** A start that fails. */
async function refused(...args: readonly string[]) {
  const { child, said } = begin(...args);
  const [status] = await once(child, 'close');
  return { status, out: said.out, line: said.err.split('\n').at(-2) };
}

const command = (...args: readonly string[]) =>
  runCommand(serverProgram, args, { RM_SERVER_CONFIG: configuration });

async function addPump(): Promise<void> {
  const password = join(folder, 'device-password');
  writeFileSync(password, pump.password, { mode: 0o600 });
  const added = await command('device', 'add', pump.id, '--domain', pump.domain, '--password-file', password);
  expect(added).toMatchObject({ status: 0 });
}

/** The token of a session of the first administrator. */
async function logIn(port: number): Promise<string> {
  const first = readFileSync(`${data}.first-administrator`, 'utf8');
  const [, username = '', password = ''] = /^user: (.*)\npassword: (.*)\n$/.exec(first) ?? [];
  const form = String(new URLSearchParams({ username, password }));
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await new ApiClient(port, {}, null).call('POST', '/token', form, headers);
  expect(answer).toMatchObject({ status: 200 });
  return (answer.body as { readonly token: string }).token;
}

/** That the session is good, and that the device can come: what the API says of it then. */
async function expectPumpOnLine(port: number, token: string): Promise<void> {
  const client = new ApiClient(port, { authorization: `Bearer ${token}` }, null);
  const agent = await ScriptedAgent.connect(port, pump);
  await expect
    .poll(() => client.get('/devices/pump'))
    .toMatchObject({ status: 200, body: { id: 'pump', domain: 'acme', online: true } });
  agent.destroy();
}

test('a new server: administrator, log-in, a device by the command line; a restart keeps all of it', async () => {
  configure({ store });
  let server = await serve();
  await addPump();
  const token = await logIn(server.port);
  await expectPumpOnLine(server.port, token);
  await server.stop();
  expect(existsSync(data)).toBe(false);
  server = await serve();
  await expectPumpOnLine(server.port, token);
  await server.stop();
});

test('what was made on SQLite holds after migrate and a start on PostgreSQL', async () => {
  configure({});
  let server = await serve();
  await addPump();
  const token = await logIn(server.port);
  await expectPumpOnLine(server.port, token);
  await server.stop();
  configure({ store });
  expect(await command('migrate')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/\ndevices +1\n/),
    err: '',
  });
  server = await serve();
  await expectPumpOnLine(server.port, token);
  await server.stop();
  expect(existsSync(data)).toBe(true);
});

/** Runs it with the password of the database in a pipe at its standard input. */
async function piped(...args: readonly string[]) {
  const line = 'printf "of the database\\n" | "$@"';
  const child = spawn('sh', ['-c', line, 'sh', process.execPath, main, ...args], {
    env: { ...process.env, RM_SERVER_CONFIG: configuration },
  });
  running.push(child);
  let err = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [status] = await once(child, 'close');
  return { status, err };
}

describe('a pipe, which gives the password once', () => {
  test.each(['/dev/stdin', '-'])('--password-file %s of migrate', async (file) => {
    configure({});
    expect(await command('user', 'add', 'alice', '--admin')).toMatchObject({ status: 0 });
    expect(await piped('migrate', '--to', store.url, '--password-file', file)).toEqual({
      status: 0,
      err: '',
    });
  });

  test('as the file of the configuration', async () => {
    configure({ store: { ...store, password: { file: '/dev/stdin' } } });
    expect(await piped('user', 'add', 'alice')).toEqual({ status: 0, err: '' });
  });
});

test('an empty database beside a data file is refused until the data is moved', async () => {
  configure({});
  await command('user', 'add', 'alice', '--admin');
  configure({ store });
  expect(await refused()).toEqual({
    status: 74,
    out: '',
    line: `rm-server: the database: is empty, and there is the data file ${data}: move it by "rm-server migrate", or move it away`,
  });
  // What it advises works.
  expect(await command('migrate')).toMatchObject({ status: 0, err: '' });
  expect(await command('user', 'list')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^alice\b.*\n$/),
  });
});

test('a database that does not let it in ends the start in one line', async () => {
  writeFileSync(store.password.file, 'another\n');
  configure({ store });
  expect(await refused()).toEqual({
    status: 74,
    out: '',
    line: 'rm-server: the database cannot be used: password authentication failed for user "rm"',
  });
  expect(await refused('--store', 'postgresql://rm:secret@db/rm')).toMatchObject({
    status: 78,
    line: expect.stringMatching(/^rm-server: --store: has a password; /),
  });
});

test('backup and restore are left to PostgreSQL', async () => {
  configure({ store });
  const file = join(folder, 'copy');
  for (const [name, program] of [
    ['backup', 'pg_dump'],
    ['restore', 'pg_restore'],
  ] as const) {
    expect(await command(name, file)).toEqual({
      status: 1,
      out: '',
      err: `rm-server: ${name}: the data are in ${store.url}, not in a file: use ${program} of PostgreSQL\n`,
    });
  }
  expect(existsSync(file)).toBe(false);
});
