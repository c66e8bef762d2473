import { randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { Account, Change, Role, UserRecord, Users } from '../ports/store.ts';
import { bounded } from './statements.ts';

interface Row {
  name: string;
  uid: string;
  password: string;
  created: number;
  administrator: number;
  totp_secret: Buffer | null;
  domains: string;
}

function record(row: Row): UserRecord {
  return {
    name: row.name,
    uid: row.uid,
    password: row.password,
    created: row.created,
    role: row.administrator === 1 ? 'administrator' : 'user',
    domains: (JSON.parse(row.domains) as string[]).sort(),
    totpSecret: row.totp_secret,
  };
}

const columns = `name, uid, password, created, administrator, totp_secret,
  (SELECT json_group_array(domain) FROM grants WHERE grants.user = users.name) AS domains`;

/** An account is still the one, with the password and the secret, that something was decided about. */
const unchanged =
  'uid = @uid AND password = @password AND totp_secret IS @totpSecret AND totp_secret IS NOT NULL';

function isUnchanged(present: Account, { uid, password, totpSecret }: Account): boolean {
  const sameSecret =
    present.totpSecret === null || totpSecret === null
      ? present.totpSecret === totpSecret
      : present.totpSecret.equals(totpSecret);
  return present.uid === uid && present.password === password && sameSecret;
}

export class SqliteUsers implements Users {
  readonly #database: Database.Database;
  readonly #changed: (change: Change) => void;
  readonly #select: Database.Statement<[string]>;

  constructor(database: Database.Database, changed: (change: Change) => void) {
    this.#database = database;
    this.#changed = changed;
    this.#select = database.prepare(`SELECT ${columns} FROM users WHERE name = ?`);
  }

  async get(name: string): Promise<UserRecord | null> {
    return this.#present(name);
  }

  async page(after: string, limit: number): Promise<UserRecord[]> {
    const page = this.#database.prepare(`SELECT ${columns} FROM users WHERE name > ? ORDER BY name LIMIT ?`);
    return (page.all(after, bounded(limit)) as Row[]).map(record);
  }

  async isEmpty(): Promise<boolean> {
    return this.#database.prepare('SELECT 1 FROM users LIMIT 1').get() === undefined;
  }

  async add(name: string, password: string, now: number, role: Role): Promise<boolean> {
    return this.#run(
      name,
      'INSERT OR IGNORE INTO users (name, uid, password, created, administrator) VALUES (?, ?, ?, ?, ?)',
      name,
      randomBytes(8).toString('hex'),
      password,
      now,
      role === 'administrator' ? 1 : 0,
    );
  }

  async setPassword(name: string, password: string, former?: Account): Promise<UserRecord | null> {
    return this.#database
      .transaction(() => {
        const present = this.#present(name);
        if (!present) return null;
        if (former && !isUnchanged(present, former)) return null;
        this.#run(name, 'DELETE FROM sessions WHERE user = ?', name);
        this.#run(name, 'UPDATE users SET password = ? WHERE name = ?', password, name);
        return this.#present(name);
      })
      .immediate();
  }

  async promote(name: string): Promise<boolean> {
    return this.#setAdministrator(name, 1);
  }

  async demote(name: string, force: boolean): Promise<'done' | 'missing' | 'last'> {
    return this.#keepingAdministrator(name, force, () => this.#setAdministrator(name, 0));
  }

  async grant(name: string, domain: string): Promise<boolean> {
    return this.#run(
      name,
      'INSERT OR IGNORE INTO grants (user, domain) SELECT name, ? FROM users WHERE name = ?',
      domain,
      name,
    );
  }

  async revoke(name: string, domain: string): Promise<boolean> {
    return this.#run(name, 'DELETE FROM grants WHERE user = ? AND domain = ?', name, domain);
  }

  async setTotp(
    account: Account,
    {
      secret,
      step,
      recovery,
    }: { readonly secret: Buffer; readonly step: number; readonly recovery: readonly Buffer[] },
  ): Promise<UserRecord | null> {
    const { name, uid, password, totpSecret } = account;
    return this.#database
      .transaction(() => {
        const update = `UPDATE users SET totp_secret = ?, totp_step = ?
          WHERE name = ? AND uid = ? AND password = ? AND totp_secret IS ?`;
        if (!this.#run(name, update, secret, step, name, uid, password, totpSecret)) return null;
        this.#run(name, 'DELETE FROM recovery_codes WHERE user = ?', name);
        for (const hash of recovery) this.#run(name, 'INSERT INTO recovery_codes VALUES (?, ?)', name, hash);
        this.#run(name, 'DELETE FROM sessions WHERE user = ?', name);
        return this.#present(name);
      })
      .immediate();
  }

  async removeTotp(name: string): Promise<boolean> {
    return this.#database.transaction(() => {
      this.#run(name, 'DELETE FROM recovery_codes WHERE user = ?', name);
      return this.#run(
        name,
        'UPDATE users SET totp_secret = NULL WHERE name = ? AND totp_secret IS NOT NULL',
        name,
      );
    })();
  }

  async useTotpStep({ name, uid, password, totpSecret }: Account, step: number): Promise<boolean> {
    const update = this.#database.prepare(
      `UPDATE users SET totp_step = @step WHERE name = @name AND totp_step < @step AND ${unchanged}`,
    );
    return update.run({ name, uid, password, totpSecret, step }).changes > 0;
  }

  async useRecoveryCode({ name, uid, password, totpSecret }: Account, hash: Buffer): Promise<boolean> {
    const remove = this.#database.prepare(
      `DELETE FROM recovery_codes WHERE user = @name AND hash = @hash
         AND EXISTS (SELECT 1 FROM users WHERE name = @name AND ${unchanged})`,
    );
    return remove.run({ name, uid, password, totpSecret, hash }).changes > 0;
  }

  async remove(name: string, force: boolean): Promise<'done' | 'missing' | 'last'> {
    return this.#keepingAdministrator(name, force, () =>
      this.#run(name, 'DELETE FROM users WHERE name = ?', name),
    );
  }

  #present(name: string): UserRecord | null {
    const row = this.#select.get(name) as Row | undefined;
    return row ? record(row) : null;
  }

  #setAdministrator(name: string, administrator: 0 | 1): boolean {
    return this.#run(name, 'UPDATE users SET administrator = ? WHERE name = ?', administrator, name);
  }

  #keepingAdministrator(name: string, force: boolean, change: () => boolean): 'done' | 'missing' | 'last' {
    return this.#database
      .transaction(() => {
        const all = this.#database.prepare('SELECT name FROM users WHERE administrator = 1 LIMIT 2');
        const names = all.pluck().all() as string[];
        if (!force && names.length === 1 && names[0] === name) return 'last';
        return change() ? 'done' : 'missing';
      })
      .immediate();
  }

  #run(name: string, sql: string, ...values: (string | number | Buffer | null)[]): boolean {
    const { changes } = this.#database.prepare(sql).run(...values);
    if (changes > 0) this.#changed({ kind: 'user', key: name });
    return changes > 0;
  }
}
