import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from 'rm-protocol';
import { generatePassword, hashPassword } from '../passwords/scrypt.ts';
import type { Store } from '../ports/store.ts';
import { asOwnerOf } from '../store/as-owner.ts';

const name = 'admin';

/**
 * Where the password of the first administrator is: in `text`, to be shown once; in a new `file`; or in a file that an
 * earlier start left and nobody has removed.
 */
export type FirstAdministrator =
  | { readonly kind: 'shown'; readonly text: string }
  | { readonly kind: 'filed' | 'left'; readonly file: string };

/**
 * Adds the user `admin` with a generated password if there is no user; otherwise returns `null`. Without a terminal, the
 * output may be stored in a journal or a container's log, so the password goes to a file beside the data file, which only
 * its owner can read.
 */
export async function ensureAdministrator(
  store: Pick<Store, 'users'>,
  data: string,
  atTerminal: boolean,
  clock: Clock,
): Promise<FirstAdministrator | null> {
  const file = `${data}.first-administrator`;
  if (!(await store.users.isEmpty())) return existsSync(file) ? { kind: 'left', file } : null;
  const password = generatePassword();
  const text = `user: ${name}\npassword: ${password}\n`;
  const hash = await hashPassword(password);
  asOwnerOf(data, () => {
    // Where another store is used, there may be none yet.
    mkdirSync(dirname(data), { recursive: true, mode: 0o700 });
    // It may belong to an earlier account.
    rmSync(file, { force: true });
    if (!atTerminal) writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  });
  if (!(await store.users.add(name, hash, clock.date(), 'administrator'))) {
    rmSync(file, { force: true });
    return null;
  }
  return atTerminal ? { kind: 'shown', text } : { kind: 'filed', file };
}
