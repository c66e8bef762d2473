import { type RawHeaders, valuesOf } from '../http/headers.ts';

/**
 * Cookies of the reflector (RFC 6265bis). Over TLS their names begin with `__Host-`: a browser takes such a cookie only
 * from the very host, over TLS, without `Domain`, so that no device's page can put one in its place.
 */
const names = {
  own: 'rm-session',
  device: 'rm-device-session',
  nonce: 'rm-device-nonce',
  known: 'rm-known',
  record: 'rm-device-record',
} as const;

/**
 * `known`: the mark of a browser in which somebody has logged in before; `record`: which device the browser has last seen
 * on this host. Neither opens anything.
 */
export type CookieKind = keyof typeof names;

const kinds = Object.keys(names) as CookieKind[];
const yearSeconds = 365 * 24 * 3600;

function cookieName(kind: CookieKind, secure: boolean): string {
  return `${secure ? '__Host-' : ''}${names[kind]}`;
}

/** All names that a cookie of ours may have: none of them is for a device to see or to set. */
export const cookieNames: ReadonlySet<string> = new Set(
  kinds.flatMap((kind) => [cookieName(kind, false), cookieName(kind, true)]),
);

/** Values under one name that are tried: without TLS a device's page may have added its own for the whole domain. */
const valuesTried = 4;

/** The secrets that a request gives under our name, at most four. `secure`: it came over TLS. */
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

/** Those that outlive the browser. */
const lasting: ReadonlySet<CookieKind> = new Set(['known', 'record']);

/** `Set-Cookie`: a session's for as long as the browser runs, since the store decides how long it is good. */
export function setCookie(kind: CookieKind, secret: string, secure: boolean): string {
  return `${cookieName(kind, secure)}=${secret}; ${lasting.has(kind) ? `Max-Age=${yearSeconds}; ` : ''}${attributes(secure)}`;
}

/** `Set-Cookie` that removes it. */
export function clearCookie(kind: CookieKind, secure: boolean): string {
  return `${cookieName(kind, secure)}=; Max-Age=0; ${attributes(secure)}`;
}

/** Lax: a link from elsewhere finds its user logged in; nothing that changes something is a GET here. */
function attributes(secure: boolean): string {
  return `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
