import Database from 'better-sqlite3';

/** The data file cannot be used; the message is one line for a person. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** It cannot be used just now: the disk is full, another process holds it, or it is damaged. It may work later. */
export class StoreUnavailable extends StoreError {
  override readonly name = 'StoreUnavailable';
  /** Of SQLite, such as `SQLITE_FULL`. */
  readonly code: string;
  readonly reason: string;

  constructor(code: string, reason: string) {
    super(`the data file cannot be used: ${reason}`);
    this.code = code;
    this.reason = reason;
  }
}

/** Result codes that say something of the file or the disk; all others are faults of ours (sqlite.org/rescode.html). */
const ofTheFile =
  /^SQLITE_(?:BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL|PERM|AUTH|NOLFS)(?:_|$)/;

const explained: ReadonlyMap<string, string> = new Map([
  ['SQLITE_BUSY', 'another process holds it'],
  ['SQLITE_FULL', 'the disk is full'],
]);

/** The same error as {@link StoreUnavailable}, if it says that the file cannot be used; otherwise `error` itself. */
export function asUnavailable(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError) || !ofTheFile.test(error.code)) return error;
  return new StoreUnavailable(error.code, explained.get(error.code) ?? error.message);
}
