import { renderUnicodeCompact } from 'uqr';
import { makeRecoveryCodes, recoveryHash } from '../one-time-password/recovery-codes.ts';
import { base32, makeTotpSecret, otpauthUri, stepOfCode } from '../one-time-password/totp.ts';
import type { Store, UserRecord } from '../ports/store.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError, ExitStatus } from './exit.ts';

/** Attempts to enter a code, which may be mistyped or come from a clock that is not set yet. */
const tries = 3;

/**
 * `rm-reflector user totp NAME`: shows a new secret, and turns one-time passwords on once a code has proved that the
 * user's app has it. Returns what to print. Throws {@link CommandError}.
 */
export async function runTotpCommand(
  store: Store,
  user: UserRecord,
  remove: boolean,
  context: Pick<CommandContext, 'ask' | 'clock' | 'print'>,
): Promise<string> {
  const { name } = user;
  if (remove) {
    if (!(await store.users.removeTotp(name))) {
      throw new CommandError(ExitStatus.failed, `user ${name}: has no one-time passwords`);
    }
    return `${name} logs in without one-time passwords\n`;
  }
  const secret = makeTotpSecret();
  const uri = otpauthUri('rm-reflector', name, secret);
  context.print(
    `${renderUnicodeCompact(uri, { border: 2 })}\n\n${uri}\nsecret: ${grouped(base32(secret))}\n\n`,
  );
  for (let n = 0; n < tries; n++) {
    const code = await context.ask('Code that the app shows: ');
    if (code === null) {
      context.print('\n');
      break;
    }
    const step = stepOfCode(secret, code, context.clock.date());
    if (step !== null) return switchOn(store, name, secret, step);
    context.print('That is not the current code. Are the clocks of the phone and of this machine right?\n');
  }
  throw new CommandError(ExitStatus.failed, `user ${name}: the code was not right; nothing was changed`);
}

async function switchOn(store: Store, name: string, secret: Buffer, step: number): Promise<string> {
  const codes = makeRecoveryCodes();
  const user = await store.users.get(name);
  const recovery = codes.map(recoveryHash);
  if (!user || !(await store.users.setTotp(user, { secret, step, recovery }))) {
    throw new CommandError(ExitStatus.failed, `user ${name}: there is no such user`);
  }
  return `
${name} logs in with one-time passwords from now on; what was logged in before has ended.
Recovery codes, each good once in place of a code, shown only now:
${codes.map((code) => `  ${code}\n`).join('')}`;
}

function grouped(text: string): string {
  return text.replaceAll(/.{4}(?=.)/g, '$& ');
}
