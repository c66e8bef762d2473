import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Bits of a mode that let others than the owner in. */
const others = 0o077;

/**
 * Makes the file (mode 0600) and its folders (0700) unless they are there. What root makes belongs to the owner of the
 * folder around it, so that a service can open what a command of root has made for it.
 */
export function createPrivately(path: string): void {
  const folder = dirname(path);
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.push(at);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const made of missing.reverse()) giveToOwnerOf(dirname(made), made);
  if (existsSync(path)) return;
  // SQLite gives its -wal and -shm files the mode and owner of the file itself.
  closeSync(openSync(path, 'ax', 0o600));
  giveToOwnerOf(folder, path);
}

/**
 * Takes from others what lets them read or write the file, and says so in one line; `null` when nothing was to be done.
 * Throws when the mode cannot be changed.
 */
export function makePrivate(path: string): string | null {
  const mode = statSync(path).mode & 0o777;
  if ((mode & others) === 0) return null;
  chmodSync(path, mode & ~others);
  const [before, now] = [mode, mode & ~others].map((bits) => `0${bits.toString(8).padStart(3, '0')}`);
  return `${path}: others could read or change it (mode ${before}); its mode is ${now} now`;
}

function giveToOwnerOf(folder: string, made: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = lstatSync(folder);
  if (uid !== 0) chownSync(made, uid, gid);
}
