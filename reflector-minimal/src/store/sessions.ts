import type Database from 'better-sqlite3';
import type { SessionKind, SessionRecord } from '../ports/store.ts';
import type { UserRecord } from './users.ts';

export type { SessionKind, SessionRecord };

export class SessionTable {
  readonly #database: Database.Database;
  readonly #changed: () => void;
  readonly #get: Database.Statement<[Buffer]>;
  readonly #touch: Database.Statement<[number, Buffer, Buffer | null]>;

  constructor(database: Database.Database, changed: () => void) {
    this.#database = database;
    this.#changed = changed;
    this.#get = database.prepare('SELECT * FROM sessions WHERE hash = ?');
    this.#touch = database.prepare('UPDATE sessions SET used = ? WHERE hash IN (?, ?)');
  }

  get(hash: Buffer): SessionRecord | null {
    return (this.#get.get(hash) as SessionRecord | undefined) ?? null;
  }

  /** Of one user, the last used first. */
  list(user: string): SessionRecord[] {
    return this.#database
      .prepare('SELECT * FROM sessions WHERE user = ? ORDER BY used DESC')
      .all(user) as SessionRecord[];
  }

  /**
   * Makes room and adds one: of more than `perUser` of this kind and user, and of more than `total`, the least recently
   * used go. False when the parent is gone, or when `opener`, for whom it was decided, is not the user as it is now: the
   * account, its password, or whether it asks for one-time passwords has changed since.
   */
  add(
    session: SessionRecord,
    opener: UserRecord,
    bounds: { readonly perUser: number; readonly total: number },
  ): boolean {
    const { user, kind } = session;
    const { uid, password, totpSecret } = opener;
    return this.#database
      .transaction(() => {
        this.#run(
          `DELETE FROM sessions WHERE hash IN
             (SELECT hash FROM sessions WHERE user = ? AND kind = ? ORDER BY used DESC LIMIT -1 OFFSET ?)`,
          user,
          kind,
          bounds.perUser - 1,
        );
        this.#run(
          `DELETE FROM sessions WHERE hash IN
             (SELECT hash FROM sessions ORDER BY used DESC LIMIT -1 OFFSET ?)`,
          bounds.total - 1,
        );
        const insert = this.#database.prepare(
          `INSERT INTO sessions
           SELECT @hash, @kind, @user, @fingerprint, @device, @parent, @created, @used, @expires, @address, @agent
           WHERE EXISTS (SELECT 1 FROM users
                         WHERE name = @user AND uid = @uid AND password = @password AND totp_secret IS @totpSecret)
             AND (@parent IS NULL OR EXISTS (SELECT 1 FROM sessions WHERE hash = @parent))`,
        );
        return insert.run({ ...session, uid, password, totpSecret }).changes > 0;
      })
      .immediate();
  }

  /** Notes that a session, and its parent, were used. */
  touch(hash: Buffer, parent: Buffer | null, now: number): void {
    this.#touch.run(now, hash, parent);
  }

  /** With the device sessions that hang on it. False when there was none. */
  remove(hash: Buffer): boolean {
    return this.#run('DELETE FROM sessions WHERE hash = ?', hash) > 0;
  }

  /** How many of this user there were. */
  removeAll(user: string): number {
    // Rows that go with their parent are not among the changes that SQLite counts.
    const { length } = this.list(user);
    this.#run('DELETE FROM sessions WHERE user = ?', user);
    return length;
  }

  /** What has expired by `now`, and what of browsers has not been used since `unusedSince`. */
  removeExpired(now: number, unusedSince: number): void {
    this.#run('DELETE FROM sessions WHERE expires <= ?', now);
    this.#run("DELETE FROM sessions WHERE used <= ? AND kind <> 'token'", unusedSince);
  }

  #run(sql: string, ...values: (string | number | Buffer)[]): number {
    const { changes } = this.#database.prepare(sql).run(...values);
    if (changes > 0) this.#changed();
    return changes;
  }
}
