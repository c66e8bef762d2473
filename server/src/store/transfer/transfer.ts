import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Clock } from 'rm-protocol';
import { SqliteStore } from 'rm-reflector';
import { StoreError, StoreUnavailable } from 'rm-reflector/ports';
import { asOwnerOf, DataFileLock, LastingDatabase } from 'rm-reflector/store';
import { defaultLimits } from '../../limits.ts';
import { FleetDatabase } from '../fleet-database.ts';
import { connectionOf, type PostgresqlAddress } from '../postgresql/connection.ts';
import { Database, type Transaction, type Value } from '../postgresql/database.ts';
import { postgresqlLimits } from '../postgresql/limits.ts';
import { migrateWithin as migrateStore } from '../postgresql/migrate.ts';
import { withoutNul } from '../postgresql/text.ts';
import { storeErrorOf } from '../postgresql/unavailable.ts';
import { migrateWithin as migrateTables } from '../postgresql-tables/migrate.ts';
import {
  isOfSqlite,
  ofPostgresql,
  orders,
  type TransferredTable,
  transferredTables,
} from './transferred-tables.ts';

/** What was transferred. */
export interface Transferred {
  /** Rows of each table. */
  readonly rows: ReadonlyMap<TransferredTable, number>;
  /** Texts with a NUL, which PostgreSQL does not keep: U+FFFD is in its place. */
  readonly altered: number;
}

type Cell = string | number | boolean | Buffer | null;

interface Column {
  readonly name: string;
  /** As PostgreSQL names it. */
  readonly type: string;
}

interface Target {
  /** With its schema. */
  readonly table: string;
  readonly columns: readonly Column[];
  /** The column whose values PostgreSQL counts up; `null`: none. */
  readonly identity: string | null;
  /** Of an `ORDER BY` that both engines understand alike; each row has its own place. */
  readonly order: readonly string[];
}

/** Rows that one statement writes or reads. */
const batchRows = 500;

/** It is one transaction, for which nothing waits but who has asked for it. */
const limits = {
  ...postgresqlLimits,
  connections: 1,
  lockMs: 10_000,
  statementMs: 1_800_000,
  answerMs: 1_830_000,
};

/**
 * Moves a data file of the server to a database of PostgreSQL that has no data yet: each row of each table, in one transaction, compared
 * by number and hash before it ends. What fails, or is interrupted, leaves the database as it was. No server runs on the file and no
 * command changes it meanwhile; it stays as it is, but for tables of an earlier version, which are brought up to date. Rejects
 * with `StoreError`, one line for a person.
 */
export async function transfer(
  { from, to }: { readonly from: string; readonly to: PostgresqlAddress },
  { clock, warn }: { readonly clock: Clock; readonly warn: (text: string) => void },
): Promise<Transferred> {
  const { config, warning } = connectionOf(to);
  if (warning !== null) warn(warning);
  if (!existsSync(from)) throw new StoreError(`data file ${from}: there is no such file`);
  const lock = DataFileLock.take(from);
  try {
    await SqliteStore.open(from, { existing: true, warn }).close();
    await asOwnerOf(from, () => new FleetDatabase(from, clock, defaultLimits)).close();
    const source = asOwnerOf(from, () => new LastingDatabase(from, { fileMustExist: true, timeout: 5_000 }));
    const database = new Database({ ...config, application_name: 'rm-server migrate' }, limits, () => {});
    try {
      source.exec('BEGIN IMMEDIATE');
      return await database.transact('changes', (transaction) => load(source, transaction));
    } finally {
      source.close();
      await database.close();
    }
  } catch (error) {
    throw explained(error);
  } finally {
    lock.release();
  }
}

async function load(source: LastingDatabase, transaction: Transaction): Promise<Transferred> {
  await migrateStore(transaction);
  await migrateTables(transaction);
  const targets = await targetsOf(transaction);
  const sources = source
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
    .pluck()
    .all() as string[];
  mustBeAll(
    'the data file',
    sources.filter((table) => !isOfSqlite(table)),
  );
  mustBeAll('the database', [...targets.keys()]);
  const rows = new Map<TransferredTable, number>();
  let altered = 0;
  for (const name of transferredTables) {
    const target = targets.get(name) as Target;
    await transaction.script(`ALTER TABLE ${target.table} DISABLE TRIGGER USER`);
    // The schema gives it its row.
    if (name === 'fleet_calendar') await transaction.script(`DELETE FROM ${target.table}`);
    const [there] = await transaction.query<{ has: boolean }>(
      `SELECT EXISTS (SELECT FROM ${target.table}) AS has`,
    );
    if (there?.has) {
      throw new StoreError(
        `the database: has data already (${target.table}); it must have none, or be another one`,
      );
    }
    const given = await copy(source, transaction, name, target);
    const taken = await digestOf(transaction, target);
    if (given.count !== taken.count || given.hash !== taken.hash) {
      throw new StoreError(
        `the database: has other rows in ${target.table} than the data file (${taken.count}, ${given.count}); nothing was changed`,
      );
    }
    rows.set(name, given.count);
    altered += given.altered;
  }
  await continueNumbers(source, transaction, targets);
  for (const { table } of targets.values()) {
    await transaction.script(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    // The server may start before PostgreSQL does so by itself.
    await transaction.script(`ANALYZE ${table}`);
  }
  return { rows, altered };
}

/** Throws where a table was forgotten here. */
function mustBeAll(where: string, tables: readonly string[]): void {
  const known: readonly string[] = transferredTables;
  const other = [
    ...tables.filter((table) => !known.includes(table)),
    ...known.filter((one) => !tables.includes(one)),
  ];
  if (other.length > 0)
    throw new StoreError(`${where}: other tables than this program knows: ${other.join(', ')}`);
}

async function targetsOf({ query }: Transaction): Promise<Map<string, Target>> {
  const found = await query<{
    readonly schema: string;
    readonly table: string;
    readonly name: string;
    readonly type: string;
    readonly identity: boolean;
    readonly key: number | null;
  }>(
    `SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, format_type(a.atttypid, NULL) AS type,
       a.attidentity <> '' AS identity, array_position(CAST(i.indkey AS int2[]), a.attnum) AS key
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
     WHERE n.nspname IN ('rm_reflector', 'rm_server') AND c.relkind = 'r' AND c.relname <> ALL ($1::text[])
     ORDER BY c.relname, a.attnum`,
    ofPostgresql,
  );
  const targets = new Map<string, Target>();
  for (const table of new Set(found.map((column) => column.table))) {
    const columns = found.filter((column) => column.table === table);
    const key = columns.filter((column) => column.key !== null).sort((a, b) => Number(a.key) - Number(b.key));
    targets.set(table, {
      table: `${columns[0]?.schema}.${table}`,
      columns: columns.map(({ name, type }) => ({ name, type })),
      identity: columns.find(({ identity }) => identity)?.name ?? null,
      order: orders[table as TransferredTable] ?? key.map(({ name }) => quoted(name)),
    });
  }
  return targets;
}

interface Digest {
  readonly count: number;
  /** Of all rows, in their order. */
  readonly hash: string;
}

async function copy(
  source: LastingDatabase,
  { run }: Transaction,
  name: string,
  { table, columns, order }: Target,
): Promise<Digest & { readonly altered: number }> {
  const digest = new RowsDigest();
  const names = columns.map((column) => quoted(column.name)).join(', ');
  const lists = columns.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ');
  const insert = `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${lists})`;
  let altered = 0;
  const cellOf = (value: Cell, type: string): Cell => {
    if (type === 'boolean') return value === null ? null : value === 1;
    if (typeof value !== 'string' || !value.includes('\0')) return value;
    altered++;
    return withoutNul<string>(value);
  };
  const page = (after: string) =>
    source
      .prepare(
        `SELECT ${names}, ${order.join(', ')} FROM ${quoted(name)} ${after} ORDER BY ${order.join(', ')} LIMIT ${batchRows}`,
      )
      .raw();
  const first = page('');
  const next = page(`WHERE (${order.join(', ')}) > (${order.map(() => '?').join(', ')})`);
  let found = first.all() as Cell[][];
  while (found.length > 0) {
    const batch = found.map((values) => columns.map(({ type }, i) => cellOf(values[i] ?? null, type)));
    for (const row of batch) digest.add(row);
    await run(insert, ...columns.map((_, i): Value => batch.map((row) => row[i] ?? null)));
    found = next.all(...(found.at(-1) ?? []).slice(columns.length)) as Cell[][];
  }
  return { ...digest.end(), altered };
}

async function digestOf({ query, script }: Transaction, { table, columns, order }: Target): Promise<Digest> {
  const digest = new RowsDigest();
  const names = columns.map((column) => quoted(column.name)).join(', ');
  await script(
    `DECLARE transferred NO SCROLL CURSOR FOR SELECT ${names} FROM ${table} ORDER BY ${order.join(', ')}`,
  );
  for (;;) {
    const rows = await query<Record<string, Cell>>(`FETCH ${batchRows} FROM transferred`);
    for (const row of rows) digest.add(columns.map((column) => row[column.name] ?? null));
    if (rows.length < batchRows) break;
  }
  await script('CLOSE transferred');
  return digest.end();
}

class RowsDigest {
  readonly #hash = createHash('sha256');
  #count = 0;

  add(row: readonly Cell[]): void {
    this.#count++;
    this.#hash.update(
      JSON.stringify(row.map((cell) => (Buffer.isBuffer(cell) ? { hex: cell.toString('hex') } : cell))),
    );
  }

  end(): Digest {
    return { count: this.#count, hash: this.#hash.digest('hex') };
  }
}

/** A number that was given out once is not given out again, also when its row is gone. */
async function continueNumbers(
  source: LastingDatabase,
  { run, query }: Transaction,
  targets: ReadonlyMap<string, Target>,
): Promise<void> {
  const numbers = source.prepare('SELECT name, seq FROM sqlite_sequence').all() as {
    name: string;
    seq: number;
  }[];
  for (const { name, seq } of numbers) {
    const { table, identity } = targets.get(name) ?? { table: '', identity: null };
    if (name === 'fleet_events') await run('UPDATE rm_server.fleet_last_event SET last = $1', seq);
    else if (identity !== null && seq > 0) {
      await query('SELECT setval(pg_get_serial_sequence($1, $2), $3)', table, identity, seq);
    }
  }
}

function quoted(name: string): string {
  return `"${name}"`;
}

function explained(error: unknown): unknown {
  if (error instanceof StoreUnavailable && error.code === 'UNKNOWN') {
    return new StoreError(
      'the database: it is not known whether the data is there; run this again: it is refused if there is data already',
    );
  }
  return storeErrorOf(error);
}
