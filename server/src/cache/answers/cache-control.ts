import { type Lines, listOf } from './fields.ts';

/** Directives of an answer without a value that count here. */
const flags = new Set(['no-store', 'no-cache', 'private', 'public', 'must-revalidate', 'immutable']);
const seconds = new Set(['max-age', 's-maxage']);

/** No answer is fresh for longer: 2^31 seconds (RFC 9111 section 1.2.2). */
const most = 2_147_483_648;

const directive =
  /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?\s*(?:,|$)|\s*,/y;

/**
 * `Cache-Control` of an answer in one form: lower case, each directive once, numbers in digits, and of all only what counts here. What
 * cannot be read is `no-store`; of two values the answer is stale (RFC 9111 section 4.2.1); with field names, `private` and `no-cache`
 * count for all of it. `null`: there is none.
 */
export function cacheControlOf(lines: Lines): ReadonlyMap<string, string> | null {
  const text = listOf(lines, 'cache-control')?.trim();
  if (text === undefined) return null;
  const found = new Map<string, string>();
  directive.lastIndex = 0;
  while (directive.lastIndex < text.length) {
    const match = directive.exec(text);
    if (!match) return new Map([['no-store', '']]);
    const name = match[1]?.toLowerCase() ?? '';
    const value = match[2] ?? match[3] ?? '';
    if (flags.has(name)) found.set(name, '');
    if (seconds.has(name)) {
      const read = /^\d+$/.test(value) ? String(Math.min(Number(value), most)) : '0';
      found.set(name, found.has(name) && found.get(name) !== read ? '0' : read);
    }
  }
  return found;
}

/** As one header value. */
export function writeCacheControl(directives: ReadonlyMap<string, string>): string {
  return Array.from(directives, ([name, value]) => (value === '' ? name : `${name}=${value}`)).join(', ');
}
