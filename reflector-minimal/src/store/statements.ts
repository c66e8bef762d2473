import type Database from 'better-sqlite3';

/**
 * Every statement of every store that this process has opened, for good: some fifty of a few hundred bytes each. On Node
 * 24 the process aborts when a statement of better-sqlite3 12.11 is collected as garbage (its destructor calls
 * `RemoveEnvironmentCleanupHook` where no context is entered), so none must become garbage.
 */
const kept: unknown[] = [];

/**
 * Makes `prepare` give the same statement for the same text, so that what is asked often is compiled once. The texts are
 * constants of this folder: their number is bounded.
 */
export function keepStatements(database: Database.Database): void {
  const prepare = database.prepare.bind(database) as (sql: string) => Database.Statement;
  const statements = new Map<string, Database.Statement>();
  kept.push(statements);
  database.prepare = ((sql: string) => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  }) as Database.Database['prepare'];
}

/** The value of a pragma. `Database.pragma` would leave a statement behind each time. */
export function readPragma(database: Database.Database, name: 'data_version' | 'user_version'): number {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[0] ?? 0;
}
