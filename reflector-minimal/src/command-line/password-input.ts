import { readFileSync } from 'node:fs';
import { fileFault } from '../file-fault.ts';
import { generatePassword } from '../passwords/scrypt.ts';
import { CommandError, ExitStatus } from './exit.ts';

export interface ChosenPassword {
  readonly password: string;
  /** We generated it, so it must be shown. */
  readonly generated: boolean;
}

/** Why a password is refused; `null`: it is accepted. */
type PasswordCheck = (password: string) => string | null;

/** More than any password needs; a file that is something else gets noticed. */
const maxBytes = 1024;

/**
 * The first line of `file` (`-`: of standard input), or a generated password if `file` is `undefined`. Never a command-line
 * argument, because every user of the machine can read those.
 */
export function choosePassword(file: string | undefined, check: PasswordCheck = () => null): ChosenPassword {
  if (file === undefined) return { password: generatePassword(), generated: true };
  const where = file === '-' ? 'standard input' : file;
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CommandError(ExitStatus.usage, `${where}: ${fileFault(error)}`);
  }
  const password = text.split(/\r?\n/, 1)[0] ?? '';
  if (password === '' || Buffer.byteLength(password) > maxBytes) {
    throw new CommandError(
      ExitStatus.usage,
      `${where}: the first line must be a password of 1 to ${maxBytes} bytes`,
    );
  }
  const complaint = check(password);
  if (complaint !== null) {
    throw new CommandError(
      ExitStatus.usage,
      `${where}: the password ${complaint}; without a file one is made`,
    );
  }
  return { password, generated: false };
}
