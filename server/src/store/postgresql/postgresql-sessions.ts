import type { Account, Change, SessionRecord, SessionRecords } from 'rm-reflector/ports';
import { bounded, type Database } from './database.ts';
import type { Notes } from './notes.ts';
import type { PostgresqlChanges } from './postgresql-changes.ts';
import { withoutNul } from './text.ts';

const columns = 'hash, kind, "user", fingerprint, device, parent, created, used, expires, address, agent';

export class PostgresqlSessions implements SessionRecords {
  readonly #database: Database;
  readonly #changes: PostgresqlChanges;
  readonly #notes: Notes;

  constructor(database: Database, changes: PostgresqlChanges, notes: Notes) {
    this.#database = database;
    this.#changes = changes;
    this.#notes = notes;
  }

  async get(hash: Buffer): Promise<SessionRecord | null> {
    const select = `SELECT ${columns} FROM rm_reflector.sessions WHERE hash = $1`;
    return (await this.#database.read<SessionRecord>(select, hash))[0] ?? null;
  }

  async list(user: string, limit: number): Promise<SessionRecord[]> {
    return this.#database.read(
      `SELECT ${columns} FROM rm_reflector.sessions WHERE "user" = $1 ORDER BY used DESC, hash LIMIT $2`,
      user,
      bounded(limit),
    );
  }

  async add(
    session: SessionRecord,
    opener: Account,
    bounds: { readonly perUser: number; readonly total: number },
  ): Promise<boolean> {
    const { hash, kind, user } = session;
    return this.#changes.transact(async ({ query, run }, changed) => {
      const surplus = await query<Hashed>(
        `WITH surplus AS
           (SELECT hash FROM rm_reflector.sessions WHERE "user" = $1 AND kind = $2 ORDER BY used DESC OFFSET $3)
         DELETE FROM rm_reflector.sessions
         WHERE hash IN (SELECT hash FROM surplus) OR parent IN (SELECT hash FROM surplus) RETURNING hash`,
        user,
        kind,
        bounds.perUser - 1,
      );
      for (const one of surplus) changed(changeOf(one));
      const beyond = await query<Hashed>(
        `DELETE FROM rm_reflector.sessions WHERE hash IN
           (SELECT hash FROM rm_reflector.sessions ORDER BY used DESC OFFSET $1) RETURNING hash`,
        bounds.total - 1,
      );
      for (const one of beyond) changed(changeOf(one));
      const added = await run(
        `INSERT INTO rm_reflector.sessions (${columns})
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
         WHERE EXISTS (SELECT FROM rm_reflector.users WHERE name = $3 AND uid = $12 AND password = $13
                         AND totp_secret IS NOT DISTINCT FROM $14::bytea)
           AND ($6::bytea IS NULL OR EXISTS (SELECT FROM rm_reflector.sessions WHERE hash = $6))`,
        hash,
        kind,
        user,
        session.fingerprint,
        session.device,
        session.parent,
        session.created,
        session.used,
        session.expires,
        withoutNul(session.address),
        withoutNul(session.agent),
        opener.uid,
        opener.password,
        opener.totpSecret,
      );
      if (added > 0) changed(changeOf(session));
      return added > 0;
    });
  }

  async touch(hash: Buffer, parent: Buffer | null, now: number): Promise<void> {
    await this.#notes.touch(parent ? [hash, parent] : [hash], now);
  }

  async remove(hash: Buffer): Promise<boolean> {
    return this.#changes.transact(async ({ query }, changed) => {
      const remove = 'DELETE FROM rm_reflector.sessions WHERE hash = $1 OR parent = $1 RETURNING hash';
      const removed = await query<Hashed>(remove, hash);
      for (const one of removed) changed(changeOf(one));
      return removed.length > 0;
    });
  }

  async removeAll(user: string): Promise<number> {
    return this.#changes.transact(async ({ query }, changed) => {
      const remove = 'DELETE FROM rm_reflector.sessions WHERE "user" = $1 RETURNING hash';
      const removed = await query<Hashed>(remove, user);
      for (const one of removed) changed(changeOf(one));
      return removed.length;
    });
  }

  async removeExpired(now: number, unusedSince: number): Promise<void> {
    await this.#changes.transact(async ({ query }, changed) => {
      const removed = await query<Hashed>(
        `DELETE FROM rm_reflector.sessions WHERE expires <= $1 OR (used <= $2 AND kind <> 'token') RETURNING hash`,
        now,
        unusedSince,
      );
      for (const one of removed) changed(changeOf(one));
    });
  }
}

export type Hashed = Pick<SessionRecord, 'hash'>;

/**
 * Of the session itself: what is known of it must not count, also while the database is away. A hint that names nothing would end all that
 * counts then.
 */
export function changeOf({ hash }: Hashed): Change {
  return { kind: 'session', key: hash.toString('hex') };
}
