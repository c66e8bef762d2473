import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const onWindows = process.platform === 'win32';

/**
 * The first of these programs that is installed: a name is looked for in `path`, the value of PATH; a path is taken as it
 * is. Windows needs the ending of an executable.
 */
export function findProgram(names: readonly string[], path: string, windows = onWindows): string | null {
  for (const name of names) {
    const isPath = name.includes('/') || (windows && name.includes('\\'));
    const file = windows && !/\.exe$/i.test(name) ? `${name}.exe` : name;
    for (const place of isPath ? [''] : path.split(delimiter).filter(Boolean)) {
      const found = join(place, file);
      try {
        accessSync(found, constants.X_OK);
        if (statSync(found).isFile()) return found;
      } catch {
        // Not there, or not ours to run.
      }
    }
  }
  return null;
}

/** A word of the command that OpenSSH runs: through a shell, or on Windows by the rules of its C library. */
export function quoted(word: string, windows = onWindows): string {
  return windows ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
