import type Database from 'better-sqlite3';
import type { Change, ChangeFeed, ChangePage } from '../ports/store.ts';
import { bounded } from './statements.ts';

/**
 * The changes that triggers note (`migrations.ts`), so that those of other programs are among them. Only one program
 * writes at a time, so what is read in order was committed in order.
 */
export class SqliteChanges implements ChangeFeed {
  readonly #database: Database.Database;
  readonly #hints = new Set<(change?: Change) => void>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  async position(): Promise<number> {
    return this.#last();
  }

  async after(position: number, limit: number): Promise<ChangePage> {
    const last = this.#last();
    if (last === position) return { changes: [], position, complete: true };
    const select = this.#database.prepare(
      'SELECT sequence, kind, key FROM changes WHERE sequence > ? ORDER BY sequence LIMIT ?',
    );
    const rows = select.all(position, bounded(limit)) as (Change & { readonly sequence: number })[];
    // Older ones are deleted. A reader of a newer copy of the file is beyond the last one.
    if (rows[0]?.sequence !== position + 1) return { changes: [], position: last, complete: false };
    const changes = rows.map(({ kind, key }) => ({ kind, key }));
    return { changes, position: rows.at(-1)?.sequence ?? last, complete: true };
  }

  onHint(hint: (change?: Change) => void): () => void {
    this.#hints.add(hint);
    return () => this.#hints.delete(hint);
  }

  /** Something was changed, or will be once the present transaction is over. */
  changed(change?: Change): void {
    for (const hint of this.#hints) hint(change);
  }

  /** Counted on also by what was deleted. */
  #last(): number {
    const select = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'changes'");
    return (select.pluck().get() as number | undefined) ?? 0;
  }
}
