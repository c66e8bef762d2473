import type { Settings } from 'rm-reflector/ports';
import type { Database } from './database.ts';

const select = 'SELECT value FROM rm_reflector.settings WHERE name = $1';

export class PostgresqlSettings implements Settings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(name: string): Promise<Buffer | null> {
    const [row] = await this.#database.read<{ value: Buffer }>(select, name);
    return row?.value ?? null;
  }

  async set(name: string, value: Buffer | null): Promise<void> {
    if (value === null)
      await this.#database.run(null, 'DELETE FROM rm_reflector.settings WHERE name = $1', name);
    else {
      await this.#database.run(
        null,
        `INSERT INTO rm_reflector.settings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        name,
        value,
      );
    }
  }

  async getOrAdd(name: string, value: Buffer): Promise<Buffer> {
    return this.#database.transact(null, async ({ query, run }) => {
      await run(
        'INSERT INTO rm_reflector.settings VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
        name,
        value,
      );
      // Another process may have been quicker: what is stored counts.
      const [row] = await query<{ value: Buffer }>(select, name);
      return row?.value ?? value;
    });
  }
}
