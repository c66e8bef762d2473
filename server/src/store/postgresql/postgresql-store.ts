import { randomUUID } from 'node:crypto';
import { type Store, StoreError } from 'rm-reflector/ports';
import { connectionOf, type PostgresqlAddress } from './connection.ts';
import { Database, lockStatement } from './database.ts';
import { type PostgresqlLimits, postgresqlLimits } from './limits.ts';
import { migrations } from './migrations.ts';
import { Notes } from './notes.ts';
import { PostgresqlAudit } from './postgresql-audit.ts';
import { PostgresqlChanges } from './postgresql-changes.ts';
import { PostgresqlDevices } from './postgresql-devices.ts';
import { PostgresqlSessions } from './postgresql-sessions.ts';
import { PostgresqlSettings } from './postgresql-settings.ts';
import { PostgresqlUsers } from './postgresql-users.ts';

export interface PostgresqlOptions extends PostgresqlAddress {
  /** Told that TLS is off, and that the database has gone or is back; one line each, without a secret. */
  readonly warn?: (text: string) => void;
  readonly limits?: Partial<PostgresqlLimits>;
}

/** The store in the schema `rm_reflector` of a PostgreSQL database, straight or through `pgbouncer` in transaction mode. */
export class PostgresqlStore implements Store {
  readonly users: PostgresqlUsers;
  readonly devices: PostgresqlDevices;
  readonly sessions: PostgresqlSessions;
  readonly settings: PostgresqlSettings;
  readonly audit: PostgresqlAudit;
  readonly changes: PostgresqlChanges;
  readonly #database: Database;
  readonly #notes: Notes;
  /** Of the data, so that others in their place are noticed. */
  readonly #id: string;

  /** Makes or renews the tables. Rejects with {@link StoreError}, one line for a person. */
  static async open({ warn = () => {}, limits, ...address }: PostgresqlOptions): Promise<PostgresqlStore> {
    const { config, warning } = connectionOf(address);
    if (warning !== null) warn(warning);
    const all = { ...postgresqlLimits, ...limits };
    let isOpen = false;
    // What fails before is the end, and its error says so.
    const database = new Database(config, all, (text) => isOpen && warn(text));
    try {
      const id = await migrate(database);
      isOpen = true;
      return new PostgresqlStore(database, all, id);
    } catch (error) {
      await database.close();
      if (error instanceof StoreError) throw error;
      throw new StoreError(`the database: ${error instanceof Error ? error.message : error}`);
    }
  }

  private constructor(database: Database, limits: PostgresqlLimits, id: string) {
    this.#database = database;
    this.#id = id;
    this.#notes = new Notes(database, limits);
    this.changes = new PostgresqlChanges(database);
    this.users = new PostgresqlUsers(database, this.changes);
    this.devices = new PostgresqlDevices(database, this.changes, this.#notes);
    this.sessions = new PostgresqlSessions(database, this.changes, this.#notes);
    this.settings = new PostgresqlSettings(database);
    this.audit = new PostgresqlAudit(database);
  }

  async check(): Promise<void> {
    let id: string | null;
    try {
      id = (await stateOf(this.#database)).id;
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError(`the database: ${error instanceof Error ? error.message : error}`);
    }
    if (id !== this.#id)
      throw new StoreError('the database: its data was deleted or replaced while it was in use');
  }

  async close(): Promise<void> {
    await this.#notes.flush();
    await this.#database.close();
  }
}

/** What is there; version 0: nothing. */
async function stateOf(database: Pick<Database, 'read'>): Promise<{ version: number; id: string | null }> {
  const [there] = await database.read<{ there: boolean }>(
    "SELECT to_regclass('rm_reflector.store') IS NOT NULL AS there",
  );
  if (!there?.there) return { version: 0, id: null };
  const [row] = await database.read<{ version: number; id: string }>(
    'SELECT version, id FROM rm_reflector.store',
  );
  return row ?? { version: 0, id: null };
}

/** Returns the id of the data. */
async function migrate(database: Database): Promise<string> {
  // The usual case needs no right to make tables, and waits for nobody.
  const found = await stateOf(database);
  if (found.version === migrations.length && found.id !== null) return found.id;
  return database.transact(null, async (transaction) => {
    const { query, run } = transaction;
    await query(lockStatement('migration'));
    const [encoding] = await query<{ server_encoding: string }>('SHOW server_encoding');
    if (encoding?.server_encoding !== 'UTF8') {
      throw new StoreError(`the database: its encoding is ${encoding?.server_encoding}; UTF8 is needed`);
    }
    // Two programs may have found nothing at once.
    const { version, id } = await stateOf({ read: query });
    if (version > migrations.length) {
      const known = `version ${version}, this one knows ${migrations.length}`;
      throw new StoreError(`the database: its data was made by a newer program (${known})`);
    }
    if (id === null) {
      const [schema] = await query("SELECT FROM pg_namespace WHERE nspname = 'rm_reflector'");
      if (!schema) await run('CREATE SCHEMA rm_reflector');
      await run(
        `CREATE TABLE rm_reflector.store
         (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version integer NOT NULL, id text NOT NULL)`,
      );
      await run('INSERT INTO rm_reflector.store (version, id) VALUES (0, $1)', randomUUID());
    }
    for (const step of migrations.slice(version)) await transaction.script(step);
    await run('UPDATE rm_reflector.store SET version = $1', migrations.length);
    return (await stateOf({ read: query })).id ?? '';
  });
}
