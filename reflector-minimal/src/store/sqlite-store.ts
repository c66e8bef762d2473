import { existsSync, realpathSync, statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { type Change, type Store, StoreError, StoreUnavailable } from '../ports/store.ts';
import { asOwnerOf } from './as-owner.ts';
import { Breaker, type StoreCare } from './breaker.ts';
import { DataFileLock } from './data-file-lock.ts';
import { LastingDatabase } from './lasting-database.ts';
import { migrations } from './migrations.ts';
import { createPrivately, makePrivate } from './private-file.ts';
import { SqliteAudit } from './sqlite-audit.ts';
import { SqliteChanges } from './sqlite-changes.ts';
import { SqliteDevices } from './sqlite-devices.ts';
import { SqliteSessions } from './sqlite-sessions.ts';
import { SqliteSettings } from './sqlite-settings.ts';
import { SqliteUsers } from './sqlite-users.ts';
import { keepStatements, readPragma } from './statements.ts';

export interface StoreOptions {
  /** Refuse to make a new file. */
  readonly existing?: boolean;
  /** Told what was wrong with the file and has been put right, one line each. */
  readonly warn?: (text: string) => void;
}

/**
 * The store in one SQLite file in WAL mode. Other processes (`rm-reflector user …`) may write to it at the same time. SQLite
 * answers at once, so each promise is settled when a method returns.
 */
export class SqliteStore implements Store {
  readonly users: SqliteUsers;
  readonly devices: SqliteDevices;
  readonly sessions: SqliteSessions;
  readonly settings: SqliteSettings;
  readonly audit: SqliteAudit;
  readonly changes: SqliteChanges;
  /** Its path, as it was opened. */
  readonly path: string;
  readonly #database: Database.Database;
  /** Which file it is, whatever has its name later; `null`: in memory. */
  readonly #opened: string | null;
  readonly #breakers = { reads: new Breaker('read'), writes: new Breaker('write') };

  /**
   * Opens the file, or creates it (mode 0600, its folder 0700) unless `existing` is asked for. Takes away what lets others
   * read it, and tells `warn`. Root does all that with the rights of whoever owns the folder. Throws {@link StoreError}.
   */
  static open(path: string, { existing = false, warn = () => {} }: StoreOptions = {}): SqliteStore {
    // Loaded with the rights of this process: another user may not reach our files.
    new LastingDatabase(':memory:').close();
    const open = () => {
      if (path !== ':memory:') prepareFile(path, existing, warn);
      const database = new LastingDatabase(path, { timeout: 5_000 });
      try {
        return new SqliteStore(database, path);
      } catch (error) {
        database.close();
        throw error;
      }
    };
    try {
      return path === ':memory:' ? open() : asOwnerOf(path, open);
    } catch (error) {
      const reason = error instanceof StoreUnavailable ? error.reason : errorText(error);
      throw new StoreError(`data file ${path}: ${reason}`);
    }
  }

  private constructor(database: Database.Database, path: string) {
    this.#database = database;
    this.path = path;
    this.#opened = database.memory ? null : fileIdentity(database.name);
    keepStatements(database, this.#breakers);
    database.prepare('PRAGMA journal_mode = WAL').get();
    // With WAL a power cut may lose the last transactions, never the file; counters are not worth an fsync each.
    database.prepare('PRAGMA synchronous = NORMAL').run();
    migrate(database);
    this.changes = new SqliteChanges(database);
    const changed = (change?: Change) => this.changes.changed(change);
    this.users = new SqliteUsers(database, changed);
    this.devices = new SqliteDevices(database, changed);
    this.sessions = new SqliteSessions(database, changed);
    this.settings = new SqliteSettings(database);
    this.audit = new SqliteAudit(database);
  }

  /** Its path, whatever link it was opened by; `null`: it is in memory. */
  get realPath(): string | null {
    return this.#database.memory ? null : realpathSync(this.path);
  }

  /** Whether a reflector is running on this file: only then on-line states mean anything. */
  isServed(): boolean {
    return DataFileLock.isHeld(this.path);
  }

  /** From now on the file may fail: calls reject with {@link StoreUnavailable} soon, and `care` is told. */
  watch(care: StoreCare): void {
    this.#database.exec(`PRAGMA busy_timeout = ${care.busyMs}`);
    this.#breakers.reads.watch(care);
    this.#breakers.writes.watch(care);
  }

  async check(): Promise<void> {
    try {
      // Without reading a table, SQLite would answer from memory.
      this.#database.prepare('SELECT COUNT(*) FROM settings').get();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError(`data file: ${errorText(error)}`);
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

function prepareFile(path: string, existing: boolean, warn: (text: string) => void): void {
  if (existing && !existsSync(path)) {
    throw new Error(
      'there is no such file; the reflector makes it when it starts, and so do "device add" and "user add"',
    );
  }
  if (!existsSync(path)) {
    createPrivately(path);
    return;
  }
  const warning = makePrivate(path);
  if (warning !== null) warn(warning);
}

function migrate(database: Database.Database): void {
  // The usual case waits for no other process that writes.
  if (readPragma(database, 'user_version') === migrations.length) return;
  // Two processes may open a new file at once: the version is read inside the transaction that changes it.
  database
    .transaction(() => {
      const done = readPragma(database, 'user_version');
      if (done > migrations.length) {
        throw new StoreError(
          `made by a newer program (version ${done}, this one knows ${migrations.length})`,
        );
      }
      for (const step of migrations.slice(done)) database.exec(step);
      database.prepare(`PRAGMA user_version = ${migrations.length}`).run();
    })
    .immediate();
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
