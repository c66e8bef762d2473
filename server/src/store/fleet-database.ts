import type Database from 'better-sqlite3';
import type { Clock } from 'rm-protocol';
import { StoreError, StoreUnavailable } from 'rm-reflector/ports';
import { Breaker, keepStatements, LastingDatabase, type StoreCare } from 'rm-reflector/store';
import { migrate } from './migrate.ts';
import { Reader, type ReaderLimits } from './reader.ts';
import type { Dialect, OpenTables, Reads, Step, Value, Work } from './tables.ts';

/** What a statement gives. */
export interface Statement<Row> {
  get(...values: unknown[]): Row | undefined;
  all(...values: unknown[]): Row[];
  /** How many rows were changed. */
  run(...values: unknown[]): { readonly changes: number };
}

/**
 * The tables of the server in the reflector's data file, by a connection of its own. A record that is found by its key, and a
 * change, are done at once; what reads many rows goes to a thread beside.
 *
 * Never wait for anything within a transaction: the reflector writes to the same file from the same thread.
 */
export class FleetDatabase implements OpenTables {
  readonly dialect = sqlite;
  readonly #database: Database.Database;
  readonly #breakers = { reads: new Breaker('read'), writes: new Breaker('write') };
  readonly #reader: Reader;

  /** Opens the file, which the reflector has made, and brings the server's tables up to date. Throws `StoreError`. */
  constructor(path: string, clock: Clock, limits: ReaderLimits) {
    try {
      this.#database = new LastingDatabase(path, { timeout: 5_000, fileMustExist: true });
      keepStatements(this.#database, this.#breakers);
      migrate(this.#database);
    } catch (error) {
      const reason = error instanceof StoreUnavailable ? error.reason : (error as Error).message;
      throw new StoreError(`data file ${path}: ${reason}`);
    }
    this.#reader = new Reader(path, clock, limits);
  }

  watch(care: StoreCare): void {
    this.#database.exec(`PRAGMA busy_timeout = ${care.busyMs}`);
    this.#breakers.reads.watch(care);
    this.#breakers.writes.watch(care);
  }

  /** `sql` is a constant: it is compiled once. Its methods throw `StoreUnavailable` where the file cannot be used. */
  prepare<Row = Record<string, unknown>>(sql: string): Statement<Row> {
    return this.#database.prepare(sql) as unknown as Statement<Row>;
  }

  async get<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return this.prepare<Row>(sql).get(...values);
  }

  async all<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.prepare<Row>(sql).all(...values);
  }

  async run(sql: string, ...values: Value[]): Promise<number> {
    return this.prepare(sql).run(...values).changes;
  }

  /** It is over before this returns: nothing else comes in between, and nobody waits for a promise with the file locked. */
  async transact<Result>(work: () => Work<Result>): Promise<Result> {
    const change = this.#database.transaction(() => {
      const steps = work();
      let at = steps.next();
      while (!at.done) at = steps.next(this.#do(at.value));
      return at.value;
    });
    return change.immediate();
  }

  #do({ gives, sql, values }: Step): unknown {
    const statement = this.prepare(sql);
    if (gives === 'row') return statement.get(...values);
    return gives === 'rows' ? statement.all(...values) : statement.run(...values).changes;
  }

  /** All rows of a query that does not take long, whoever asks. Rejects with `StoreUnavailable`, as {@link Reader.all} does. */
  async read<Row = Record<string, unknown>>(sql: string, ...values: readonly unknown[]): Promise<Row[]> {
    return (await this.#reader.all(sql, values)) as Row[];
  }

  /** Queries of one user that may take long: the users who have some take turns. */
  readsOf(user: string): Reads {
    return {
      dialect: sqlite,
      read: async (sql, ...values) => (await this.#reader.all(sql, values, user)) as never,
    };
  }

  get waiting(): number {
    return this.#reader.waiting;
  }

  async close(): Promise<void> {
    await this.#reader.close();
    if (this.#database.open) this.#database.close();
  }
}

const sqlite: Dialect = {
  elements: (json) => `SELECT value FROM json_each(${json})`,
  array: (column, query) => `(SELECT json_group_array(${column}) FROM (${query}))`,
  flag: (json, name) => `json_extract(${json}, '$.${name}')`,
  contains: (text, part) => `instr(${text}, ${part}) > 0`,
  member: (json, name) => `json_extract(${json}, '$.${name}')`,
  members: (json, names) => `(SELECT json_group_object(key, value) FROM json_each(${json})
    WHERE key IN (SELECT value FROM json_each(${names})))`,
  is: (column, value) => `${column} = ${value ? 1 : 0}`,
  through: (index) => `INDEXED BY ${index}`,
  thenJoin: 'CROSS JOIN',
  hasTrigrams: true,
  hasIndexedLike: false,
  equalFolded: (one, other) => `${one} = ${other} COLLATE NOCASE`,
};
