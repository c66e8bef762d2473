import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const onWindows = process.platform === 'win32';

/**
 * The first of these programs that is installed. Names are searched for in `path`, the value of PATH; paths are used
 * unchanged. On Windows, the file name needs the extension of an executable.
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
        // Missing, or not executable for this user.
      }
    }
  }
  return null;
}

/** Quotes a word of the command that OpenSSH runs: for a shell, or on Windows for the C library. */
export function quoted(word: string, windows = onWindows): string {
  return windows ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
