import type { IncomingMessage } from 'node:http';
import { credentialsOf } from '../http/credentials.ts';
import type { Identity } from '../ports/identity.ts';

/**
 * The `Authorization` of a request that is meant for the device; `null`: there is none.
 *
 * A program that lets itself in by `Authorization` has said nothing to the device. One that does so by another header, and
 * a browser with a session, have: whatever they send there passes, also the name and password of this very user, who may
 * have the same for both. A browser sends a password only to the host whose question its user has answered, and the
 * reflector asks none, so it is the device's. Nothing is compared with the user's password here: otherwise the page of a
 * device could learn it by sending guesses and looking at which of them arrive.
 *
 * A token of the reflector never passes. It cannot be guessed, and no device has any use for it. `isOurs`: whether it
 * proves somebody here.
 */
export async function forDevice(
  isOurs: (token: string) => Promise<boolean>,
  request: Pick<IncomingMessage, 'headers'>,
  { session }: Pick<Identity, 'session'>,
): Promise<string | null> {
  const { authorization } = request.headers;
  const separate = session?.kind === 'device' || credentialsOf(request)?.header !== 'authorization';
  if (authorization === undefined || !separate) return null;
  const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
  return token !== undefined && (await isOurs(token)) ? null : authorization;
}
