import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { type Store, StoreError } from '../ports/store.ts';
import { SqliteAudit } from './sqlite-audit.ts';
import { SqliteChanges } from './sqlite-changes.ts';
import { SqliteDevices } from './sqlite-devices.ts';
import { SqliteSessions } from './sqlite-sessions.ts';
import { SqliteSettings } from './sqlite-settings.ts';
import { SqliteUsers } from './sqlite-users.ts';

/** The store in one SQLite file. SQLite answers at once, so each promise is settled when a method returns. */
export class SqliteStore implements Store {
  readonly users: SqliteUsers;
  readonly devices: SqliteDevices;
  readonly sessions: SqliteSessions;
  readonly settings: SqliteSettings;
  readonly audit: SqliteAudit;
  readonly changes: SqliteChanges;
  readonly #database: Database.Database;
  /** Which file it is, whatever has its name later; `null`: in memory. */
  readonly #opened: string | null;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#opened = database.memory ? null : fileIdentity(database.name);
    this.changes = new SqliteChanges(database);
    const changed = () => this.changes.changed();
    this.users = new SqliteUsers(database, changed);
    this.devices = new SqliteDevices(database, changed);
    this.sessions = new SqliteSessions(database, changed);
    this.settings = new SqliteSettings(database);
    this.audit = new SqliteAudit(database);
  }

  async check(): Promise<void> {
    try {
      // Without reading a table, SQLite would answer from memory.
      this.#database.prepare('SELECT COUNT(*) FROM settings').get();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError(`data file: ${error instanceof Error ? error.message : error}`);
    }
    // SQLite goes on with a file that has lost its name, and everything written to it is lost with the process.
    const path = this.#database.name;
    if (this.#opened !== null && fileIdentity(path) !== this.#opened) {
      throw new StoreError(`data file ${path}: was deleted or replaced while it was in use`);
    }
  }

  async close(): Promise<void> {
    if (this.#database.open) this.#database.close();
  }
}

function fileIdentity(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : null;
}
