import { searchWords } from '../store/search-text.ts';
import { type Dialect, get, run, type Tables, type Work } from '../store/tables.ts';

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

export interface PersonFacts {
  readonly kind: AccountKind;
  readonly fullName: string;
  readonly email: string | null;
}

/** What is not named stays. */
export interface PersonChange extends PersonFacts {
  readonly administrator?: boolean;
  /** A hash. Another one ends all sessions. */
  readonly password?: string;
}

function* setFacts(
  name: string,
  { kind, fullName, email }: PersonFacts,
  equalFolded: Dialect['equalFolded'],
): Work<'done' | 'taken'> {
  if (email !== null) {
    const select = `SELECT 1 FROM fleet_people WHERE ${equalFolded('email', '?')} AND name <> ?`;
    if (yield* get(select, email, name)) return 'taken';
  }
  yield* run(
    `INSERT INTO fleet_people (name, kind, full_name, email) VALUES (?, ?, ?, ?) ON CONFLICT (name)
     DO UPDATE SET kind = excluded.kind, full_name = excluded.full_name, email = excluded.email`,
    name,
    kind,
    fullName,
    email,
  );
  return 'done';
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

  /** False when another user has this mail address. */
  async set(name: string, facts: PersonFacts): Promise<boolean> {
    const { equalFolded } = this.#tables.dialect;
    return (await this.#tables.transact(() => setFacts(name, facts, equalFolded))) === 'done';
  }

  /**
   * All of it or nothing. `check` is given the user as they are, `null` where there is none, and may throw: then nothing is changed.
   * `taken`: another user has this mail address; `last`: it is the only administrator.
   */
  change(
    name: string,
    { administrator, password, ...facts }: PersonChange,
    check: (now: PersonRow | null) => void,
  ): Promise<'done' | 'taken' | 'last'> {
    const { equalFolded, is } = this.#tables.dialect;
    const select = `SELECT ${this.#columns} FROM ${joined} WHERE users.name = ?`;
    const other = `SELECT 1 AS found FROM users WHERE name <> ? AND ${is('administrator', true)} LIMIT 1`;
    return this.#tables.transact(function* () {
      const row = yield* get<Row>(select, name);
      const now = row ? personOf(row) : null;
      check(now);
      const isChanged = administrator !== undefined && administrator !== now?.administrator;
      if (isChanged && !administrator && !(yield* get(other, name))) return 'last';
      if ((yield* setFacts(name, facts, equalFolded)) === 'taken') return 'taken';
      if (isChanged) {
        const update = 'UPDATE users SET administrator = (CAST(? AS BIGINT) = 1) WHERE name = ?';
        yield* run(update, administrator ? 1 : 0, name);
      }
      if (password !== undefined) {
        yield* run('DELETE FROM sessions WHERE "user" = ?', name);
        yield* run('UPDATE users SET password = ? WHERE name = ?', password, name);
      }
      return 'done';
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
