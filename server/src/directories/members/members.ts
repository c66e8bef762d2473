import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import { generatePassword, hashPassword } from 'rm-reflector';
import type { Store, UserRecord } from 'rm-reflector/ports';
import type { DirectoryGrants, DirectoryRights } from '../../rights/directory-rights.ts';
import type { Tables } from '../../store/tables.ts';
import { noGrants } from './grant-rules.ts';
import { InTurn } from './in-turn.ts';

/** Somebody whom a directory has just vouched for. */
export interface NewsOfMember {
  /** Of the directory: `ldap`, or that of a provider. */
  readonly source: string;
  /** Of the person there: never changes, and is never given to another one. */
  readonly id: string;
  /** The name that the store is to know them by. */
  readonly name: string;
  /** What was typed, or what to look them up by. */
  readonly login: string;
  readonly grants: DirectoryGrants;
  /** Wall-clock ms: without news, they are out then. */
  readonly until: number;
}

export interface Member {
  readonly user: string;
  readonly uid: string;
  readonly source: string;
  readonly id: string;
  readonly login: string;
  readonly until: number;
  /** Hash of the password that the directory took last, and until when it may stand in for the directory. */
  readonly offline: string | null;
  readonly offlineUntil: number;
}

export interface Refused {
  /** For the operator's log. */
  readonly refused: string;
}

interface Row {
  readonly user: string;
  readonly uid: string | null;
  readonly claim: string | null;
  readonly source: string;
  readonly id: string;
  readonly login: string;
  readonly until: number;
  readonly ended: number;
  readonly offline: string | null;
  readonly offline_until: number;
}

export interface MembersContext {
  readonly database: Tables;
  readonly store: {
    readonly users: Pick<Store['users'], 'get' | 'add' | 'remove'>;
    readonly sessions: Pick<Store['sessions'], 'removeAll'>;
  };
  readonly rights: Pick<DirectoryRights, 'set'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const table = 'fleet_directory_members';

/**
 * The users of the store that belong to directories. Such a user is made at the first log-in, has a local password that
 * nobody knows, and keeps what the directory gives for as long as it says so. It never takes the place of a local
 * user, of one of another directory, or of another person.
 */
export class Members {
  readonly #context: MembersContext;
  readonly #inTurn = new InTurn();

  constructor(context: MembersContext) {
    this.#context = context;
  }

  /** Brings the user up to date, and makes it if need be. */
  admit(news: NewsOfMember): Promise<UserRecord | Refused> {
    return this.#inTurn.run(() => this.#admit(news));
  }

  /** The directory that this user belongs to; `null`: a local one. */
  async sourceOf({ name, uid }: Pick<UserRecord, 'name' | 'uid'>): Promise<string | null> {
    const row = await this.#row(name);
    return row && row.uid === uid ? row.source : null;
  }

  /** Whether what this directory has said of the user still counts. */
  async counts({ name, uid }: Pick<UserRecord, 'name' | 'uid'>, source: string): Promise<boolean> {
    const row = await this.#row(name);
    if (row?.uid !== uid || row.source !== source) return false;
    return row.ended === 0 && row.until > this.#context.clock.date();
  }

  /** Whom a directory knows by what was typed, if its time is not over. */
  async byLogin(source: string, login: string): Promise<Member | null> {
    const row = await this.#context.database.get<Row>(
      `SELECT * FROM ${table} WHERE source = ? AND login = ? AND ended = 0 ORDER BY until DESC LIMIT 1`,
      source,
      login,
    );
    return row ? memberOf(row) : null;
  }

  /** Members whose time is not over, by name, those after `after`. */
  async page(source: string, after: string, limit: number): Promise<readonly Member[]> {
    const rows = await this.#context.database.all<Row>(
      `SELECT * FROM ${table} WHERE source = ? AND "user" > ? AND ended = 0 AND uid IS NOT NULL
       ORDER BY "user" LIMIT ?`,
      source,
      after,
      limit,
    );
    return rows.map(memberOf).filter((member) => member !== null);
  }

  /** `hash`: of the password that the directory has just taken. */
  async keepPassword(
    { name, uid }: Pick<UserRecord, 'name' | 'uid'>,
    hash: string,
    until: number,
  ): Promise<void> {
    await this.#context.database.run(
      `UPDATE ${table} SET offline = ?, offline_until = ? WHERE "user" = ? AND uid = ?`,
      hash,
      until,
      name,
      uid,
    );
  }

  /** The directory does not know this member any more: everything that it gave ends, and all sessions. */
  end(member: Pick<Member, 'user' | 'uid' | 'source'>, reason: string): Promise<void> {
    return this.#inTurn.run(() => this.#end(member, reason));
  }

  /** Ends the members whose time is over. */
  async sweep(): Promise<void> {
    const { database, clock } = this.#context;
    const now = clock.date();
    const over = await database.all<Row>(
      `SELECT * FROM ${table} WHERE until <= ? AND ended = 0 ORDER BY until LIMIT 1000`,
      now,
    );
    for (const { user } of over) {
      await this.#inTurn.run(async () => {
        const row = await this.#row(user);
        if (!row || row.until > now || row.ended === 1) return;
        const settled = await this.#settled(row);
        if (settled)
          await this.#end({ ...row, uid: settled.uid }, 'the directory has not confirmed them in time');
      });
    }
  }

  async #admit(news: NewsOfMember): Promise<UserRecord | Refused> {
    const { database, store, rights } = this.#context;
    const { source, id, login, until } = news;
    const user = await this.#userOf(news);
    if ('refused' in user) return user;
    // While rights change, the former time counts: they end in time if the process does not come to the end.
    await database.run(`UPDATE ${table} SET ended = 0 WHERE source = ? AND id = ?`, source, id);
    await rights.set(user, source, news.grants);
    await database.run(
      `UPDATE ${table} SET login = ?, until = ? WHERE source = ? AND id = ?`,
      login,
      until,
      source,
      id,
    );
    return (await store.users.get(user.name)) ?? { refused: 'was removed during the log-in' };
  }

  async #userOf(news: NewsOfMember): Promise<UserRecord | Refused> {
    const { database, store } = this.#context;
    const { source, id, name } = news;
    const own = await database.get<Row>(`SELECT * FROM ${table} WHERE source = ? AND id = ?`, source, id);
    if (own) {
      // Whatever the directory calls them now: names here are kept.
      const user = await this.#settled(own);
      if (user) return user;
    }
    const holder = await this.#row(name);
    const held = holder && (await this.#settled(holder));
    if (holder && held) {
      if (holder.ended === 0) {
        return { refused: `the name ${name} belongs to another person of ${holder.source}` };
      }
      // The former owner has nothing left here; what else hangs on the account must not go to a new one.
      const removed = await store.users.remove(name, false);
      if (removed === 'last') return { refused: `the name ${name} is that of the last administrator` };
      await this.#forget(name);
    }
    if (await store.users.get(name)) return { refused: `the name ${name} belongs to a local user` };
    return this.#add(news);
  }

  /** The user of a row, whose addition is brought to its end; `null`, and no row any more, if there is none. */
  async #settled(row: Row): Promise<UserRecord | null> {
    const { store } = this.#context;
    const user = await store.users.get(row.user);
    if (user && row.uid === null && user.password === row.claim) {
      await this.#settle(user);
      return user;
    }
    if (user && user.uid === row.uid) return user;
    await this.#forget(row.user);
    return null;
  }

  /**
   * The row is written first, with the hash by which the new user is recognized: should the process end in between, the user
   * is not taken for a local one.
   */
  async #add({ source, id, name, login, until }: NewsOfMember): Promise<UserRecord | Refused> {
    const { database, store, clock, log } = this.#context;
    // A hash as costly as any: nobody is to see by the time that there is no password.
    const claim = await hashPassword(generatePassword());
    await database.run(
      `INSERT INTO ${table} ("user", claim, source, id, login, until) VALUES (?, ?, ?, ?, ?, ?)`,
      name,
      claim,
      source,
      id,
      login,
      until,
    );
    const added = await store.users.add(name, claim, clock.date(), 'user');
    const user = await store.users.get(name);
    if (!added || user?.password !== claim) {
      await this.#forget(name);
      return { refused: `the name ${name} was taken meanwhile` };
    }
    await this.#settle(user);
    log.info({ user: name, directory: source }, 'user added from a directory');
    return user;
  }

  async #end(
    { user: name, uid, source }: Pick<Member, 'user' | 'uid' | 'source'>,
    reason: string,
  ): Promise<void> {
    const { database, store, rights, log } = this.#context;
    const user = await store.users.get(name);
    if (user?.uid === uid) {
      await rights.set(user, source, noGrants);
      await store.sessions.removeAll(name);
    }
    // Last: what was cut in between is done again.
    const ended = await database.run(
      `UPDATE ${table} SET ended = 1, offline = NULL WHERE "user" = ? AND uid = ?`,
      name,
      uid,
    );
    if (ended > 0) log.info({ user: name, directory: source, reason }, 'user of a directory is out');
  }

  async #settle({ name, uid }: UserRecord): Promise<void> {
    const update = `UPDATE ${table} SET uid = ?, claim = NULL WHERE "user" = ?`;
    await this.#context.database.run(update, uid, name);
  }

  async #forget(name: string): Promise<void> {
    await this.#context.database.run(`DELETE FROM ${table} WHERE "user" = ?`, name);
  }

  #row(name: string): Promise<Row | undefined> {
    return this.#context.database.get<Row>(`SELECT * FROM ${table} WHERE "user" = ?`, name);
  }
}

function memberOf({ uid, offline_until: offlineUntil, ...row }: Row): Member | null {
  const { user, source, id, login, until, offline } = row;
  return uid === null ? null : { user, uid, source, id, login, until, offline, offlineUntil };
}
