import type Database from 'better-sqlite3';
import type { Settings } from '../ports/store.ts';

export class SqliteSettings implements Settings {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  async get(name: string): Promise<Buffer | null> {
    return this.#read(name);
  }

  async set(name: string, value: Buffer | null): Promise<void> {
    if (value === null) {
      this.#database.prepare('DELETE FROM settings WHERE name = ?').run(name);
      return;
    }
    this.#database
      .prepare('INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(name, value);
  }

  async getOrAdd(name: string, value: Buffer): Promise<Buffer> {
    const present = this.#read(name);
    if (present !== null) return present;
    this.#database.prepare('INSERT OR IGNORE INTO settings VALUES (?, ?)').run(name, value);
    // Another process may have been quicker: what is stored counts.
    return this.#read(name) ?? value;
  }

  #read(name: string): Buffer | null {
    const select = this.#database.prepare('SELECT value FROM settings WHERE name = ?');
    const row = select.get(name) as { value: Buffer } | undefined;
    return row?.value ?? null;
  }
}
