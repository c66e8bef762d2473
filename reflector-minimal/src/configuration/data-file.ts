import { homedir } from 'node:os';
import { join } from 'node:path';

/** Path of the data file of `rm-reflector` where none is given (XDG Base Directory Specification). */
export function defaultDataFile(environment: Readonly<Record<string, string | undefined>>): string {
  const state = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(state, 'rm-reflector', 'reflector.sqlite');
}
