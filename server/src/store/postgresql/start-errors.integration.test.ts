import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { StoreError } from 'rm-reflector/ports';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reservedPort } from '../../../../test/system/loopback-port.ts';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { type PostgresqlOptions, PostgresqlStore } from './postgresql-store.ts';

/** A machine may be busy with much else; and nothing waits for companions. */
const limits = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000, batchMs: 1 };

let server: PostgresqlServer;
let unused: number;
beforeAll(async () => {
  unused = await reservedPort();
  server = await PostgresqlServer.start(5432);
  await server.sql("CREATE ROLE rm LOGIN PASSWORD 'right'");
  await server.sql('CREATE DATABASE newer');
  await server.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
  const newer = await PostgresqlStore.open({ ...as('postgres', 'newer'), limits });
  await newer.close();
  await server.sqlIn('newer', 'UPDATE rm_reflector.store SET version = 1000');
  const rules = join(server.folder, 'data', 'pg_hba.conf');
  writeFileSync(rules, 'local all postgres trust\nlocal all rm scram-sha-256\n');
  await server.crash();
  await server.resume();
  for (const password of ['right', 'wrong']) writeFileSync(passwordFile(password), `${password}\n`);
});
afterAll(() => server.end());

const passwordFile = (password: string) => join(server.folder, `${password}.password`);

function as(user: string, database = 'postgres', password?: string): PostgresqlOptions {
  const url = server
    .url()
    .replace('postgres@', `${user}@`)
    .replace(/postgres$/, database);
  return { url, ...(password !== undefined && { password: { file: passwordFile(password) } }) };
}

const cannot = 'the database cannot be used:';
test.each<[string, () => PostgresqlOptions, string]>([
  ['no server', () => ({ url: server.url(5433) }), `${cannot} connect ENOENT`],
  [
    'nothing listens',
    () => ({ url: `postgresql://rm@127.0.0.1:${unused}/rm`, tls: 'off' }),
    `${cannot} connect ECONNREFUSED 127.0.0.1`,
  ],
  [
    'a wrong password',
    () => as('rm', 'postgres', 'wrong'),
    `${cannot} password authentication failed for user "rm"`,
  ],
  ['no password', () => as('rm'), `${cannot} it asks for a password, and none is given`],
  [
    'no password file',
    () => as('rm', 'postgres', 'none'),
    `${cannot} its password cannot be read: ENOENT: no such file or directory`,
  ],
  ['no such database', () => as('postgres', 'none'), `${cannot} database "none" does not exist`],
  [
    'no right to make schemas',
    () => as('rm', 'postgres', 'right'),
    'the database: its user rm may not make the schema rm_reflector; GRANT CREATE ON DATABASE postgres TO rm',
  ],
  ['an encoding', () => as('postgres', 'ascii'), 'the database: its encoding is SQL_ASCII; UTF8 is needed'],
  [
    'a newer version',
    () => as('postgres', 'newer'),
    'the database: its data was made by a newer program (version 1000, this one knows',
  ],
])('%s is told in one clear line', async (_name, options, message) => {
  const told: string[] = [];
  const opening = PostgresqlStore.open({ ...options(), limits, warn: (text) => told.push(text) });
  const error: unknown = await opening.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreError);
  const text = (error as Error).message;
  expect([text.slice(0, message.length), text.includes('\n')]).toEqual([message, false]);
  // Said once, and nothing is tried again.
  expect(told.filter((line) => !line.includes('TLS is off'))).toEqual([]);
});

test('a connection whose password cannot be read is closed at once, and not left until the database gives it up', async () => {
  const askingForPassword = Buffer.from('520000000800000003', 'hex');
  const fake = createServer((socket) => {
    socket.once('data', () => socket.write(askingForPassword)).on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(fake, 'listening');
  const { port } = fake.address() as AddressInfo;
  const url = `postgresql://rm@127.0.0.1:${port}/rm`;
  const password = { file: passwordFile('none') };
  await expect(PostgresqlStore.open({ url, tls: 'off', password, limits })).rejects.toThrow('cannot be read');
  // It ends once no connection is left.
  fake.close();
  await once(fake, 'close');
});

test('a user who may only use the schemas that are there needs no right to make any', async () => {
  await server.sql('CREATE DATABASE given');
  await server.sqlIn('given', 'CREATE SCHEMA rm_reflector AUTHORIZATION rm');
  const store = await PostgresqlStore.open({ ...as('rm', 'given', 'right'), limits });
  expect(await store.users.isEmpty()).toBe(true);
  await store.close();
});
