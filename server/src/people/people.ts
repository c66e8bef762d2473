import { searchWords } from '../store/search-text.ts';
import { type Dialect, get, run, type Tables } from '../store/tables.ts';

export type AccountKind = 'person' | 'service';

export interface PersonRow {
  readonly name: string;
  readonly administrator: boolean;
  readonly created: number;
  readonly totp: boolean;
  readonly kind: AccountKind;
  readonly full_name: string;
  readonly email: string | null;
  /** JSON arrays of names. */
  readonly domains: string;
  readonly groups: string;
}

const joined = 'users LEFT JOIN fleet_people ON fleet_people.name = users.name';

function columnsIn({ array }: Dialect): string {
  const domains = array('domain', 'SELECT domain FROM grants WHERE "user" = users.name ORDER BY domain');
  const groups = array(
    'team',
    'SELECT DISTINCT team FROM fleet_members WHERE "user" = users.name ORDER BY team',
  );
  return `users.name, administrator, created, totp_secret IS NOT NULL AS totp, coalesce(kind, 'person') AS kind,
    coalesce(full_name, '') AS full_name, email, ${domains} AS domains, ${groups} AS groups`;
}

interface Row extends Omit<PersonRow, 'administrator' | 'totp'> {
  readonly administrator: number | boolean;
  readonly totp: number | boolean;
}

function personOf(row: Row): PersonRow {
  return { ...row, administrator: Boolean(row.administrator), totp: Boolean(row.totp) };
}

/** Names and mail addresses of users, beside the accounts of the reflector. */
export class People {
  readonly #tables: Tables;
  readonly #columns: string;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#columns = columnsIn(tables.dialect);
  }

  /** The directory that keeps the password of this user; `null`: it is kept here. */
  async directoryOf(name: string): Promise<string | null> {
    const row = await this.#tables.get<{ readonly source: string }>(
      `SELECT source FROM fleet_directory_members AS member JOIN users USING (uid)
       WHERE member."user" = ? AND name = member."user"`,
      name,
    );
    return row?.source ?? null;
  }

  async get(name: string): Promise<PersonRow | null> {
    const select = `SELECT ${this.#columns} FROM ${joined} WHERE users.name = ?`;
    const row = await this.#tables.get<Row>(select, name);
    return row ? personOf(row) : null;
  }

  /** By name, those after `after`; each word of `text` is in the name, the full name or the mail address. */
  async page(text: string, after: string, limit: number): Promise<PersonRow[]> {
    const { contains } = this.#tables.dialect;
    const columns = ['users.name', "coalesce(full_name, '')", "coalesce(email, '')"];
    const words = searchWords(text);
    const has = words.map(({ spellings }) => {
      const one = columns.flatMap((column) => spellings.map(() => contains(`lower(${column})`, '?')));
      return ` AND (${one.join(' OR ')})`;
    });
    const rows = await this.#tables.read<Row>(
      `SELECT ${this.#columns} FROM ${joined} WHERE users.name > ?${has.join('')}
       ORDER BY users.name LIMIT ?`,
      after,
      ...words.flatMap(({ spellings }) => columns.flatMap(() => spellings)),
      limit,
    );
    return rows.map(personOf);
  }

  /**
   * False when another user has this mail address. `check` is given the user as they are, `null` where there is none, and may throw:
   * then nothing is set.
   */
  set(
    name: string,
    facts: { readonly kind: AccountKind; readonly fullName: string; readonly email: string | null },
    check?: (now: PersonRow | null) => void,
  ): Promise<boolean> {
    const { equalFolded } = this.#tables.dialect;
    const select = `SELECT ${this.#columns} FROM ${joined} WHERE users.name = ?`;
    return this.#tables.transact(function* () {
      if (check) {
        const row = yield* get<Row>(select, name);
        check(row ? personOf(row) : null);
      }
      if (facts.email !== null) {
        const select = `SELECT 1 FROM fleet_people WHERE ${equalFolded('email', '?')} AND name <> ?`;
        if (yield* get(select, facts.email, name)) return false;
      }
      yield* run(
        `INSERT INTO fleet_people (name, kind, full_name, email) VALUES (?, ?, ?, ?) ON CONFLICT (name)
         DO UPDATE SET kind = excluded.kind, full_name = excluded.full_name, email = excluded.email`,
        name,
        facts.kind,
        facts.fullName,
        facts.email,
      );
      return true;
    });
  }

  /** Whoever has this name or this mail address, and a mail address at all. */
  async addressee(text: string): Promise<{ readonly name: string; readonly email: string } | null> {
    const { equalFolded } = this.#tables.dialect;
    const row = await this.#tables.get<{ name: string; email: string }>(
      `SELECT name, email FROM fleet_people
       WHERE email IS NOT NULL AND kind = 'person' AND (name = ? OR ${equalFolded('email', '?')})
       ORDER BY name = ? DESC LIMIT 1`,
      text,
      text,
      text,
    );
    return row ?? null;
  }
}
