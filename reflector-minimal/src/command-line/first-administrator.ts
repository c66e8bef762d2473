import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock } from 'rm-protocol';
import { generatePassword, hashPassword } from '../passwords/scrypt.ts';
import { asOwnerOf } from '../store/as-owner.ts';
import type { Store } from '../store/store.ts';

const name = 'admin';

/**
 * How the first administrator is told: `text` to be shown now and never again; a new `file`; or a file of an earlier
 * start that nobody has removed yet.
 */
export type FirstAdministrator =
  | { readonly kind: 'shown'; readonly text: string }
  | { readonly kind: 'filed' | 'left'; readonly file: string };

/**
 * Makes the user `admin` with a generated password when there is no user at all; `null` when there was nothing to do.
 * Where nobody looks at a terminal, whatever is printed is kept by something (a journal, a log of containers): then the
 * password is in a file beside the data file instead, for its owner alone.
 */
export async function ensureAdministrator(
  store: Store,
  data: string,
  atTerminal: boolean,
  clock: Clock,
): Promise<FirstAdministrator | null> {
  const file = `${data}.first-administrator`;
  if (!store.users.empty) return existsSync(file) ? { kind: 'left', file } : null;
  const password = generatePassword();
  const text = `user: ${name}\npassword: ${password}\n`;
  const hash = await hashPassword(password);
  asOwnerOf(data, () => {
    // One of an account that is gone: it must not be taken for this one's.
    rmSync(file, { force: true });
    if (!atTerminal) writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  });
  if (!store.users.add(name, hash, clock.date(), 'administrator')) {
    rmSync(file, { force: true });
    return null;
  }
  return atTerminal ? { kind: 'shown', text } : { kind: 'filed', file };
}
