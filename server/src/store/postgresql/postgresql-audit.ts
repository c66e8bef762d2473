import type { AuditEntries, AuditEntry, AuditFilter, StoredAuditEntry } from 'rm-reflector/ports';
import { bounded, type Database } from './database.ts';
import { withoutNul } from './text.ts';

export class PostgresqlAudit implements AuditEntries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async append(entries: readonly AuditEntry[]): Promise<void> {
    await this.#database.run(
      'audit',
      `INSERT INTO rm_reflector.audit (time, event, "user", device, record)
       SELECT time, event, "user", device, record
       FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
         WITH ORDINALITY AS e (time, event, "user", device, record, n) ORDER BY n`,
      entries.map(({ time }) => time),
      // The names are of anybody who tries; the record, which is JSON, has them as they were.
      entries.map(({ event }) => withoutNul(event)),
      entries.map(({ user }) => withoutNul(user)),
      entries.map(({ device }) => withoutNul(device)),
      entries.map(({ record }) => withoutNul(record)),
    );
  }

  async page(filter: AuditFilter, after: number, limit: number): Promise<StoredAuditEntry[]> {
    const { user = null, device = null, event = null, since = null, until = null } = filter;
    return this.#database.read(
      `SELECT sequence, time, event, "user", device, record FROM rm_reflector.audit
       WHERE sequence > $1 AND ($2::text IS NULL OR "user" = $2) AND ($3::text IS NULL OR device = $3)
         AND ($4::text IS NULL OR event = $4) AND ($5::bigint IS NULL OR time >= $5)
         AND ($6::bigint IS NULL OR time < $6)
       ORDER BY sequence LIMIT $7`,
      after,
      withoutNul(user),
      withoutNul(device),
      event,
      since,
      until,
      bounded(limit),
    );
  }

  async removeBefore(time: number): Promise<void> {
    await this.#database.run(null, 'DELETE FROM rm_reflector.audit WHERE time < $1', time);
  }
}
