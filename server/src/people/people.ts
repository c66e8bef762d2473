import type { FleetDatabase } from '../store/fleet-database.ts';

export type AccountKind = 'person' | 'service';

export interface PersonRow {
  readonly name: string;
  readonly administrator: number;
  readonly created: number;
  readonly totp: number;
  readonly kind: AccountKind;
  readonly full_name: string;
  readonly email: string | null;
  /** JSON arrays of names. */
  readonly domains: string;
  readonly groups: string;
}

const columns = `users.name, administrator, created, totp_secret IS NOT NULL AS totp,
  coalesce(kind, 'person') AS kind, coalesce(full_name, '') AS full_name, email,
  (SELECT json_group_array(domain) FROM (SELECT domain FROM grants WHERE user = users.name ORDER BY domain)) AS domains,
  (SELECT json_group_array(team) FROM
    (SELECT DISTINCT team FROM fleet_members WHERE user = users.name ORDER BY team)) AS groups`;
const joined = 'users LEFT JOIN fleet_people ON fleet_people.name = users.name';

/** Names and mail addresses of users, beside the accounts of the reflector. */
export class People {
  readonly #database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.#database = database;
  }

  /** The directory that keeps the password of this user; `null`: it is kept here. */
  async directoryOf(name: string): Promise<string | null> {
    const select = this.#database.prepare<{ readonly source: string }>(
      'SELECT source FROM fleet_directory_members AS member JOIN users USING (uid) WHERE user = ? AND name = user',
    );
    return select.get(name)?.source ?? null;
  }

  async get(name: string): Promise<PersonRow | null> {
    const select = this.#database.prepare<PersonRow>(`SELECT ${columns} FROM ${joined} WHERE users.name = ?`);
    return select.get(name) ?? null;
  }

  /** By name, those after `after`; `text` is in the name, the full name or the mail address. */
  page(text: string, after: string, limit: number): Promise<PersonRow[]> {
    const part = text.toLowerCase();
    return this.#database.read<PersonRow>(
      `SELECT ${columns} FROM ${joined}
       WHERE users.name > ? AND (instr(lower(users.name), ?) > 0 OR instr(lower(coalesce(full_name, '')), ?) > 0
         OR instr(lower(coalesce(email, '')), ?) > 0)
       ORDER BY users.name LIMIT ?`,
      after,
      part,
      part,
      part,
      limit,
    );
  }

  /** False when another user has this mail address. */
  async set(
    name: string,
    facts: { readonly kind: AccountKind; readonly fullName: string; readonly email: string | null },
  ): Promise<boolean> {
    return this.#database.transaction(() => {
      if (facts.email !== null) {
        const other = this.#database
          .prepare('SELECT 1 FROM fleet_people WHERE email = ? COLLATE NOCASE AND name <> ?')
          .get(facts.email, name);
        if (other) return false;
      }
      this.#database
        .prepare(
          `INSERT INTO fleet_people (name, kind, full_name, email) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET kind = excluded.kind, full_name = excluded.full_name, email = excluded.email`,
        )
        .run(name, facts.kind, facts.fullName, facts.email);
      return true;
    });
  }

  /** Whoever has this name or this mail address, and a mail address at all. */
  async addressee(text: string): Promise<{ readonly name: string; readonly email: string } | null> {
    const select = this.#database.prepare<{ name: string; email: string }>(
      `SELECT name, email FROM fleet_people
       WHERE email IS NOT NULL AND kind = 'person' AND (name = ? OR email = ? COLLATE NOCASE)
       ORDER BY name = ? DESC LIMIT 1`,
    );
    return select.get(text, text, text) ?? null;
  }
}
