import { type Store, StoreError } from 'rm-reflector/ports';
import { connectionOf, type PostgresqlAddress } from './connection.ts';
import { Database, type Outage } from './database.ts';
import { type PostgresqlLimits, postgresqlLimits } from './limits.ts';
import { migrate, stateOf } from './migrate.ts';
import { Notes } from './notes.ts';
import { PostgresqlAudit } from './postgresql-audit.ts';
import { PostgresqlChanges } from './postgresql-changes.ts';
import { PostgresqlDevices } from './postgresql-devices.ts';
import { PostgresqlSessions } from './postgresql-sessions.ts';
import { PostgresqlSettings } from './postgresql-settings.ts';
import { PostgresqlUsers } from './postgresql-users.ts';
import { storeErrorOf } from './unavailable.ts';

export interface PostgresqlOptions extends PostgresqlAddress {
  /** Told that TLS is off, and that the database has gone or is back; one line each, without a secret. */
  /** `outage`: it is about the database being away. */
  readonly warn?: (text: string, outage?: Outage) => void;
  readonly limits?: Partial<PostgresqlLimits>;
  /** The epoch of this node, where several servers share the database; `null`, the default: there is one server. */
  readonly epoch?: (() => number) | null;
}

/** The store in the schema `rm_reflector` of a PostgreSQL database, straight or through `pgbouncer` in transaction mode. */
export class PostgresqlStore implements Store {
  readonly users: PostgresqlUsers;
  readonly devices: PostgresqlDevices;
  readonly sessions: PostgresqlSessions;
  readonly settings: PostgresqlSettings;
  readonly audit: PostgresqlAudit;
  readonly changes: PostgresqlChanges;
  readonly outageMs: number;
  readonly called = 'the database';
  readonly #database: Database;
  readonly #notes: Notes;
  /** Of the data, so that others in their place are noticed. */
  readonly #id: string;

  /** Makes or renews the tables. Rejects with {@link StoreError}, one line for a person. */
  static async open({
    warn = () => {},
    limits,
    epoch = null,
    ...address
  }: PostgresqlOptions): Promise<PostgresqlStore> {
    const { config, warning } = connectionOf(address);
    if (warning !== null) warn(warning);
    const all = { ...postgresqlLimits, ...limits };
    let isOpen = false;
    // What fails before is the end, and its error says so.
    const database = new Database(config, all, (text, outage) => isOpen && warn(text, outage));
    try {
      const id = await migrate(database);
      isOpen = true;
      return new PostgresqlStore(database, all, id, epoch);
    } catch (error) {
      await database.close();
      throw storeErrorOf(error);
    }
  }

  private constructor(
    database: Database,
    limits: PostgresqlLimits,
    id: string,
    epoch: (() => number) | null,
  ) {
    this.#database = database;
    this.#id = id;
    this.outageMs = limits.outageMs;
    this.#notes = new Notes(database, limits, epoch);
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
      throw storeErrorOf(error);
    }
    if (id !== this.#id)
      throw new StoreError('the database: its data was deleted or replaced while it was in use');
  }

  async close(): Promise<void> {
    await this.#notes.flush();
    await this.#database.close();
  }
}
