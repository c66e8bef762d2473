import { createHash } from 'node:crypto';
import { get, run, type Tables } from '../store/tables.ts';

/** What users have chosen for pages, as JSON texts. Nothing else reads it. */
export class PreferencesOfUsers {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** `null`: nothing yet. */
  async get(user: string): Promise<string | null> {
    const row = await this.#tables.get<{ value: string }>(select, user);
    return row?.value ?? null;
  }

  /** `check` is given the {@link versionOfPreferences} of what is there, and may throw: then nothing is set. */
  async set(user: string, value: string, check: (version: string) => void = () => {}): Promise<void> {
    await this.#tables.transact(function* () {
      check(versionOfPreferences((yield* get<{ value: string }>(select, user))?.value ?? null));
      yield* run(
        `INSERT INTO fleet_preferences ("user", value) VALUES (?, ?)
         ON CONFLICT ("user") DO UPDATE SET value = excluded.value`,
        user,
        value,
      );
    });
  }
}

const select = 'SELECT value FROM fleet_preferences WHERE "user" = ?';

/** The same for the same choices. */
export function versionOfPreferences(value: string | null): string {
  return createHash('sha256')
    .update(value ?? '{}')
    .digest('base64url')
    .slice(0, 16);
}
