import type { IncomingHttpHeaders } from 'node:http';
import type { Attempt } from './provider.ts';
import type { Sealed } from './sealed.ts';

/** A log-in under way at a provider, kept by the browser that began it: only that one can bring it to its end. */
export interface BegunLogIn extends Attempt {
  /** Where the user wanted to go; for the log-in page, which checks it. */
  readonly next: string | null;
  /** Wall-clock ms. */
  readonly expires: number;
}

const nameOf = (id: string, secure: boolean) => `${secure ? '__Host-' : ''}rm-oidc-${id}`;

/** Lax: the browser comes back by a link from another host. */
const attributes = (secure: boolean) => `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;

export function setAttempt(
  id: string,
  begun: BegunLogIn,
  sealed: Sealed,
  secure: boolean,
  ms: number,
): string {
  const value = sealed.seal(begun, id);
  return `${nameOf(id, secure)}=${value}; Max-Age=${Math.ceil(ms / 1000)}; ${attributes(secure)}`;
}

export function clearAttempt(id: string, secure: boolean): string {
  return `${nameOf(id, secure)}=; Max-Age=0; ${attributes(secure)}`;
}

/** `null`: this browser has begun none, or too long ago. */
export function readAttempt(
  id: string,
  { cookie = '' }: IncomingHttpHeaders,
  sealed: Sealed,
  secure: boolean,
  now: number,
): BegunLogIn | null {
  const name = `${nameOf(id, secure)}=`;
  // Without TLS a device's page may have set one of the same name for the whole domain: it opens nothing.
  for (const pair of cookie.split(';').map((part) => part.trim())) {
    if (!pair.startsWith(name)) continue;
    const begun = sealed.open(pair.slice(name.length), id);
    if (isBegun(begun) && begun.expires > now) return begun;
  }
  return null;
}

function isBegun(value: unknown): value is BegunLogIn {
  return typeof value === 'object' && value !== null && 'verifier' in value && 'expires' in value;
}
