import Database from 'better-sqlite3';

/** What SQLite reports: `code` is a name of its result codes (sqlite.org/rescode.html). */
export const { SqliteError } = Database;

const kept: unknown[] = [];

/**
 * A database that is never collected as garbage, nor are its statements. On Node 24.19 and later, the process aborts when
 * V8 collects an object of better-sqlite3 12: its destructor calls `RemoveEnvironmentCleanupHook` where no context may be
 * entered. Version 13 does not do that, but does not run on Node 20. A process opens a few databases, with some fifty
 * statements of a few hundred bytes. Do not call `pragma`, `iterate` or `backup`, which make such objects of their own:
 * `exec` sets a pragma. A lint rule (`toolchain/lint/lasting-database.grit`) forbids them, and any other database.
 */
export class LastingDatabase extends Database {
  constructor(path: string, options?: Database.Options) {
    super(path, options);
    kept.push(this);
    const prepare = this.prepare.bind(this) as (sql: string) => Database.Statement;
    this.prepare = ((sql: string) => {
      const statement = prepare(sql);
      kept.push(statement);
      return statement;
    }) as Database.Database['prepare'];
  }
}
