import type Database from 'better-sqlite3';
import type { Account, Change, SessionRecord, SessionRecords } from '../ports/store.ts';
import { bounded } from './statements.ts';

export class SqliteSessions implements SessionRecords {
  readonly #database: Database.Database;
  readonly #changed: (change?: Change) => void;
  readonly #select: Database.Statement<[Buffer]>;
  readonly #touch: Database.Statement<[number, Buffer, Buffer | null]>;

  constructor(database: Database.Database, changed: (change?: Change) => void) {
    this.#database = database;
    this.#changed = changed;
    this.#select = database.prepare('SELECT * FROM sessions WHERE hash = ?');
    this.#touch = database.prepare('UPDATE sessions SET used = ? WHERE hash IN (?, ?)');
  }

  async get(hash: Buffer): Promise<SessionRecord | null> {
    return (this.#select.get(hash) as SessionRecord | undefined) ?? null;
  }

  async list(user: string, limit: number): Promise<SessionRecord[]> {
    return this.#database
      .prepare('SELECT * FROM sessions WHERE user = ? ORDER BY used DESC LIMIT ?')
      .all(user, bounded(limit)) as SessionRecord[];
  }

  async add(
    session: SessionRecord,
    opener: Account,
    bounds: { readonly perUser: number; readonly total: number },
  ): Promise<boolean> {
    const { user, kind } = session;
    const { uid, password, totpSecret } = opener;
    return this.#database
      .transaction(() => {
        this.#run(
          user,
          `DELETE FROM sessions WHERE hash IN
             (SELECT hash FROM sessions WHERE user = ? AND kind = ? ORDER BY used DESC LIMIT -1 OFFSET ?)`,
          user,
          kind,
          bounds.perUser - 1,
        );
        this.#run(
          null,
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
        const added = insert.run({ ...session, uid, password, totpSecret }).changes > 0;
        if (added) this.#changed({ kind: 'session', key: session.hash.toString('hex') });
        return added;
      })
      .immediate();
  }

  async touch(hash: Buffer, parent: Buffer | null, now: number): Promise<void> {
    this.#touch.run(now, hash, parent);
  }

  async remove(hash: Buffer): Promise<boolean> {
    const session = await this.get(hash);
    return session !== null && this.#run(session.user, 'DELETE FROM sessions WHERE hash = ?', hash) > 0;
  }

  async removeAll(user: string): Promise<number> {
    // Rows that go with their parent are not among the changes that SQLite counts.
    const count = this.#database.prepare('SELECT count(*) FROM sessions WHERE user = ?');
    const before = count.pluck().get(user) as number;
    this.#run(user, 'DELETE FROM sessions WHERE user = ?', user);
    return before;
  }

  async removeExpired(now: number, unusedSince: number): Promise<void> {
    this.#run(null, 'DELETE FROM sessions WHERE expires <= ?', now);
    this.#run(null, "DELETE FROM sessions WHERE used <= ? AND kind <> 'token'", unusedSince);
  }

  /** `user`: of the sessions; `null`: they may be anybody's. */
  #run(user: string | null, sql: string, ...values: (string | number | Buffer)[]): number {
    const { changes } = this.#database.prepare(sql).run(...values);
    if (changes > 0) this.#changed(user === null ? undefined : { kind: 'user', key: user });
    return changes;
  }
}
