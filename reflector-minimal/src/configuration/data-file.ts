import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the data file is unless `--data` or `RM_REFLECTOR_DATA` says otherwise (XDG Base Directory Specification). */
export function defaultDataFile(environment: Readonly<Record<string, string | undefined>>): string {
  const state = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(state, 'rm-reflector', 'reflector.sqlite');
}
