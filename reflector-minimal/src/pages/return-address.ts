import { destinationOf, portSuffix } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';

const maxLength = 4096;

/** Paths that would lead back here, or out again. */
const notAfterLogIn = new Set(['/log-in', '/log-in/code', '/log-out']);

/**
 * Where to go after log-in. Anybody may write a `next` into a link, so it must be a page of the reflector or of one of its
 * devices, with the same scheme and port; otherwise it is the list of devices. Always absolute: a path such as `//x` could be
 * read as a host.
 */
export function returnAddress(next: string | null, { protocol, authority }: Origin, domain: string): string {
  const home = new URL(`${protocol}://${authority}/`);
  if (!next || next.length > maxLength) return home.href;
  let url: URL;
  try {
    url = new URL(next, home);
  } catch {
    return home.href;
  }
  const plain = url.protocol === home.protocol && url.username === '' && url.password === '';
  const own = url.host === home.host && !notAfterLogIn.has(url.pathname);
  const device =
    destinationOf(url.host, { domain, cookieHost: null }).kind === 'device' &&
    portSuffix(url.host) === portSuffix(home.host);
  return plain && (own || device) ? url.href : home.href;
}

/** The log-in page on the reflector's own host, which comes back to `next`. */
export function logInAddress(next: string): string {
  return `/log-in?next=${encodeURIComponent(next)}`;
}
