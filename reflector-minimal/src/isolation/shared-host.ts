import type { IncomingMessage } from 'node:http';
import type { RawHeaders } from '../http/headers.ts';
import type { Identity } from '../ports/identity.ts';
import { cookieNames, cookiePairs, secretsOf } from '../sessions/cookies.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { identityOf } from '../users/identity.ts';
import { reportsToNobody } from './kept-by-browsers.ts';

/*
 * One host name for all devices (`--cookie-host`): a user chooses a device on the reflector's own host, by a form, and
 * then has it on that second host. The way there is that of `device-log-in.ts`; the session that it gives names the
 * device, so that its cookie opens no other device:
 *
 *   rm-device-session=<secret>.<label>
 *
 * For the browser all devices are one origin there. What one leaves behind in it is taken away before the next one is
 * shown, as far as that can be done from here: cookies, stored data, caches; service workers are not let in at all.
 */

/** Stands for the shared host where others have a label. No device has this name. */
export const sharedKey = '*';

/** On the shared host: gets a session for the device that is chosen now. */
export const changePath = '/.rm-reflector/change';

/** What the session of a device on the shared host is valid for. */
export function sharedPlace(label: string): string {
  return `${sharedKey}${label}`;
}

/** The user on the shared host, and the label of their device; by cookie alone. */
export async function chosenDevice(
  sessions: Pick<Sessions, 'find'>,
  request: IncomingMessage,
  secure: boolean,
): Promise<{ readonly identity: Identity; readonly label: string } | null> {
  for (const value of secretsOf(request.rawHeaders, 'device', secure)) {
    const [secret = '', label = ''] = value.split('.', 2);
    const session = await sessions.find(secret, { kind: 'device', device: sharedPlace(label) });
    if (session) return { identity: identityOf(session), label };
  }
  return null;
}

/**
 * Headers that remove from the browser what the previous device left on a host. On the shared host all its cookies are
 * known, because `withinItsHost` gives them the path `/`, except those that its scripts set for other paths.
 */
export function leaveBehind(headers: RawHeaders): {
  readonly fields: Readonly<Record<string, string>>;
  readonly cookies: string[];
} {
  const theirs = cookiePairs(headers).map(({ name }) => name);
  const names = [...new Set(theirs)].filter((name) => name !== '' && !cookieNames.has(name));
  const cookies = names.map(
    (name) => `${name}=; Max-Age=0; Path=/${/^__(?:host|secure)-/i.test(name) ? '; Secure' : ''}`,
  );
  return { fields: { 'Clear-Site-Data': '"cache", "storage"', ...reportsToNobody }, cookies };
}

/** Whether a browser fetches the script of a service worker, which would answer in place of every later device. */
export function isServiceWorker({ headers }: IncomingMessage): boolean {
  return headers['service-worker'] !== undefined;
}
