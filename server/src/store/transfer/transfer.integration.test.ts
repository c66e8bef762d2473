import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { StoreError } from 'rm-reflector/ports';
import { DataFileLock } from 'rm-reflector/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { FleetFile } from '../../testing/fleet-file.ts';
import { PostgresqlStore } from '../postgresql/postgresql-store.ts';
import { PostgresqlTables } from '../postgresql-tables/postgresql-tables.ts';
import { transfer } from './transfer.ts';
import { transferredTables } from './transferred-tables.ts';

/** A machine may be busy with much else; and nothing waits for companions. */
const limits = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000, batchMs: 1 };
const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const facts = { address: '192.0.2.1', agent: 'rm-agent/1', properties: { name: 'Pump "Ä"\\' } };
const hash = (byte: number) => Buffer.alloc(32, byte);

let server: PostgresqlServer;
beforeAll(async () => {
  server = await PostgresqlServer.start(5432);
});
afterAll(() => server.end());

/** Every table has a row, and those that are read in pieces have many. */
async function filled(): Promise<FleetFile> {
  const file = new FleetFile();
  const { store, database } = file;
  await store.settings.set('token_key', Buffer.from([0, 1, 255]));
  for (const name of ['alice', 'bob']) await store.users.add(name, `hash of ${name}`, 5, 'user');
  await store.users.promote('alice');
  await store.users.grant('bob', 'acme');
  const bob = await store.users.get('bob');
  if (!bob) throw new Error('bob is gone');
  const times = { created: 1, used: 2, expires: 1e13 };
  const session = { fingerprint: 'f', address: '', agent: 'a browser', user: 'bob', ...times };
  const bounds = { perUser: 9, total: 9 };
  // The one that comes first by its hash belongs to the other.
  await store.sessions.add(
    { ...session, hash: hash(9), kind: 'own', device: null, parent: null },
    bob,
    bounds,
  );
  await store.sessions.add(
    { ...session, hash: hash(1), kind: 'device', device: 'pump', parent: hash(9) },
    bob,
    bounds,
  );
  const many = Array.from({ length: 1_201 }, (_, n) => ({ id: `dev${n}`, domain: 'acme', secrets }));
  await store.devices.addAll([{ id: 'pump', domain: 'acme', secrets }, ...many], 7, null);
  await store.devices.remove('dev7', 9);
  const pump = { id: 'pump', uid: (await store.devices.get('pump'))?.uid ?? '' };
  await store.devices.noteConnected(pump, 10, facts);
  await store.devices.addTraffic(pump, 5, 6);
  await store.devices.noteDisconnected(pump, 20, { cause: 'lost', reason: 'a\0b' });
  const entry = { time: 10, event: 'a', user: 'bob', device: 'pump', record: '{"agent":"\\u0000"}' };
  await store.audit.append([entry, { ...entry, user: null, device: null }]);
  const run = (sql: string, ...values: (string | Buffer | null)[]) => database.run(sql, ...values);
  await run('INSERT INTO recovery_codes VALUES (?, ?)', 'bob', hash(2));
  await run("INSERT INTO fleet_calls VALUES ('bob', 'k', ?, 3)", hash(3));
  await run('UPDATE fleet_devices SET tags = \'["a","b"]\', properties = \'{"k":"v"}\' WHERE id = \'pump\'');
  await run("INSERT INTO fleet_domains (id, created) VALUES ('west', 1), ('east', 2)");
  await run("DELETE FROM fleet_domains WHERE id IN ('west', 'east')");
  await run("INSERT INTO fleet_groups VALUES ('field', 'Ä', 1)");
  await run("INSERT INTO fleet_members VALUES ('bob', 'field', '')");
  await run(
    "INSERT INTO fleet_grants (id, team, role, device, created, created_by) VALUES ('g', 'field', 'user', 'pump', 0, 'alice')",
  );
  await run("INSERT INTO fleet_keys VALUES ('k', 'bob', 'ci', ?, '[]', NULL, 1, NULL, NULL, NULL)", hash(4));
  await run(
    "INSERT INTO fleet_directory_members (user, source, id, login, until) VALUES ('bob', 'ldap', 'i', 'Bob', 9)",
  );
  await run("INSERT INTO fleet_oidc_sessions VALUES (?, 'corp', 'sub', NULL, NULL)", hash(9));
  await run("INSERT INTO fleet_people VALUES ('bob', 'person', 'Bob Ö', 'bob@example.com')");
  await run("INSERT INTO fleet_invitations VALUES (?, 'bob', 'reset', 1, 2)", hash(5));
  await run("INSERT INTO fleet_preferences VALUES ('bob', '{}')");
  await run(
    "INSERT INTO fleet_webhooks (id, url, description, secret, enabled, position, created, creator, version) VALUES ('w', 'u', '', 's', 1, 0, 0, 'bob', 1)",
  );
  await run(
    "INSERT INTO fleet_deliveries (webhook, message, kind, payload, state, attempts, created) VALUES ('w', 'm', 'k', '{}', 'waiting', 0, 0)",
  );
  await run(
    "INSERT INTO fleet_enrolment_keys (id, hash, name, domain, prefix, approval, created, created_by) VALUES ('e', ?, 'n', 'acme', 'p', 1, 0, 'bob')",
    hash(6),
  );
  await run(
    "INSERT INTO fleet_enrolments (id, secret, hardware, state, reason, uid, address, network, created, seen) VALUES ('pump', ?, '', 'enrolled', 'key', ?, '', '', 0, 0)",
    ...[hash(7), pump.uid],
  );
  await run(
    "INSERT INTO fleet_host_keys SELECT number, 22, 'ssh-ed25519 AAAA', 1, 'bob' FROM fleet_devices WHERE id = 'pump'",
  );
  return file;
}

const moving = (file: FleetFile, database: string) =>
  transfer(
    {
      from: join(file.folder, 'server.sqlite'),
      to: { url: server.url().replace(/postgres$/, database) },
    },
    { clock: file.clock, warn: () => {} },
  );

test('every row of every table is there, and the server goes on where it was', async () => {
  const file = await filled();
  const devices = ['pump', 'dev0'];
  const ofSqlite = await Promise.all(devices.map((id) => file.store.devices.get(id)));
  const texts = (await file.database.all(
    'SELECT number, text FROM fleet_search ORDER BY number',
  )) as object[];
  const [bob, sessions] = [await file.store.users.get('bob'), await file.store.sessions.get(hash(1))];
  const { rows, altered } = await moving(file, 'postgres');
  expect([...rows.entries()].filter(([, count]) => count === 0)).toEqual([]);
  expect([...rows.keys()]).toEqual([...transferredTables]);
  expect([rows.get('devices'), rows.get('fleet_tags'), altered]).toEqual([1_201, 2, 2]);
  // PostgreSQL knows how large the tables are, and so how to read them.
  expect(await server.sql("SELECT reltuples FROM pg_class WHERE relname = 'fleet_search'")).toEqual(['1201']);
  const store = await PostgresqlStore.open({ url: server.url(), limits });
  const tables = await PostgresqlTables.open({ url: server.url(), limits });
  const reason = 'a\ufffdb';
  const [pump, other] = await Promise.all(devices.map((id) => store.devices.get(id)));
  expect([pump, other]).toEqual([{ ...ofSqlite[0], lastEnd: { cause: 'lost', reason } }, ofSqlite[1]]);
  expect([await store.users.get('bob'), await store.sessions.get(hash(1))]).toEqual([bob, sessions]);
  expect(await store.settings.get('token_key')).toEqual(Buffer.from([0, 1, 255]));
  expect(await tables.all('SELECT number, text FROM fleet_search ORDER BY number')).toEqual(texts);
  // Triggers work again, and no number comes twice.
  const last = await file.database.get<{ last: number }>('SELECT max(sequence) AS last FROM fleet_events');
  await store.devices.add({ id: 'new', domain: 'new', secrets }, 8, null);
  expect(await tables.get('SELECT max(sequence) AS last FROM fleet_events')).toEqual({
    last: (last?.last ?? 0) + 1,
  });
  const given = "SELECT seq AS number FROM sqlite_sequence WHERE name = 'fleet_domains'";
  const { number } = (await file.database.get<{ number: number }>(given)) ?? { number: 0 };
  expect(number).toBeGreaterThan(2);
  expect(await tables.get("SELECT number FROM fleet_domains WHERE id = 'new'")).toEqual({
    number: number + 1,
  });
  await tables.close();
  await store.close();
  await expect(moving(file, 'postgres')).rejects.toThrow(
    'the database: has data already (rm_reflector.settings); it must have none, or be another one',
  );
  await file.close();
});

test('what fails leaves the database as it was, and can be done again', async () => {
  await server.sql('CREATE DATABASE again');
  const file = await filled();
  const state = (value: string) => `UPDATE fleet_enrolments SET state = '${value}'`;
  file.database.prepare('PRAGMA ignore_check_constraints = ON').run();
  await file.database.run(state('odd'));
  await expect(moving(file, 'again')).rejects.toThrow(/^the database: .*fleet_enrolments/);
  const other = await PostgresqlStore.open({ url: server.url().replace(/postgres$/, 'again'), limits });
  expect(await other.users.isEmpty()).toBe(true);
  await other.close();
  await file.database.run(state('enrolled'));
  expect((await moving(file, 'again')).rows.get('fleet_enrolments')).toBe(1);
  await file.close();
});

test('a data file on which a server runs, or that is not there, is refused', async () => {
  const file = new FleetFile();
  const path = join(file.folder, 'server.sqlite');
  const lock = DataFileLock.take(path);
  await expect(moving(file, 'postgres')).rejects.toBeInstanceOf(StoreError);
  lock.release();
  const nothing = { from: `${path}.none`, to: { url: server.url() } };
  await expect(transfer(nothing, { clock: file.clock, warn: () => {} })).rejects.toThrow(
    'there is no such file',
  );
  await SqliteStore.open(path, { existing: true }).close();
  await file.close();
});
