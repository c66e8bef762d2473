import { type RawHeaders, valuesOf } from '../http/headers.ts';

/**
 * Cookies of the reflector (RFC 6265bis). Over TLS their names begin with `__Host-`: a browser accepts such a cookie only from
 * that host, over TLS and without `Domain`, so that no page of a device can replace it.
 */
const names = {
  own: 'rm-session',
  device: 'rm-device-session',
  nonce: 'rm-device-nonce',
  known: 'rm-known',
  record: 'rm-device-record',
} as const;

/**
 * `known`: the mark of a browser in which somebody has logged in before. `record`: the device that the browser has last seen
 * on this host. Neither opens anything.
 */
export type CookieKind = keyof typeof names;

const kinds = Object.keys(names) as CookieKind[];
const yearSeconds = 365 * 24 * 3600;

function cookieName(kind: CookieKind, secure: boolean): string {
  return `${secure ? '__Host-' : ''}${names[kind]}`;
}

/** All names of our cookies. Devices may neither see nor set them. */
export const cookieNames: ReadonlySet<string> = new Set(
  kinds.flatMap((kind) => [cookieName(kind, false), cookieName(kind, true)]),
);

/** Most values of one name that are tried: without TLS a device's page may have added one for the whole domain. */
const valuesTried = 4;

/** The secrets in a request's cookies of this kind, at most four. `secure`: the request came over TLS. */
export function secretsOf(headers: RawHeaders, kind: CookieKind, secure: boolean): string[] {
  const name = cookieName(kind, secure);
  return cookiePairs(headers)
    .filter((pair) => pair.name === name)
    .slice(0, valuesTried)
    .map(({ value }) => value);
}

export interface CookiePair {
  readonly name: string;
  readonly value: string;
  /** As it was sent. */
  readonly text: string;
}

/** The pairs of all `Cookie` lines, in their order. */
export function cookiePairs(headers: RawHeaders): CookiePair[] {
  return valuesOf(headers, 'cookie')
    .flatMap((line) => line.split(';'))
    .map((part) => part.trim())
    .filter((text) => text !== '')
    .map((text) => {
      const at = text.indexOf('=');
      // Without "=" the whole is the value of a cookie without a name.
      return at < 0
        ? { name: '', value: text, text }
        : { name: text.slice(0, at).trim(), value: text.slice(at + 1).trim(), text };
    });
}

/** Cookies that outlive the browser. */
const lasting: ReadonlySet<CookieKind> = new Set(['known', 'record']);

/** `Set-Cookie`. A session's cookie lasts for as long as the browser runs, because the store decides how long it is valid. */
export function setCookie(kind: CookieKind, secret: string, secure: boolean): string {
  return `${cookieName(kind, secure)}=${secret}; ${lasting.has(kind) ? `Max-Age=${yearSeconds}; ` : ''}${attributes(secure)}`;
}

/** `Set-Cookie` that removes it. */
export function clearCookie(kind: CookieKind, secure: boolean): string {
  return `${cookieName(kind, secure)}=; Max-Age=0; ${attributes(secure)}`;
}

/** Lax: a link from elsewhere finds its user logged in. No GET changes anything here. */
function attributes(secure: boolean): string {
  return `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
