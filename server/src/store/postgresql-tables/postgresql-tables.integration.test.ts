import pg from 'pg';
import { StoreUnavailable } from 'rm-reflector/ports';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { enrolmentConformance } from '../../testing/enrolment-conformance.ts';
import { FleetFile } from '../../testing/fleet-file.ts';
import { searchConformance } from '../../testing/search-conformance.ts';
import { tablesConformance } from '../../testing/tables-conformance.ts';
import { triggersConformance } from '../../testing/triggers-conformance.ts';
import { webhooksConformance } from '../../testing/webhooks-conformance.ts';
import { PostgresqlStore } from '../postgresql/postgresql-store.ts';
import { schema } from '../schema/index.ts';
import { get, run } from '../tables.ts';
import { PostgresqlTables } from './postgresql-tables.ts';

/** The sockets are in a folder of their own, so that the number is nobody else's. */
const [own, pooled] = [5432, 6432];
/** A machine may be busy with much else; and nothing waits for companions. */
const limits = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000, batchMs: 1 };

let server: PostgresqlServer;
beforeAll(async () => {
  server = await PostgresqlServer.start(own);
  await server.pooler(pooled);
});
afterAll(() => server.end());

async function subject(port: number) {
  const names = await server.sql(
    `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('rm_reflector', 'rm_server')
       AND tablename NOT IN ('store', 'last_change', 'changes', 'parts', 'fleet_last_event', 'fleet_calendar')`,
  );
  if (names.length > 0) await server.sql(`TRUNCATE ${names.join(', ')}`);
  if (names.includes('rm_server.fleet_events'))
    await server.sql('UPDATE rm_server.fleet_last_event SET last = 0');
  const store = await PostgresqlStore.open({ url: server.url(port), limits });
  const tables = await PostgresqlTables.open({ url: server.url(port), limits });
  const end = async () => {
    await tables.close();
    await store.close();
  };
  return { store, tables, clock: new ManualClock(), end };
}

for (const conformance of [
  tablesConformance,
  triggersConformance,
  webhooksConformance,
  enrolmentConformance,
  searchConformance,
]) {
  conformance('PostgreSQL', () => subject(own));
  conformance('PostgreSQL behind pgbouncer in transaction mode', () => subject(pooled));
}

const insert = 'INSERT INTO fleet_groups (name, description, created) VALUES (?, ?, 0)';

test('the tables have the columns that they have in SQLite, and none is missing', async () => {
  const { end } = await subject(own);
  const file = new FleetFile();
  const names = Object.values(schema)
    .flat()
    .flatMap((step) => [...step.matchAll(/CREATE TABLE (\w+)/g)].map(([, table]) => table));
  const columns = file.database
    .prepare<{ column: string; absent: number }>(
      `SELECT t.value || '.' || c.name AS column, NOT (c."notnull" OR c.pk) AS absent
       FROM json_each(?) AS t JOIN pragma_table_info(t.value) AS c`,
    )
    .all(JSON.stringify(names))
    .map(({ column, absent }) => `${column} ${absent === 1 ? 'YES' : 'NO'}`);
  expect(columns.length).toBeGreaterThan(140);
  const there = await server.sql(
    `SELECT table_name || '.' || column_name || ' ' || is_nullable FROM information_schema.columns
     WHERE table_schema = 'rm_server' AND table_name NOT IN ('parts', 'fleet_last_event', 'fleet_texts')
       AND table_name NOT IN ('fleet_nodes', 'fleet_places', 'fleet_presence', 'fleet_presence_state')`,
  );
  expect(there.sort()).toEqual(columns.sort());
  await file.close();
  await end();
});

describe('queries of users that may take long', () => {
  /** Until `go`, they wait for a lock. `order`: whose were answered. */
  async function held(bounds: { readonly connections: number; readonly longReads: number }) {
    const { end: closeSubject } = await subject(own);
    await closeSubject();
    const holder = new pg.Client({ host: server.folder, port: own, user: 'postgres', ssl: false });
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock(7)');
    const all = { ...limits, longReadsWaiting: 6, ...bounds };
    const tables = await PostgresqlTables.open({ url: server.url(own), limits: all });
    const order: string[] = [];
    const ask = (user: string) =>
      tables
        .readsOf(user)
        .read('SELECT 1 AS n FROM pg_advisory_xact_lock_shared(?)', 7)
        .then(
          () => order.push(user),
          (error) => order.push(`${user}: ${error.message}`),
        );
    const end = async () => {
      await tables.close();
      await holder.end();
    };
    return { tables, order, ask, go: () => holder.query('SELECT pg_advisory_unlock(7)'), end };
  }

  test('longReads: leave connections to all else, and one user waits for one of each other', async () => {
    const { tables, order, ask, go, end } = await held({ connections: 2, longReads: 1 });
    const asked = Array.from({ length: 6 }, () => ask('mallory'));
    asked.push(ask('bob'));
    expect(await tables.get('SELECT 1 AS n')).toEqual({ n: 1 });
    expect(await tables.run(insert, 'meanwhile', '')).toBe(1);
    expect(tables.waiting).toBe(6);
    await go();
    await Promise.all(asked);
    expect(order.map((user, n) => [user, n])).toContainEqual(['bob', 2]);
    expect([order.length, tables.waiting]).toEqual([7, 0]);
    await end();
  });

  test('longReadsWaiting: of too many, the user with most of them loses one', async () => {
    const { order, ask, go, end } = await held({ connections: 2, longReads: 1 });
    const asked = Array.from({ length: 8 }, () => ask('mallory'));
    asked.push(ask('bob'));
    await Promise.all([asked[6], asked[7]]);
    const refused = 'mallory: the database cannot be used: too many queries wait';
    expect(order).toEqual([refused, refused]);
    await go();
    await Promise.all(asked);
    expect(order.slice(2).sort()).toEqual(['bob', ...Array(6).fill('mallory')]);
    await end();
  });
});

describe('the index of trigrams for the search', () => {
  const open = async (url = server.url(own)) => {
    const told: string[] = [];
    const tables = await PostgresqlTables.open({ url, limits, warn: (text) => told.push(text) });
    await tables.close();
    return { told, isThere: tables.dialect.hasIndexedLike };
  };
  /** The next attempt to make the extension ends with this error, as the database reports it. */
  const fail = (code: string) =>
    server.sql(`DROP EXTENSION IF EXISTS pg_trgm CASCADE;
      CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '${code}'; END $$;
      CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION') EXECUTE FUNCTION refuse()`);
  const mend = () => server.sql('DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()');

  test('is made at the first start', async () => {
    await (await subject(own)).end();
    expect(await open()).toEqual({ told: [], isThere: true });
  });

  test('is made once by servers that start together', async () => {
    const { end } = await subject(own);
    await server.sql('DROP INDEX rm_server.fleet_search_trigrams');
    const once = { told: [], isThere: true };
    expect(await Promise.all([open(), open(), open(), open()])).toEqual([once, once, once, once]);
    await end();
  });

  test('is done without, and told in one line, where the user may not make the extension', async () => {
    const { end } = await subject(own);
    await server.sql(`DROP EXTENSION pg_trgm CASCADE; CREATE ROLE unprivileged LOGIN;
      GRANT ALL ON SCHEMA rm_server, rm_reflector TO unprivileged;
      GRANT ALL ON ALL TABLES IN SCHEMA rm_server, rm_reflector TO unprivileged`);
    expect(await open(server.url(own).replace('postgres@', 'unprivileged@'))).toEqual({
      told: [
        'the database: the search has no index of trigrams: permission denied to create extension "pg_trgm"',
      ],
      isThere: false,
    });
    await end();
  });

  test.each([
    ['0A000', 'as PostgreSQL 15 says it'],
    ['58P01', 'as earlier versions do'],
  ])('is done without, and told in one line, where the extension is not installed: %s, %s', async (code) => {
    const { end } = await subject(own);
    await fail(code);
    const told = ['the database: the search has no index of trigrams: as told'];
    expect(await open()).toEqual({ told, isThere: false });
    await mend();
    expect(await open()).toEqual({ told: [], isThere: true });
    await end();
  });

  test.each(['53100', '57014', 'P0001'])('any other error ends the start: %s', async (code) => {
    const { end } = await subject(own);
    await fail(code);
    await expect(open()).rejects.toThrow(/^the database/);
    await mend();
    await end();
  });
});

describe('when the database fails', () => {
  const fail = (code: string) => `SELECT rm_server.fail('${code}')`;
  const addFault = () =>
    server.sql(`CREATE OR REPLACE FUNCTION rm_server.fail(code text) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = code; END $$`);

  test('a transaction that it has undone for others is run again from its beginning', async () => {
    const { tables, end } = await subject(own);
    await addFault();
    let runs = 0;
    const work = function* () {
      runs++;
      yield* run(insert, `group ${runs}`, '');
      // As a deadlock is reported, once.
      if (runs === 1) yield* get(fail('40P01'));
      return 'done';
    };
    expect([await tables.transact(work), runs]).toEqual(['done', 2]);
    expect(await tables.all('SELECT name FROM fleet_groups')).toEqual([{ name: 'group 2' }]);
    const always = tables.transact(function* () {
      runs++;
      yield* get(fail('40001'));
    });
    await expect(always).rejects.toBeInstanceOf(StoreUnavailable);
    expect(runs).toBe(5);
    await end();
  });

  test('calls are refused while it is away, and it is told once; later they work again', async () => {
    const { tables, end } = await subject(own);
    const told: string[] = [];
    const other = await PostgresqlTables.open({
      url: server.url(own),
      limits,
      warn: (text) => told.push(text),
    });
    await server.crash();
    for (const attempt of [() => other.all('SELECT 1'), () => other.run(insert, 'a', '')]) {
      await expect(attempt()).rejects.toMatchObject({ name: 'StoreUnavailable', isTold: true });
    }
    await server.resume();
    await other.run(insert, 'a', '');
    expect(told).toEqual([
      expect.stringMatching(/^the database cannot be used: .*; it is tried again$/),
      'the database can be used again',
    ]);
    await other.close();
    expect(await tables.all('SELECT name FROM fleet_groups')).toEqual([{ name: 'a' }]);
    await end();
  });

  test('tables of a newer server are refused, and so is a database without those of the reflector', async () => {
    const { end } = await subject(own);
    await server.sql("UPDATE rm_server.parts SET version = version + 1 WHERE part = 'people'");
    const newer = PostgresqlTables.open({ url: server.url(own), limits });
    await expect(newer).rejects.toThrow(
      'the database: made by a newer rm-server (its "people" is of version 2, this one knows 1)',
    );
    await server.sql("UPDATE rm_server.parts SET version = version - 1 WHERE part = 'people'");
    await server.sql('CREATE DATABASE empty');
    const url = server.url(own).replace(/postgres$/, 'empty');
    await expect(PostgresqlTables.open({ url, limits })).rejects.toThrow(
      'the database: the tables of the reflector are not there',
    );
    await end();
  });
});
