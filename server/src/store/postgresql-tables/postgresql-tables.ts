import { StoreUnavailable } from 'rm-reflector/ports';
import { connectionOf, type PostgresqlAddress } from '../postgresql/connection.ts';
import { Database, type Outage, type Transaction, Undo } from '../postgresql/database.ts';
import { type PostgresqlLimits, postgresqlLimits } from '../postgresql/limits.ts';
import { hasNul } from '../postgresql/text.ts';
import { storeErrorOf } from '../postgresql/unavailable.ts';
import type { Dialect, OpenTables, Reads, Step, Value, Work } from '../tables.ts';
import { LongReads } from './long-reads.ts';
import { migrate } from './migrate.ts';
import { indexSearch } from './search-index.ts';
import { numbered } from './statement-text.ts';

export interface PostgresqlTablesOptions extends PostgresqlAddress {
  /** Told that the database has gone or is back, or has no index for the search; one line each, without a secret. */
  readonly warn?: (text: string, outage?: Outage) => void;
  readonly limits?: Partial<PostgresqlLimits>;
}

/** How often a transaction is run in all, while the database undoes it for the sake of another one. */
const attempts = 3;

/** A statement names the tables of both. */
const schemas = ['rm_server', 'rm_reflector'];

/**
 * The tables of the server in the schema `rm_server`, beside the Store's in `rm_reflector`, straight or through `pgbouncer` in
 * transaction mode. As in SQLite, one change at a time is made: a transaction excludes all others, and what the Store decides
 * about users and devices, so that what it has read holds until its end.
 */
export class PostgresqlTables implements OpenTables {
  readonly dialect: Dialect;
  readonly #database: Database;
  readonly #longReads: LongReads;
  readonly #texts = new Map<string, string>();

  /** Makes or renews the tables; those of the Store must be there. Rejects with `StoreError`, one line for a person. */
  static async open({
    warn = () => {},
    limits,
    ...address
  }: PostgresqlTablesOptions): Promise<PostgresqlTables> {
    const { config } = connectionOf(address);
    let isOpen = false;
    const all = { ...postgresqlLimits, ...limits };
    const database = new Database(
      { ...config, application_name: 'rm-server' },
      all,
      (text, outage) => isOpen && warn(text, outage),
      schemas,
    );
    try {
      await migrate(database);
      const refusal = await indexSearch(database);
      if (refusal !== null) warn(`the database: the search has no index of trigrams: ${refusal}`);
      const hasIndexedLike = refusal === null;
      isOpen = true;
      return new PostgresqlTables(database, { ...postgresql, hasIndexedLike }, new LongReads(all));
    } catch (error) {
      await database.close();
      throw storeErrorOf(error);
    }
  }

  private constructor(database: Database, dialect: Dialect, longReads: LongReads) {
    this.#database = database;
    this.dialect = dialect;
    this.#longReads = longReads;
  }

  async get<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0];
  }

  all<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.#database.transact(
      null,
      async (transaction) => (await this.#do(transaction, { gives: 'rows', sql, values })) as Row[],
    );
  }

  read<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.all<Row>(sql, ...values);
  }

  readsOf(user: string): Reads {
    return {
      dialect: this.dialect,
      read: <Row>(sql: string, ...values: Value[]) =>
        this.#longReads.run(user, () => this.all<Row>(sql, ...values)),
    };
  }

  run(sql: string, ...values: Value[]): Promise<number> {
    return this.transact(function* () {
      return (yield { gives: 'count', sql, values }) as number;
    });
  }

  async transact<Result>(work: () => Work<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#database.transact('changes', async (transaction) => {
          const steps = work();
          let at = next(steps);
          while (!at.done) at = next(steps, await this.#do(transaction, at.value));
          return at.value;
        });
      } catch (error) {
        if (attempt === attempts || !isUndoneForOthers(error)) throw error;
      }
    }
  }

  get waiting(): number {
    return this.#database.waiting + this.#longReads.waiting;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#database.close();
  }

  async #do({ query, run }: Transaction, { gives, sql, values }: Step): Promise<unknown> {
    let text = this.#texts.get(sql);
    if (text === undefined) {
      text = numbered(sql);
      this.#texts.set(sql, text);
    }
    if (gives === 'count') return run(text, ...values);
    // No row has a text with a NUL.
    const rows = values.some(hasNul) ? [] : await query(text, ...values);
    return gives === 'row' ? rows[0] : rows;
  }
}

/** What the work itself throws says nothing of the database. */
function next<Result>(steps: Work<Result>, given?: unknown): IteratorResult<Step, Result> {
  try {
    return steps.next(given);
  } catch (error) {
    throw new Undo(error);
  }
}

/** A serialization failure or a deadlock: it has certainly not been done. */
function isUndoneForOthers(error: unknown): boolean {
  return error instanceof StoreUnavailable && /^(?:40001|40P01)$/.test(error.code);
}

const postgresql: Dialect = {
  elements: (json) => `SELECT value FROM json_array_elements_text(json_of(${json})) AS list (value)`,
  array: (column, query) =>
    `(SELECT coalesce(CAST(json_agg(${column}) AS text), '[]') FROM (${query}) AS listed)`,
  flag: (json, name) => `CAST(CAST(json_of(${json}) ->> '${name}' AS boolean) AS integer)`,
  contains: (text, part) => `strpos(${text}, ${part}) > 0`,
  member: (json, name) => `json_of(${json}) ->> '${name}'`,
  members: (json, names) => `(SELECT coalesce(CAST(json_object_agg(key, value) AS text), '{}')
    FROM json_each_text(json_of(${json})) AS members (key, value)
    WHERE key IN (SELECT * FROM json_array_elements_text(json_of(${names}))))`,
  is: (column, value) => (value ? column : `NOT ${column}`),
  through: () => '',
  thenJoin: 'JOIN',
  hasTrigrams: false,
  hasIndexedLike: false,
  equalFolded: (one, other) => `lower(${one}) = lower(${other})`,
};
