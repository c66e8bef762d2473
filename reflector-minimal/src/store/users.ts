import type Database from 'better-sqlite3';

export interface UserRecord {
  readonly name: string;
  /** Made by `hashPassword`. */
  readonly password: string;
  /** Wall-clock milliseconds. */
  readonly created: number;
}

export class UserTable {
  readonly #changed: () => void;
  readonly #get: Database.Statement<[string]>;
  readonly #list: Database.Statement<[]>;
  readonly #add: Database.Statement<[string, string, number]>;
  readonly #setPassword: Database.Statement<[string, string]>;
  readonly #remove: Database.Statement<[string]>;

  constructor(database: Database.Database, changed: () => void) {
    this.#changed = changed;
    this.#get = database.prepare('SELECT * FROM users WHERE name = ?');
    this.#list = database.prepare('SELECT * FROM users ORDER BY name');
    this.#add = database.prepare('INSERT OR IGNORE INTO users (name, password, created) VALUES (?, ?, ?)');
    this.#setPassword = database.prepare('UPDATE users SET password = ? WHERE name = ?');
    this.#remove = database.prepare('DELETE FROM users WHERE name = ?');
  }

  get(name: string): UserRecord | null {
    return (this.#get.get(name) as UserRecord | undefined) ?? null;
  }

  list(): UserRecord[] {
    return this.#list.all() as UserRecord[];
  }

  /** False when the name is taken. */
  add(name: string, password: string, now: number): boolean {
    return this.#done(this.#add.run(name, password, now));
  }

  /** False when there is no such user. */
  setPassword(name: string, password: string): boolean {
    return this.#done(this.#setPassword.run(password, name));
  }

  /** False when there is no such user. */
  remove(name: string): boolean {
    return this.#done(this.#remove.run(name));
  }

  #done(result: Database.RunResult): boolean {
    if (result.changes > 0) this.#changed();
    return result.changes > 0;
  }
}
