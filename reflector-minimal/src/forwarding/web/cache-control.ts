import type { RawHeaders } from '../../http/headers.ts';

/** Directives for shared caches, which must not store what is meant for one user. */
const ofSharedCaches = new Set(['public', 's-maxage', 'proxy-revalidate']);

/**
 * Fields that a device has no business to send: they steer the caches and servers in front of the reflector past
 * `Cache-Control` (RFC 9213), or have them deliver files of their own.
 */
const ofProxiesInFront = new Set([
  'surrogate-control',
  'x-accel-expires',
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-reproxy-url',
  'x-sendfile',
]);

/**
 * Keeps a response out of shared caches. The device may not know that a user has logged in, and RFC 9111 section 3.5
 * protects only requests with `Authorization`, not those with cookies. The user's own cache is not affected.
 */
export function forOneUser(headers: RawHeaders): string[] {
  const kept: string[] = [];
  /** Where the value of the first `Cache-Control` is. */
  let at = -1;
  let settled = false;
  let pragma = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (ofProxiesInFront.has(lower) || lower.endsWith('cdn-cache-control')) continue;
    if (lower === 'pragma' && /(?:^|[,\s])no-cache(?:$|[,\s])/i.test(value)) pragma = true;
    if (lower !== 'cache-control') {
      kept.push(name, value);
      continue;
    }
    const directives = directivesOf(value).filter((directive) => !ofSharedCaches.has(nameOf(directive)));
    // With field names behind it, `private` is of these fields only.
    if (directives.some((directive) => /^(?:private|no-store)$/i.test(directive))) settled = true;
    if (at < 0) at = kept.push(name, directives.join(', ')) - 1;
    else kept[at] = [kept[at], ...directives].filter((part) => part !== '').join(', ');
  }
  if (settled) return kept;
  // Some browsers do not look at `Pragma` where there is a `Cache-Control`.
  if (at < 0) kept.push('Cache-Control', pragma ? 'private, no-cache' : 'private');
  else kept[at] = ['private', kept[at]].filter((part) => part !== '').join(', ');
  return kept;
}

function directivesOf(value: string): string[] {
  return (value.match(/(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g) ?? [])
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '');
}

function nameOf(directive: string): string {
  return (directive.split('=', 1)[0] ?? '').trim().toLowerCase();
}
