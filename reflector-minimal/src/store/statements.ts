import type Database from 'better-sqlite3';
import { pageLimit } from '../ports/store.ts';
import type { Breaker } from './breaker.ts';

/**
 * Makes `prepare` give the same statement for the same text, so that what is asked often is compiled once, and runs each
 * call under the breaker of its kind. The texts are constants of this folder: their number is bounded.
 */
export function keepStatements(
  database: Database.Database,
  { reads, writes }: { readonly reads: Breaker; readonly writes: Breaker },
): void {
  const prepare = database.prepare.bind(database) as (sql: string) => Database.Statement;
  const statements = new Map<string, Database.Statement>();
  database.prepare = ((sql: string) => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = reads.run(() => prepare(sql));
      const { run, get, all } = statement;
      const own = statement;
      own.run = (...values: unknown[]) => writes.run(() => run.apply(own, values));
      own.get = (...values: unknown[]) => reads.run(() => get.apply(own, values));
      own.all = (...values: unknown[]) => reads.run(() => all.apply(own, values));
      statements.set(sql, statement);
    }
    return statement;
  }) as Database.Database['prepare'];
  const transaction = database.transaction.bind(database);
  database.transaction = ((run: () => unknown) => {
    const transact = transaction(run);
    const { immediate } = transact;
    return Object.assign(() => writes.run(transact), { immediate: () => writes.run(immediate) });
  }) as unknown as Database.Database['transaction'];
}

/** The value of a pragma. `Database.pragma` would leave a statement behind each time. */
export function readPragma(database: Database.Database, name: 'user_version'): number {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[0] ?? 0;
}

/** A number of records that a query may return. */
export function bounded(limit: number): number {
  return Math.max(0, Math.min(limit, pageLimit));
}
