import { existsSync, type FSWatcher, realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { StoreError } from '../ports/store.ts';
import { asOwnerOf } from './as-owner.ts';
import { LastingDatabase, SqliteError } from './lasting-database.ts';
import { createPrivately } from './private-file.ts';

/** A `device list` that looks at the lock just now holds it for a moment. */
const patienceMs = 1_000;

/**
 * Says that a reflector serves a data file, and keeps a second one off it: an open transaction in a small SQLite file
 * beside it. The system drops the lock with the process, however that ends. The data file itself stays open to commands.
 */
export class DataFileLock {
  readonly #data: string;
  #database: Database.Database;
  #watcher: FSWatcher | null = null;

  /**
   * Root takes it with the rights of whoever owns the folder, so that a service can take it later. Throws
   * {@link StoreError} when another process holds it, or the file cannot be made.
   */
  static take(data: string): DataFileLock {
    // Loaded with the rights of this process: another user may not reach our files.
    new LastingDatabase(':memory:').close();
    if (existsSync(data) && !statSync(data).isFile()) throw new StoreError(`data file ${data}: is no file`);
    let path = data;
    try {
      path = lockPath(data);
      return new DataFileLock(
        data,
        asOwnerOf(path, () => DataFileLock.#open(path)),
      );
    } catch (error) {
      const reason = isBusy(error)
        ? 'another reflector is using it'
        : `${path}: ${error instanceof Error ? error.message : error}`;
      throw new StoreError(`data file ${data}: ${reason}`);
    }
  }

  static #open(path: string): Database.Database {
    createPrivately(path);
    const database = new LastingDatabase(path, { timeout: patienceMs });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Whether a reflector serves this data file. */
  static isHeld(data: string): boolean {
    const path = lockPath(data);
    if (!existsSync(path)) return false;
    let database: Database.Database | null = null;
    try {
      database = new LastingDatabase(path, { timeout: 0, readonly: true, fileMustExist: true });
      database.exec('SELECT 1 FROM sqlite_master');
      return false;
    } catch (error) {
      return isBusy(error);
    } finally {
      database?.close();
    }
  }

  private constructor(data: string, database: Database.Database) {
    this.#data = data;
    this.#database = database;
  }

  /**
   * Takes the lock again when somebody has deleted or replaced its file, which would let another reflector in. `told` gets
   * what came of it: `null`, or why it could not be taken.
   */
  keep(told: (error: StoreError | null) => void): void {
    this.#watcher?.close();
    const { name } = this.#database;
    const file = identityOf(name);
    const look = () => {
      if (file !== null && identityOf(name) === file) return;
      this.#watcher?.close();
      this.#watcher = null;
      try {
        const taken = DataFileLock.take(this.#data);
        this.#database.close();
        this.#database = taken.#database;
      } catch (error) {
        told(error instanceof StoreError ? error : new StoreError(String(error)));
        return;
      }
      told(null);
      this.keep(told);
    };
    try {
      // Without `persistent` it keeps no process alive.
      this.#watcher = watch(name, { persistent: false }, look).on('error', () => this.#watcher?.close());
    } catch {
      // The system watches no more files: the lock holds all the same, as long as nobody deletes it.
    }
  }

  /** Idempotent. */
  release(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#database.close();
  }
}

/** Beside the file itself, not beside a link to it: both names are of one file. */
function lockPath(data: string): string {
  if (existsSync(data)) return `${realpathSync(data)}-lock`;
  const folder = dirname(data);
  return `${existsSync(folder) ? join(realpathSync(folder), basename(data)) : data}-lock`;
}

function identityOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : null;
}

function isBusy(error: unknown): boolean {
  return error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY');
}
