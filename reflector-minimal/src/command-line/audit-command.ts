import { userInfo } from 'node:os';
import type { Clock } from 'rm-protocol';
import { AuditFile, AuditFileError } from '../audit/file.ts';
import { auditLine } from '../audit/record.ts';
import { fileFault } from '../file-fault.ts';
import { Installation } from '../installation.ts';
import type { Store } from '../ports/store.ts';
import { asOwnerOf } from '../store/as-owner.ts';

/** A command that changed something. */
export interface Command {
  readonly command: 'device' | 'user';
  readonly action: string;
  /** Of the device or user; `undefined`: several. */
  readonly name: string | undefined;
  /** Its other arguments. */
  readonly detail: string | undefined;
}

/** Only the reflector itself renames its file. */
const never = { auditFileBytes: Number.MAX_SAFE_INTEGER, auditFiles: 1 };

/**
 * The data file of the command; or, with another store, the audit file that the configuration of this machine names: whoever can
 * write the store can name any file there, and it may be one of another machine.
 */
export type AuditPlace =
  | { readonly path: string; readonly realPath: string | null }
  | { readonly path: null; readonly audit: string | null };

/**
 * Records a command in the audit file of the last reflector that used this data file, if it had one. A failure does not
 * undo the command. Returns a warning in that case.
 */
export async function auditCommand(
  store: Store,
  place: AuditPlace,
  { command, action, name, detail }: Command,
  clock: Clock,
): Promise<string | null> {
  const audit = await new Installation(store).auditFile(place.path === null ? null : place.realPath);
  if (audit === null) return null;
  const { path } = audit;
  if (place.path === null && path !== place.audit) {
    return `done, but not recorded: ${path} is the audit file of the server, and not of the configuration here`;
  }
  if (audit.of !== null) {
    return `done, but not recorded: ${path} is the audit file of ${audit.of}, which this data file is a copy of`;
  }
  const record = {
    event: `${command}-${action}`,
    allowed: true,
    [command]: name,
    operator: operator(),
    detail,
  };
  try {
    // Anyone who can write the data file can name this file, so root opens it with the rights of the data file's owner.
    asOwnerOf(place.path ?? path, () => {
      const file = new AuditFile(path, never, clock);
      try {
        file.write(auditLine(record, clock.date()));
      } finally {
        file.close();
      }
    });
    return null;
  } catch (error) {
    if (error instanceof AuditFileError) return `done, but not recorded: ${error.message}`;
    return `done, but not recorded: ${path}: ${fileFault(error)}`;
  }
}

/** The system's name for the user of this process. */
function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
