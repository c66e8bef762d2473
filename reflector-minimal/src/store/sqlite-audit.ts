import type Database from 'better-sqlite3';
import type { AuditEntries, AuditEntry, AuditFilter, StoredAuditEntry } from '../ports/store.ts';
import { bounded } from './statements.ts';

/** A filter that is left out is `NULL`, and matches everything. */
const matching = `sequence > @after AND (@user IS NULL OR user = @user) AND (@device IS NULL OR device = @device)
  AND (@event IS NULL OR event = @event) AND (@since IS NULL OR time >= @since) AND (@until IS NULL OR time < @until)`;

export class SqliteAudit implements AuditEntries {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  async append(entries: readonly AuditEntry[]): Promise<void> {
    const insert = this.#database.prepare(
      'INSERT INTO audit (time, event, user, device, record) VALUES (@time, @event, @user, @device, @record)',
    );
    this.#database
      .transaction(() => {
        for (const entry of entries) insert.run(entry);
      })
      .immediate();
  }

  async page(filter: AuditFilter, after: number, limit: number): Promise<StoredAuditEntry[]> {
    const { user = null, device = null, event = null, since = null, until = null } = filter;
    return this.#database
      .prepare(`SELECT * FROM audit WHERE ${matching} ORDER BY sequence LIMIT @limit`)
      .all({ user, device, event, since, until, after, limit: bounded(limit) }) as StoredAuditEntry[];
  }

  async removeBefore(time: number): Promise<void> {
    this.#database.prepare('DELETE FROM audit WHERE time < ?').run(time);
  }
}
