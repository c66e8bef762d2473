import type { FleetDatabase } from '../store/fleet-database.ts';

/** What users have chosen for pages, as JSON texts. Nothing else reads it. */
export class PreferencesOfUsers {
  readonly #database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.#database = database;
  }

  /** `null`: nothing yet. */
  async get(user: string): Promise<string | null> {
    const row = this.#database
      .prepare<{ value: string }>('SELECT value FROM fleet_preferences WHERE user = ?')
      .get(user);
    return row?.value ?? null;
  }

  async set(user: string, value: string): Promise<void> {
    this.#database
      .prepare(
        'INSERT INTO fleet_preferences (user, value) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET value = excluded.value',
      )
      .run(user, value);
  }
}
