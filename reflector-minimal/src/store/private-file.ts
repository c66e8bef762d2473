import { chmodSync, closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Bits of a mode that let others than the owner in. */
const others = 0o077;

/** Makes the file (mode 0600) and its folders (0700) unless they are there. */
export function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite gives its -wal and -shm files the mode of the file itself.
  closeSync(openSync(path, 'a', 0o600));
}

/** How each data file of SQLite begins (sqlite.org/fileformat.html). */
const sqliteHeader = 'SQLite format 3\0';

/**
 * Takes from others what lets them read or write a data file, and says so in one line; `null` when nothing was to be done.
 * A path that leads to something else was a mistake, and changes nothing there. Throws when the mode cannot be changed.
 */
export function makePrivate(path: string): string | null {
  const status = statSync(path);
  const mode = status.mode & 0o777;
  if ((mode & others) === 0 || !status.isFile() || !mayBeData(path, status.size)) return null;
  chmodSync(path, mode & ~others);
  const [before, now] = [mode, mode & ~others].map((bits) => `0${bits.toString(8).padStart(3, '0')}`);
  return `${path}: others could read or change it (mode ${before}); its mode is ${now} now`;
}

function mayBeData(path: string, size: number): boolean {
  if (size === 0) return true;
  const start = Buffer.alloc(sqliteHeader.length);
  const file = openSync(path, 'r');
  try {
    return (
      readSync(file, start, 0, start.length, 0) === start.length && start.toString('latin1') === sqliteHeader
    );
  } finally {
    closeSync(file);
  }
}
