import { randomBytes } from 'node:crypto';
import type { Account, Role, UserRecord, Users } from 'rm-reflector/ports';
import { bounded, type Database, type Transaction, type Value } from './database.ts';
import type { PostgresqlChanges } from './postgresql-changes.ts';
import { beforeNul } from './text.ts';

interface Row {
  readonly name: string;
  readonly uid: string;
  readonly password: string;
  readonly created: number;
  readonly administrator: boolean;
  readonly totp_secret: Buffer | null;
  readonly domains: string[];
}

function record(row: Row): UserRecord {
  return {
    name: row.name,
    uid: row.uid,
    password: row.password,
    created: row.created,
    role: row.administrator ? 'administrator' : 'user',
    domains: row.domains.sort(),
    totpSecret: row.totp_secret,
  };
}

const columns = `name, uid, password, created, administrator, totp_secret,
  ARRAY(SELECT domain FROM rm_reflector.grants WHERE grants."user" = users.name) AS domains`;
const select = `SELECT ${columns} FROM rm_reflector.users WHERE name = $1`;

async function present({ query }: Transaction, name: string): Promise<UserRecord | null> {
  const [row] = await query<Row>(select, name);
  return row ? record(row) : null;
}

/** An account, $1 to $4, is still the one that something was decided about. */
const unchanged = 'name = $1 AND uid = $2 AND password = $3 AND totp_secret IS NOT DISTINCT FROM $4::bytea';
const accountOf = ({ name, uid, password, totpSecret }: Account): [string, string, string, Buffer | null] => [
  name,
  uid,
  password,
  totpSecret,
];

export class PostgresqlUsers implements Users {
  readonly #database: Database;
  readonly #changes: PostgresqlChanges;

  constructor(database: Database, changes: PostgresqlChanges) {
    this.#database = database;
    this.#changes = changes;
  }

  async get(name: string): Promise<UserRecord | null> {
    const [row] = await this.#database.read<Row>(select, name);
    return row ? record(row) : null;
  }

  async page(after: string, limit: number): Promise<UserRecord[]> {
    const rows = await this.#database.read<Row>(
      `SELECT ${columns} FROM rm_reflector.users WHERE name > $1 ORDER BY name LIMIT $2`,
      beforeNul(after),
      bounded(limit),
    );
    return rows.map(record);
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#database.read('SELECT FROM rm_reflector.users LIMIT 1')).length === 0;
  }

  async add(name: string, password: string, now: number, role: Role): Promise<boolean> {
    return this.#run(
      name,
      `INSERT INTO rm_reflector.users (name, uid, password, created, administrator)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      randomBytes(8).toString('hex'),
      password,
      now,
      role === 'administrator',
    );
  }

  async setPassword(name: string, password: string, former?: Account): Promise<UserRecord | null> {
    return this.#changes.transact(async (transaction, changed) => {
      const { query, run } = transaction;
      const found = former
        ? await query(
            `SELECT FROM rm_reflector.users WHERE ${unchanged} AND name = $5`,
            ...accountOf(former),
            name,
          )
        : await query('SELECT FROM rm_reflector.users WHERE name = $1', name);
      if (found.length === 0) return null;
      await run('DELETE FROM rm_reflector.sessions WHERE "user" = $1', name);
      await run('UPDATE rm_reflector.users SET password = $2 WHERE name = $1', name, password);
      changed({ kind: 'user', key: name });
      return present(transaction, name);
    });
  }

  async promote(name: string): Promise<boolean> {
    return this.#run(name, 'UPDATE rm_reflector.users SET administrator = true WHERE name = $1');
  }

  async demote(name: string, force: boolean): Promise<'done' | 'missing' | 'last'> {
    return this.#keepingAdministrator(
      name,
      force,
      'UPDATE rm_reflector.users SET administrator = false WHERE name = $1',
    );
  }

  async grant(name: string, domain: string): Promise<boolean> {
    return this.#run(
      name,
      `INSERT INTO rm_reflector.grants ("user", domain) SELECT name, $2 FROM rm_reflector.users WHERE name = $1
       ON CONFLICT DO NOTHING`,
      domain,
    );
  }

  async revoke(name: string, domain: string): Promise<boolean> {
    return this.#run(name, 'DELETE FROM rm_reflector.grants WHERE "user" = $1 AND domain = $2', domain);
  }

  async setTotp(
    account: Account,
    {
      secret,
      step,
      recovery,
    }: { readonly secret: Buffer; readonly step: number; readonly recovery: readonly Buffer[] },
  ): Promise<UserRecord | null> {
    const { name } = account;
    return this.#changes.transact(async (transaction, changed) => {
      const { run } = transaction;
      const update = `UPDATE rm_reflector.users SET totp_secret = $5, totp_step = $6 WHERE ${unchanged}`;
      if ((await run(update, ...accountOf(account), secret, step)) === 0) return null;
      await run('DELETE FROM rm_reflector.recovery_codes WHERE "user" = $1', name);
      await run('INSERT INTO rm_reflector.recovery_codes SELECT $1, unnest($2::bytea[])', name, recovery);
      await run('DELETE FROM rm_reflector.sessions WHERE "user" = $1', name);
      changed({ kind: 'user', key: name });
      return present(transaction, name);
    });
  }

  async removeTotp(name: string): Promise<boolean> {
    return this.#changes.transact(async ({ run }, changed) => {
      await run('DELETE FROM rm_reflector.recovery_codes WHERE "user" = $1', name);
      const update = `UPDATE rm_reflector.users SET totp_secret = NULL WHERE name = $1 AND totp_secret IS NOT NULL`;
      const done = (await run(update, name)) > 0;
      if (done) changed({ kind: 'user', key: name });
      return done;
    });
  }

  async useTotpStep(account: Account, step: number): Promise<boolean> {
    const update = `UPDATE rm_reflector.users SET totp_step = $5
      WHERE ${unchanged} AND totp_secret IS NOT NULL AND totp_step < $5`;
    return (await this.#database.run('changes', update, ...accountOf(account), step)) > 0;
  }

  async useRecoveryCode(account: Account, hash: Buffer): Promise<boolean> {
    const remove = `DELETE FROM rm_reflector.recovery_codes WHERE "user" = $1 AND hash = $5
      AND EXISTS (SELECT FROM rm_reflector.users WHERE ${unchanged} AND totp_secret IS NOT NULL)`;
    return (await this.#database.run('changes', remove, ...accountOf(account), hash)) > 0;
  }

  async remove(name: string, force: boolean): Promise<'done' | 'missing' | 'last'> {
    return this.#keepingAdministrator(name, force, 'DELETE FROM rm_reflector.users WHERE name = $1');
  }

  async #keepingAdministrator(
    name: string,
    force: boolean,
    sql: string,
  ): Promise<'done' | 'missing' | 'last'> {
    return this.#changes.transact(async ({ query, run }, changed) => {
      const administrators = await query<{ name: string }>(
        'SELECT name FROM rm_reflector.users WHERE administrator LIMIT 2',
      );
      if (!force && administrators.length === 1 && administrators[0]?.name === name) return 'last';
      if ((await run(sql, name)) === 0) return 'missing';
      changed({ kind: 'user', key: name });
      return 'done';
    });
  }

  async #run(name: string, sql: string, ...values: Value[]): Promise<boolean> {
    return this.#changes.transact(async ({ run }, changed) => {
      const done = (await run(sql, name, ...values)) > 0;
      if (done) changed({ kind: 'user', key: name });
      return done;
    });
  }
}
