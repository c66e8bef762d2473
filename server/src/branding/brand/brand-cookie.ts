/**
 * The cookie by which a browser knows whose log-in page it shows. It opens nothing. With TLS, its name begins with `__Host-` (RFC
 * 6265bis), so that no page of a device sets it.
 */
const nameFor = (secure: boolean) => `${secure ? '__Host-' : ''}rm-brand`;
const yearSeconds = 31_536_000;

/** The line that sets it; `null`: the brand of the installation. */
export function brandCookieFor(domain: string | null, secure: boolean): string {
  const [value, age] = domain === null ? ['', 0] : [domain, yearSeconds];
  return `${nameFor(secure)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}

/** The domain that it names; `null`: none. */
export function domainOfCookie(cookies: string | undefined, secure: boolean): string | null {
  const name = `${nameFor(secure)}=`;
  const given = cookies?.split(/; */).find((cookie) => cookie.startsWith(name)) ?? '';
  const value = given.slice(name.length);
  return /^[A-Za-z0-9._-]{1,64}$/.test(value) ? value : null;
}
