import pg, { DatabaseError, type Pool, type PoolClient, type PoolConfig, type QueryConfig } from 'pg';
import { pageLimit, StoreError, StoreUnavailable, UnstorableText } from 'rm-reflector/ports';
import { Client } from './client.ts';
import type { ConnectionConfig } from './connection.ts';
import type { Hosts } from './hosts.ts';
import type { PostgresqlLimits } from './limits.ts';
import { hasNul } from './text.ts';
import { asUnavailable, isLost, isTimeout, takesNoChanges, unknownOutcome } from './unavailable.ts';

export type Value =
  | string
  | number
  | boolean
  | Buffer
  | null
  | readonly (string | number | boolean | Buffer | null)[];

export type Outage = 'begun' | 'over';

/** Runs statements within one transaction. */
export interface Transaction {
  query<Row extends object>(sql: string, ...values: Value[]): Promise<Row[]>;
  /** How many rows were changed. */
  run(sql: string, ...values: Value[]): Promise<number>;
  /** Several statements without values, which may take as long as `scriptMs` together: those of a new version read a whole fleet. */
  script(sql: string): Promise<void>;
}

/**
 * What a transaction excludes.
 * - `changes`: all others that decide who may do what, so that the feed is in the order of the commits, and conditions hold
 *   until the end.
 * - `audit`: others that append to the audit log, for the same reason.
 * - `presence`: others that tell which devices nodes have. Whoever needs `changes` too takes that first.
 */
export type Exclusion = 'changes' | 'audit' | 'presence' | null;

/** Thrown by the work of a transaction: it is undone, and the caller gets `reason`. The connection has nothing to do with it. */
export class Undo extends Error {
  override readonly name = 'Undo';
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('a transaction is to be undone');
    this.reason = reason;
  }
}

/** Of the advisory locks (postgresql.org/docs/current/explicit-locking.html): the first number is ours. */
const locks = { changes: 1, audit: 2, migration: 3, presence: 4 } as const;
const ours = 0x726d7366;
export const lockStatement = (name: keyof typeof locks) =>
  `SELECT pg_advisory_xact_lock(${ours}, ${locks[name]})`;

/** Times and counters are below 2^53. */
const int8 = 20;
const parsers: PoolConfig['types'] = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * A bounded pool of connections. Every call is one transaction and leaves nothing in its connection, so that `pgbouncer`
 * in transaction mode may stand between: no prepared statement, no setting beyond the transaction, no LISTEN.
 */
export class Database {
  readonly #pool: Pool;
  readonly #hosts: Hosts;
  readonly #limits: PostgresqlLimits;
  readonly #told: (text: string, outage: Outage) => void;
  readonly #begin: string;
  /** Connections that have worked before: such a one may have been lost since. */
  readonly #proven = new WeakSet<PoolClient>();
  /** Calls that have a connection or wait for one. */
  #calls = 0;
  #away = false;
  #closed: Promise<void> | null = null;

  /**
   * `told`: that the database has gone and is back, one line each. `schemas`: where a name without a schema is looked for; as the
   * database is set by default.
   */
  constructor(
    config: ConnectionConfig,
    limits: PostgresqlLimits,
    told: (text: string, outage: Outage) => void,
    schemas: readonly string[] = [],
  ) {
    this.#limits = limits;
    this.#told = told;
    this.#hosts = config.hosts;
    this.#pool = new pg.Pool({
      ...config,
      Client,
      max: limits.connections,
      connectionTimeoutMillis: limits.connectMs,
      query_timeout: limits.answerMs,
      keepAlive: true,
      types: parsers,
    });
    // An idle connection that breaks is replaced by the next call.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
    // READ WRITE: a replica refuses it, whose feed would be behind.
    this.#begin = `BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE;
      SET LOCAL statement_timeout = ${limits.statementMs}; SET LOCAL lock_timeout = ${limits.lockMs};
      SET LOCAL idle_in_transaction_session_timeout = ${limits.answerMs}`;
    if (schemas.length > 0) this.#begin += `; SET LOCAL search_path = ${schemas.join(', ')}`;
  }

  /** Records that match. A text with a NUL matches none. */
  async read<Row extends object>(sql: string, ...values: Value[]): Promise<Row[]> {
    if (values.some(hasNul)) return [];
    return this.transact(null, ({ query }) => query<Row>(sql, ...values));
  }

  async run(exclusion: Exclusion, sql: string, ...values: Value[]): Promise<number> {
    return this.transact(exclusion, ({ run }) => run(sql, ...values));
  }

  /**
   * All of it, or nothing. Rejects with `StoreUnavailable` when the database cannot be used, with the code `UNKNOWN` when
   * it is not known whether it was done; with {@link UnstorableText}.
   */
  async transact<Result>(
    exclusion: Exclusion,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    try {
      const result = await this.#admitted(
        exclusion ? `${this.#begin}; ${durably}; ${lockStatement(exclusion)}` : `${this.#begin}; ${durably}`,
        work,
      );
      if (this.#away) this.#told('the database can be used again', 'over');
      this.#away = false;
      return result;
    } catch (thrown) {
      const isAway = thrown instanceof StoreUnavailable && !isOfOneCall(thrown.code);
      if (isAway) thrown.told();
      if (isAway && !this.#away && !this.#closed) {
        this.#away = true;
        this.#told(`${thrown.message}; it is tried again`, 'begun');
      }
      throw thrown;
    }
  }

  /** Calls that wait for a connection. */
  get waiting(): number {
    return Math.max(0, this.#calls - this.#limits.connections);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  /** Of those that come at once, some are refused, so that they do not pile up. */
  async #admitted<Result>(
    begin: string,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    const { connections, waitingCalls } = this.#limits;
    if (this.#calls >= connections + waitingCalls) {
      throw new StoreUnavailable('BUSY', 'too many calls wait for it', 'the database');
    }
    this.#calls++;
    try {
      return await this.#transact(begin, work);
    } finally {
      this.#calls--;
    }
  }

  async #transact<Result>(
    begin: string,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#connect(begin);
    let ending = false;
    try {
      const result = await work(transactionOf(client, this.#limits));
      ending = true;
      // The time-out would end the wait for a synchronous replica, and the change would count as made.
      const answers = (await client.query(
        'SET LOCAL statement_timeout = 0; COMMIT',
      )) as unknown as pg.QueryResult[];
      if (answers.at(-1)?.command !== 'COMMIT') throw new Error('the database has undone a change');
      client.release();
      return result;
    } catch (error) {
      const intact = (error instanceof Undo || !isLost(error)) && (await canRollBack(client));
      client.release(!intact);
      if (error instanceof Undo) throw error.reason;
      if (ending && !isUndone(error)) throw unknownOutcome(error);
      throw isOurs(error) ? error : asUnavailable(error);
    }
  }

  async #connect(begin: string): Promise<PoolClient> {
    const hosts = this.#hosts;
    let left = hosts.count;
    for (;;) {
      const host = hosts.current;
      /** Another host may take changes. */
      const isLast = () => hosts.current === host || --left === 0;
      let client: PoolClient;
      try {
        client = await this.#pool.connect();
      } catch (error) {
        if (isLast()) throw asUnavailable(error);
        continue;
      }
      try {
        await client.query(begin);
        this.#proven.add(client);
        return client;
      } catch (error) {
        client.release(true);
        // It was lost while it was idle, and nothing has begun.
        const stale = this.#proven.has(client) && !isTimeout(error) && (isLost(error) || isShutDown(error));
        if (takesNoChanges(error)) (client as unknown as Client).refused();
        if (!stale && isLast()) throw asUnavailable(error);
      }
    }
  }
}

/** Whatever the database is set to, a commit is on its disk before it counts. */
const durably = `SELECT set_config('synchronous_commit', 'on', true)
  WHERE current_setting('synchronous_commit') IN ('off', 'local')`;

function transactionOf(
  client: PoolClient,
  { statementMs, answerMs, scriptMs }: PostgresqlLimits,
): Transaction {
  const ask = (sql: string, values: Value[]) => {
    if (values.some(hasNul)) throw new UnstorableText();
    return client.query(sql, values as unknown[]);
  };
  return {
    query: async (sql, ...values) => (await ask(sql, values)).rows,
    run: async (sql, ...values) => (await ask(sql, values)).rowCount ?? 0,
    script: async (sql) => {
      const text = `SET LOCAL statement_timeout = ${scriptMs}; ${sql}; SET LOCAL statement_timeout = ${statementMs}`;
      const patient: QueryConfig & { readonly query_timeout: number } = {
        text,
        query_timeout: Math.max(scriptMs, answerMs),
      };
      await client.query(patient);
    },
  };
}

async function canRollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** A failed `COMMIT` after which the change is certainly not there: classes 23 and 40. */
function isUndone(error: unknown): boolean {
  return error instanceof DatabaseError && /^(?:23|40(?!003))/.test(error.code ?? '');
}

function isShutDown(error: unknown): boolean {
  return error instanceof DatabaseError && /^(?:57P0|08)/.test(error.code ?? '');
}

/** It says something of this call, or of others at the time, and not that the database has gone. */
function isOfOneCall(code: string): boolean {
  return /^(?:BUSY|55P03|57014|40...)$/.test(code);
}

/** What no other attempt would mend. */
function isOurs(error: unknown): boolean {
  if (error instanceof StoreError) return !(error instanceof StoreUnavailable);
  return (
    error instanceof UnstorableText ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}

/** A number of records that a query may return. */
export function bounded(limit: number): number {
  return Math.max(0, Math.min(limit, pageLimit));
}
