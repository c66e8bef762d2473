import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StoreError, StoreUnavailable } from '../ports/store.ts';
import { asOwnerOf } from './as-owner.ts';
import { Breaker, type StoreCare } from './breaker.ts';
import { DataFileLock } from './data-file-lock.ts';
import { DeviceTable } from './devices.ts';
import { migrations } from './migrations.ts';
import { createPrivately, makePrivate } from './private-file.ts';
import { SessionTable } from './sessions.ts';
import { SqliteStore } from './sqlite-store.ts';
import { keepStatements, readPragma } from './statements.ts';
import { FairShareTable } from './users.ts';

export { StoreError, StoreUnavailable } from './unavailable.ts';

export interface StoreOptions {
  /** Refuse to make a new file. */
  readonly existing?: boolean;
  /** Told what was wrong with the file and has been put right, one line each. */
  readonly warn?: (text: string) => void;
}

/**
 * Everything that outlives the process, in one SQLite file in WAL mode. Other processes (`rm-reflector user …`) may
 * write to it at the same time.
 */
export class Store {
  readonly users: FairShareTable;
  readonly devices: DeviceTable;
  readonly sessions: SessionTable;
  /** The same data by the port. */
  readonly port: SqliteStore;
  readonly #database: Database.Database;
  /** Which file it is, whatever has its name later; `null`: in memory. */
  readonly #opened: string | null;
  readonly #path: string;
  readonly #breakers = { reads: new Breaker('read'), writes: new Breaker('write') };
  /** Changes by this process: those of devices, and those of users, their sessions and grants. */
  readonly #changes = { device: 0, user: 0 };

  /**
   * Opens the file, or creates it (mode 0600, its folder 0700) unless `existing` is asked for. Takes away what lets others
   * read it, and tells `warn`. Root does all that with the rights of whoever owns the folder. Throws {@link StoreError}.
   */
  static open(path: string, { existing = false, warn = () => {} }: StoreOptions = {}): Store {
    // Loaded with the rights of this process: another user may not reach our files.
    new Database(':memory:').close();
    const open = () => {
      if (path !== ':memory:') prepareFile(path, existing, warn);
      const database = new Database(path, { timeout: 5_000 });
      try {
        return new Store(database, path);
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
    this.#path = path;
    this.#opened = database.memory ? null : fileIdentity(database.name);
    keepStatements(database, this.#breakers);
    database.prepare('PRAGMA journal_mode = WAL').get();
    // With WAL a power cut may lose the last transactions, never the file; counters are not worth an fsync each.
    database.prepare('PRAGMA synchronous = NORMAL').run();
    migrate(database);
    this.port = new SqliteStore(database);
    const userChanged = () => {
      this.#changes.user++;
      this.port.changes.changed();
    };
    this.users = new FairShareTable(database, userChanged);
    this.devices = new DeviceTable(database, () => {
      this.#changes.device++;
      this.port.changes.changed();
    });
    this.sessions = new SessionTable(database, userChanged);
  }

  /**
   * Another value after devices or their passwords were changed, by this process or by another; for `user` also after
   * users, their passwords, grants or sessions were.
   */
  version(of: 'user' | 'device'): string {
    const { user, device } = this.#changes;
    const own = of === 'device' ? device : `${device}/${user}`;
    return `${readPragma(this.#database, 'data_version')}/${own}`;
  }

  /** The key that signs tokens; made once. */
  tokenKey(): Buffer {
    return this.#setting('token_key', () => randomBytes(32));
  }

  /** The key of the fingerprints of devices' passwords; made once. */
  fingerprintKey(): Buffer {
    return this.#setting('fingerprint_key', () => randomBytes(32));
  }

  /** The domain that devices are added to unless the operator names another: a UUID, made once. */
  domain(): string {
    return this.#setting('domain', () => Buffer.from(randomUUID())).toString();
  }

  /** Its path, as it was opened. */
  get path(): string {
    return this.#path;
  }

  /** Whether a reflector is running on this file: only then on-line states mean anything. */
  isServed(): boolean {
    return DataFileLock.isHeld(this.#path);
  }

  /**
   * The audit file of the reflector that was started last on this data file; `null`: it has none. `of`: another data file,
   * which this one is a copy of, or which it was before it was moved; `null`: it is this one.
   */
  auditFile(): { readonly path: string; readonly of: string | null } | null {
    const path = this.#readText('audit_file');
    if (path === null) return null;
    const of = this.#readText('audit_of');
    return { path, of: of === this.#realPath() ? null : of };
  }

  /** `path`: absolute, or `null`. */
  setAuditFile(path: string | null): void {
    this.#writeText('audit_file', path);
    this.#writeText('audit_of', this.#realPath());
  }

  #realPath(): string | null {
    return this.#database.memory ? null : realpathSync(this.#path);
  }

  /** The URL of that reflector for agents; `null`: none was started yet. */
  url(): string | null {
    return this.#readText('url');
  }

  setUrl(url: string): void {
    this.#writeText('url', url);
  }

  /** The label that the `--cookie-host` of that reflector takes from devices; `null`: none. */
  takenLabel(): string | null {
    return this.#readText('taken_label');
  }

  setTakenLabel(label: string | null): void {
    this.#writeText('taken_label', label);
  }

  /** From now on the file may fail: calls throw {@link StoreUnavailable} soon, and `care` is told. */
  watch(care: StoreCare): void {
    this.#database.pragma(`busy_timeout = ${care.busyMs}`);
    this.#breakers.reads.watch(care);
    this.#breakers.writes.watch(care);
  }

  /** Throws {@link StoreError} when the file does not answer, or is not the one that was opened any more. */
  check(): void {
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

  /** Everything written is in the file afterwards. Idempotent. */
  close(): void {
    if (this.#database.open) this.#database.close();
  }

  /** `null` for an empty one as well. */
  #readText(name: string): string | null {
    const row = this.#database.prepare('SELECT value FROM settings WHERE name = ?').get(name) as
      | { value: Buffer }
      | undefined;
    return row?.value.toString() || null;
  }

  #writeText(name: string, text: string | null): void {
    this.#database
      .prepare('INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(name, Buffer.from(text ?? ''));
  }

  #setting(name: string, make: () => Buffer): Buffer {
    const read = this.#database.prepare('SELECT value FROM settings WHERE name = ?');
    const write = this.#database.prepare('INSERT OR IGNORE INTO settings VALUES (?, ?)');
    const row = read.get(name) as { value: Buffer } | undefined;
    if (row) return row.value;
    write.run(name, make());
    // Another process may have been quicker: what is stored counts.
    return (read.get(name) as { value: Buffer }).value;
  }
}

function fileIdentity(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : null;
}

function prepareFile(path: string, existing: boolean, warn: (text: string) => void): void {
  if (existing && !existsSync(path)) {
    throw new Error(
      'there is no such file; rm-reflector makes it when it starts, and so do "device add" and "user add"',
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
          `made by a newer rm-reflector (version ${done}, this one knows ${migrations.length})`,
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
