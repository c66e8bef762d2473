import { type Change, type ChangeFeed, type ChangePage, StoreUnavailable } from 'rm-reflector/ports';
import { bounded, type Database, type Transaction } from './database.ts';

/** The changes that triggers note (`migrations.ts`). Their numbers have no gaps, and are in the order of the commits. */
export class PostgresqlChanges implements ChangeFeed {
  readonly #database: Database;
  readonly #hints = new Set<(change?: Change) => void>();

  constructor(database: Database) {
    this.#database = database;
  }

  async position(): Promise<number> {
    const [row] = await this.#database.read<{ sequence: number }>(
      'SELECT sequence FROM rm_reflector.last_change',
    );
    return row?.sequence ?? 0;
  }

  async after(position: number, limit: number): Promise<ChangePage> {
    // One statement sees one state of the database.
    const rows = await this.#database.read<{ last: number; sequence: number | null } & Change>(
      `SELECT l.sequence AS last, c.sequence, c.kind, c.key FROM rm_reflector.last_change AS l
       LEFT JOIN (SELECT * FROM rm_reflector.changes WHERE sequence > $1 ORDER BY sequence LIMIT $2) AS c ON true
       ORDER BY c.sequence`,
      position,
      bounded(limit),
    );
    const last = rows[0]?.last ?? 0;
    if (last === position) return { changes: [], position, complete: true };
    // Older ones are deleted. A reader of a newer copy of the database is beyond the last one.
    if (rows[0]?.sequence !== position + 1) return { changes: [], position: last, complete: false };
    const changes = rows.map(({ kind, key }) => ({ kind, key }));
    return { changes, position: rows.at(-1)?.sequence ?? last, complete: true };
  }

  onHint(hint: (change?: Change) => void): () => void {
    this.#hints.add(hint);
    return () => this.#hints.delete(hint);
  }

  /**
   * Runs what decides who may do what as one transaction, one at a time. `changed` is called with what has been changed, each of it:
   * after a hint that names nothing, nothing counts while the database is away. Hints are given once it is there.
   */
  async transact<Result>(
    work: (transaction: Transaction, changed: (change: Change) => void) => Promise<Result>,
  ): Promise<Result> {
    const changes: Change[] = [];
    try {
      const result = await this.#database.transact('changes', (transaction) =>
        work(transaction, (change) => changes.push(change)),
      );
      this.#hint(changes);
      return result;
    } catch (error) {
      // They may be there all the same.
      if (error instanceof StoreUnavailable && error.code === 'UNKNOWN') this.#hint(changes);
      throw error;
    }
  }

  #hint(changes: readonly Change[]): void {
    for (const change of changes) for (const hint of this.#hints) hint(change);
  }
}
