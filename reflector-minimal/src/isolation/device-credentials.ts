import type { IncomingMessage } from 'node:http';
import { credentialsOf } from '../http/credentials.ts';
import type { Eventual } from '../ports/eventual.ts';
import type { Identity } from '../ports/identity.ts';

/**
 * The `Authorization` of a request that is meant for the device; `null`: there is none.
 *
 * If a program authenticates at the reflector by `Authorization`, the header is not for the device. If it uses another header,
 * or a browser has a session, `Authorization` is passed on, even if it holds this user's own name and password: they may be
 * the same on the device. A browser sends a password only to a host that asked for it, and the reflector never asks. Nothing
 * is compared with the user's password, because a device's page could send guesses and see which of them arrive.
 *
 * A token of the reflector is never passed on: it cannot be guessed, and no device needs it. `isOurs`: whether it proves
 * somebody here.
 */
export function forDevice(
  isOurs: (token: string) => Promise<boolean>,
  request: Pick<IncomingMessage, 'headers'>,
  { session }: Pick<Identity, 'session'>,
): Eventual<string | null> {
  const { authorization } = request.headers;
  if (authorization === undefined) return null;
  const separate = session?.kind === 'device' || credentialsOf(request)?.header !== 'authorization';
  if (!separate) return null;
  const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
  return token === undefined ? authorization : isOurs(token).then((ours) => (ours ? null : authorization));
}
