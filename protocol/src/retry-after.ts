import type { HeaderFields } from './http-head.ts';

/**
 * `Retry-After` (RFC 9110 section 10.2.3) in milliseconds; `null` when it is absent or makes no sense. A date is taken
 * relative to the `Date` of the same response, never to our clock, which may be wrong; without one it is left alone.
 */
export function retryAfter(headers: HeaderFields): number | null {
  const value = headers.get('retry-after') ?? '';
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1000;
  const then = httpDate(value);
  const now = httpDate(headers.get('date') ?? '');
  return then === null || now === null ? null : Math.max(0, then - now);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** An IMF-fixdate (RFC 9110 section 5.6.7) in Unix milliseconds; the two obsolete forms are not read. */
export function httpDate(text: string): number | null {
  const match = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/.exec(text);
  if (!match) return null;
  const [, day, month = '', year, hours, minutes, seconds] = match;
  const index = months.indexOf(month);
  if (index < 0) return null;
  return Date.UTC(Number(year), index, Number(day), Number(hours), Number(minutes), Number(seconds));
}
