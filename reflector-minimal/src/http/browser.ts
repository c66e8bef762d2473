import type { IncomingMessage } from 'node:http';
import { credentialsOf } from './credentials.ts';

/**
 * Whether a browser sent this request. Browsers log in on a page. The reflector neither offers them Basic nor accepts it
 * from them, because a password that a browser remembers cannot be logged out, and other pages can make it send it. Over
 * TLS all browsers send Fetch Metadata. All call themselves Mozilla/5.0; PowerShell does so too and is no browser.
 */
export function isBrowser({ headers }: IncomingMessage): boolean {
  const agent = headers['user-agent'] ?? '';
  return (
    headers['sec-fetch-site'] !== undefined || (/^mozilla\/5\.0/i.test(agent) && !/powershell/i.test(agent))
  );
}

/** Whether a person will see the answer. Only then is the log-in page of use. */
export function isNavigation(request: IncomingMessage): boolean {
  const { method, headers } = request;
  return (
    method === 'GET' &&
    (credentialsOf(request) === null || isBrowser(request)) &&
    /text\/html/i.test(headers.accept ?? '') &&
    (headers['sec-fetch-dest'] ?? 'document') === 'document'
  );
}
