/** The cookie by which a browser knows whose log-in page it shows. It opens nothing. */
const name = 'rm-brand';
const yearSeconds = 31_536_000;

/** The line that sets it; `null`: the brand of the installation. */
export function brandCookieFor(domain: string | null, secure: boolean): string {
  const [value, age] = domain === null ? ['', 0] : [domain, yearSeconds];
  return `${name}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}

/** The domain that it names; `null`: none. */
export function domainOfCookie(cookies: string | undefined): string | null {
  const match = /(?:^|;\s*)rm-brand=([A-Za-z0-9._-]{1,64})(?:;|$)/.exec(cookies ?? '');
  return match?.[1] ?? null;
}
