import { parentPort, workerData } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { LastingDatabase } from 'rm-reflector/store';

/** Runs in a thread of its own: answers queries one after the other, by a connection that cannot change anything. */
export interface Query {
  readonly id: number;
  readonly sql: string;
  readonly values: readonly unknown[];
}

export type QueryResult = { readonly id: number } & (
  | { readonly rows: readonly unknown[] }
  | { readonly error: string; readonly code: string }
);

/** `started`: it has opened the file, and answers from now on. */
export type Message = 'started' | QueryResult;

const port = parentPort;
if (port) {
  const database = new LastingDatabase((workerData as { readonly path: string }).path, {
    readonly: true,
    timeout: 5_000,
  });
  // In KiB: the indexes of 100,000 devices, which most queries read.
  database.exec('PRAGMA cache_size = -32768');
  const statements = new Map<string, Database.Statement<unknown[]>>();
  port.on('message', ({ id, sql, values }: Query) => {
    let result: QueryResult;
    try {
      let statement = statements.get(sql);
      if (!statement) {
        statement = database.prepare<unknown[]>(sql);
        statements.set(sql, statement);
      }
      result = { id, rows: statement.all(...values) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      result = { id, error: error instanceof Error ? error.message : String(error), code };
    }
    port.postMessage(result satisfies Message);
  });
  port.postMessage('started' satisfies Message);
}
