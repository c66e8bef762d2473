import type { IncomingMessage } from 'node:http';

/**
 * Whether a browser has sent this. Browsers log in on the page, since a name and password that a browser remembers can
 * neither be logged out nor be kept from other pages; so to a browser Basic is not offered, and not taken from it. All
 * browsers name themselves Mozilla, and over TLS none leaves Fetch Metadata out.
 */
export function isBrowser({ headers }: IncomingMessage): boolean {
  return headers['sec-fetch-site'] !== undefined || /^mozilla\//i.test(headers['user-agent'] ?? '');
}

/** Whether a person is looking at what will be answered: only then is the log-in page of use. */
export function isNavigation(request: IncomingMessage): boolean {
  const { method, headers } = request;
  return (
    method === 'GET' &&
    (headers.authorization === undefined || isBrowser(request)) &&
    /text\/html/i.test(headers.accept ?? '') &&
    (headers['sec-fetch-dest'] ?? 'document') === 'document'
  );
}
