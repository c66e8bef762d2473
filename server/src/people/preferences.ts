import type { Tables } from '../store/tables.ts';

/** What users have chosen for pages, as JSON texts. Nothing else reads it. */
export class PreferencesOfUsers {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** `null`: nothing yet. */
  async get(user: string): Promise<string | null> {
    const row = await this.#tables.get<{ value: string }>(
      'SELECT value FROM fleet_preferences WHERE "user" = ?',
      user,
    );
    return row?.value ?? null;
  }

  async set(user: string, value: string): Promise<void> {
    await this.#tables.run(
      `INSERT INTO fleet_preferences ("user", value) VALUES (?, ?)
       ON CONFLICT ("user") DO UPDATE SET value = excluded.value`,
      user,
      value,
    );
  }
}
