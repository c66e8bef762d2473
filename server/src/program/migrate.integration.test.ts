import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataFileLock } from 'rm-reflector/store';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../../reflector-minimal/src/testing/run-command.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { FleetFile } from '../testing/fleet-file.ts';
import { serverProgram } from './server-program.ts';

let server: PostgresqlServer;
beforeAll(async () => {
  server = await PostgresqlServer.start(5432);
});
afterAll(() => server.end());

let file: FleetFile;
let data: string;
beforeEach(async () => {
  file = new FleetFile();
  data = join(file.folder, 'server.sqlite');
  await file.store.users.add('alice', 'hash of alice', 5, 'administrator');
  for (const id of ['pump', 'valve', 'lamp']) await file.add(id);
});
afterEach(() => file.close());

const migrate = (...args: string[]) =>
  runCommand(serverProgram, ['migrate', ...args], { RM_SERVER_DATA: data });

test('everything is moved, the rows of each table are shown, and a second time is refused', async () => {
  await server.sql('CREATE DATABASE fleet');
  const url = server.url().replace(/postgres$/, 'fleet');
  const moved = await migrate('--from', data, '--to', url);
  expect(moved).toMatchObject({ status: 0, err: '' });
  const shown = new Map(
    moved.out.split('\n').map((line) => line.split(/ {2,}/) as [string, string | undefined]),
  );
  expect([
    shown.get('users'),
    shown.get('devices'),
    shown.get('fleet_devices'),
    shown.get('sessions'),
  ]).toEqual(['1', '3', '3', '0']);
  expect(moved.out).toMatch(
    new RegExp(`\\n\\d+ rows of ${data} are in ${url} now; the file stays as it is\\n$`),
  );
  expect(await server.sqlIn('fleet', 'SELECT id FROM rm_reflector.devices ORDER BY id')).toEqual([
    'lamp',
    'pump',
    'valve',
  ]);
  expect(await file.store.users.get('alice')).toMatchObject({ password: 'hash of alice' });
  await file.store.users.add('bob', 'hash of bob', 6, 'user');
  expect(await migrate('--to', url)).toEqual({
    status: 74,
    out: '',
    err: 'rm-server: the database: has data already (rm_reflector.users); it must have none, or be another one\n',
  });
  expect(await server.sqlIn('fleet', 'SELECT name FROM rm_reflector.users')).toEqual(['alice']);
});

test('nothing is moved off a running server, and the database stays empty', async () => {
  const lock = DataFileLock.take(data);
  const refused = await migrate('--to', server.url());
  lock.release();
  expect(refused).toMatchObject({ status: 74, out: '', err: expect.stringContaining('is using it') });
  expect(await server.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rm\\_%'")).toEqual(['0']);
});

const secretUrl = 'postgresql://rm:secret@db.example.com/rm';
test.each<[string[], number, string]>([
  [[], 64, 'migrate: needs --to postgresql://USER@HOST:PORT/DATABASE, or "store" in the configuration file'],
  [
    ['--ca', '/none'],
    64,
    'migrate: needs --to postgresql://USER@HOST:PORT/DATABASE, or "store" in the configuration file',
  ],
  [
    ['--to', secretUrl],
    64,
    '--to: has a password, which all users of this machine can read; put it into a file, and give --password-file FILE',
  ],
  [
    ['--to', 'mysql://rm@db/rm'],
    74,
    'the database: its URL is incomplete; postgresql://USER@HOST:PORT/DATABASE is allowed',
  ],
  [['--to', 'postgresql://rm@db/rm', '--tls', 'maybe'], 64, '--tls "maybe": must be verify-full or off'],
  [
    ['--to', 'postgresql://rm@db/rm', '--password-file', '/none'],
    64,
    '--password-file /none: no such file or directory',
  ],
  [['--to', 'postgresql://rm@db/rm', '--ca', '/none'], 64, '--ca /none: no such file or directory'],
  [['--from', '/none', '--to', 'postgresql://rm@db/rm'], 74, 'data file /none: there is no such file'],
  [
    ['fleet'],
    64,
    'must be rm-server migrate [--from FILE] [--to URL] [--password-file FILE] [--ca FILE] [--tls off]',
  ],
])('%j is refused in one line', async (args, status, message) => {
  expect(await migrate(...args)).toEqual({ status, out: '', err: `rm-server: ${message}\n` });
});

test('a database that cannot be used is told in one line, and makes nothing of the file', async () => {
  const password = join(file.folder, 'password');
  writeFileSync(password, 'secret\n', { mode: 0o600 });
  const nowhere = `postgresql://rm@${encodeURIComponent(file.folder)}/rm`;
  expect(await migrate('--to', nowhere, '--password-file', password)).toEqual({
    status: 74,
    out: '',
    err: `rm-server: the database cannot be used: connect ENOENT ${file.folder}/.s.PGSQL.5432\n`,
  });
  expect(existsSync(data)).toBe(true);
  // The lock is free again.
  DataFileLock.take(data).release();
});
