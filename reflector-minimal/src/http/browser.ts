import type { IncomingMessage } from 'node:http';
import { credentialsOf } from './credentials.ts';

/**
 * Whether a browser has sent this. Browsers log in on the page, since a name and password that a browser remembers can
 * neither be logged out nor be kept from other pages; so to a browser Basic is not offered, and not taken from it. Over
 * TLS none leaves Fetch Metadata out; all name themselves Mozilla/5.0, and so does PowerShell, which is none.
 */
export function isBrowser({ headers }: IncomingMessage): boolean {
  const agent = headers['user-agent'] ?? '';
  return (
    headers['sec-fetch-site'] !== undefined || (/^mozilla\/5\.0/i.test(agent) && !/powershell/i.test(agent))
  );
}

/** Whether a person is looking at what will be answered: only then is the log-in page of use. */
export function isNavigation(request: IncomingMessage): boolean {
  const { method, headers } = request;
  return (
    method === 'GET' &&
    (credentialsOf(request) === null || isBrowser(request)) &&
    /text\/html/i.test(headers.accept ?? '') &&
    (headers['sec-fetch-dest'] ?? 'document') === 'document'
  );
}
