import { utf8Decode, utf8Encode } from 'rm-protocol';
import type { Files } from '../host.ts';

/** What `rm-agent enable --persist` and `disable --persist` leave for the next start: one word in a file. */
export type Persisted = 'enabled' | 'disabled';

/** The word that is kept, `null` when there is none. Throws a `HostFailure` when the file cannot be read. */
export function readState(files: Files, path: string | null): Persisted | null {
  if (path === null || files.stat(path) === null) return null;
  const word = utf8Decode(files.read(path, 64)).trim();
  if (word === 'enabled' || word === 'disabled') return word;
  throw new Error('allowed is "enabled" or "disabled"');
}

/** Throws a `HostFailure` when it cannot be written. */
export function writeState(files: Files, path: string, state: Persisted): void {
  files.writeAtomically(path, utf8Encode(`${state}\n`));
}
