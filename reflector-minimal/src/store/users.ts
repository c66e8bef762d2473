import { randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { Role, UserRecord } from '../ports/store.ts';

export type { Role, UserRecord };

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

export class FairShareTable {
  readonly #database: Database.Database;
  readonly #changed: () => void;
  readonly #get: Database.Statement<[string]>;

  constructor(database: Database.Database, changed: () => void) {
    this.#database = database;
    this.#changed = changed;
    this.#get = database.prepare(`SELECT ${columns} FROM users WHERE name = ?`);
  }

  get(name: string): UserRecord | null {
    const row = this.#get.get(name) as Row | undefined;
    return row ? record(row) : null;
  }

  list(): UserRecord[] {
    return (this.#database.prepare(`SELECT ${columns} FROM users ORDER BY name`).all() as Row[]).map(record);
  }

  /** Whether there is none at all. */
  get empty(): boolean {
    return this.#database.prepare('SELECT 1 FROM users LIMIT 1').get() === undefined;
  }

  /** False when the name is taken. */
  add(name: string, password: string, now: number, role: Role): boolean {
    return this.#run(
      'INSERT OR IGNORE INTO users (name, uid, password, created, administrator) VALUES (?, ?, ?, ?, ?)',
      name,
      randomBytes(8).toString('hex'),
      password,
      now,
      role === 'administrator' ? 1 : 0,
    );
  }

  /** Ends all sessions and tokens of the user too. False when there is no such user. */
  setPassword(name: string, password: string): boolean {
    return this.#database.transaction(() => {
      this.#run('DELETE FROM sessions WHERE user = ?', name);
      return this.#run('UPDATE users SET password = ? WHERE name = ?', password, name);
    })();
  }

  /** Whether this is an administrator, and nobody else is. */
  isLastAdministrator(name: string): boolean {
    const all = this.#database.prepare('SELECT name FROM users WHERE administrator = 1 LIMIT 2');
    const names = all.pluck().all() as string[];
    return names.length === 1 && names[0] === name;
  }

  /** False when there is no such user. */
  setRole(name: string, role: Role): boolean {
    return this.#run(
      'UPDATE users SET administrator = ? WHERE name = ?',
      role === 'administrator' ? 1 : 0,
      name,
    );
  }

  /** What `change` gives, unless it would take the last administrator: then nothing is changed, and this gives `null`. */
  keepingAdministrator<T>(name: string, change: () => T): T | null {
    return this.#database.transaction(() => (this.isLastAdministrator(name) ? null : change())).immediate();
  }

  /** Lets a user see the devices of a domain; the user must exist. False when it was granted before. */
  grant(name: string, domain: string): boolean {
    return this.#run('INSERT OR IGNORE INTO grants (user, domain) VALUES (?, ?)', name, domain);
  }

  /** False when it was not granted. */
  revoke(name: string, domain: string): boolean {
    return this.#run('DELETE FROM grants WHERE user = ? AND domain = ?', name, domain);
  }

  /**
   * From now on a log-in takes a one-time password, or one of the recovery codes with these hashes; what was opened
   * without ends. `step`: that of the code which proved the secret, so that it is used up. False when there is no such
   * user.
   */
  setTotp(name: string, secret: Buffer, step: number, recovery: readonly Buffer[]): boolean {
    return this.#database.transaction(() => {
      if (!this.#run('UPDATE users SET totp_secret = ?, totp_step = ? WHERE name = ?', secret, step, name)) {
        return false;
      }
      this.#run('DELETE FROM recovery_codes WHERE user = ?', name);
      for (const hash of recovery) this.#run('INSERT INTO recovery_codes VALUES (?, ?)', name, hash);
      this.#run('DELETE FROM sessions WHERE user = ?', name);
      return true;
    })();
  }

  /** False when there is no such user, or none was asked for. */
  removeTotp(name: string): boolean {
    return this.#database.transaction(() => {
      this.#run('DELETE FROM recovery_codes WHERE user = ?', name);
      return this.#run(
        'UPDATE users SET totp_secret = NULL WHERE name = ? AND totp_secret IS NOT NULL',
        name,
      );
    })();
  }

  /** Uses up the codes of a step and of those before it. False when that had been done: somebody replays one. */
  useTotpStep(name: string, step: number): boolean {
    const update = this.#database.prepare('UPDATE users SET totp_step = ? WHERE name = ? AND totp_step < ?');
    return update.run(step, name, step).changes > 0;
  }

  /** Uses up a recovery code. False when the user has none with this hash. */
  useRecoveryCode(name: string, hash: Buffer): boolean {
    const remove = this.#database.prepare('DELETE FROM recovery_codes WHERE user = ? AND hash = ?');
    return remove.run(name, hash).changes > 0;
  }

  /** With everything that hangs on it: grants, sessions, tokens. False when there is no such user. */
  remove(name: string): boolean {
    return this.#run('DELETE FROM users WHERE name = ?', name);
  }

  #run(sql: string, ...values: (string | number | Buffer)[]): boolean {
    const { changes } = this.#database.prepare(sql).run(...values);
    if (changes > 0) this.#changed();
    return changes > 0;
  }
}
