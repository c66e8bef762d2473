import { StoreUnavailable } from '../ports/store.ts';
import { SqliteError } from './lasting-database.ts';

/** Result codes that say something of the file or the disk; all others are faults of ours (sqlite.org/rescode.html). */
const ofTheFile =
  /^SQLITE_(?:BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL|PERM|AUTH|NOLFS)(?:_|$)/;

const explained: ReadonlyMap<string, string> = new Map([
  ['SQLITE_BUSY', 'another process holds it'],
  ['SQLITE_FULL', 'the disk is full'],
]);

/** The same error as {@link StoreUnavailable}, if it says that the file cannot be used; otherwise `error` itself. */
export function asUnavailable(error: unknown): unknown {
  if (!(error instanceof SqliteError) || !ofTheFile.test(error.code)) return error;
  return new StoreUnavailable(error.code, explained.get(error.code) ?? error.message);
}
