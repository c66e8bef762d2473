import CachePolicy from 'http-cache-semantics';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../../limits.ts';
import { cacheControlOf, writeCacheControl } from './cache-control.ts';
import { type Lines, listOf, valuesOf } from './fields.ts';

/** How long an answer is good for (RFC 9111), in seconds. */
export interface Freshness {
  /** It may be kept. */
  readonly storable: boolean;
  /** The device says that it is the same for everybody. */
  readonly isPublic: boolean;
  age(): number;
  /** Seconds for which it is good without asking; 0 or less: it is stale. */
  left(): number;
}

/** `authorized`: the request has carried `Authorization`. `delay`: milliseconds from the request to the head of the answer. */
export type FreshnessOf = (lines: Lines, authorized: boolean, delay: number) => Freshness;

/** Fields by which http-cache-semantics decides, besides `Cache-Control` and `Age`. */
const deciding = ['date', 'expires', 'last-modified', 'pragma'];

/**
 * The rules of RFC 9111 as http-cache-semantics applies them, for a shared cache. It is given `Cache-Control` in one form, for it
 * compares words as they are spelled; `Vary` and directives of requests are no matter of it. An answer is not taken for older because its
 * `Date` is long ago: clocks of devices are wrong.
 */
export function freshnessBy(
  clock: Clock,
  limits: Pick<Limits, 'cacheFreshMs' | 'cacheHeuristicMs'>,
): FreshnessOf {
  const offset = clock.date() - clock.now();
  class Policy extends CachePolicy {
    /** Asked by the package in place of the system's clock, which may be set. */
    now(): number {
      return offset + clock.now();
    }
  }
  return (lines, authorized, delay) => {
    const control = cacheControlOf(lines);
    const headers: Record<string, string> = Object.create(null);
    if (control) headers['cache-control'] = writeCacheControl(control);
    for (const name of deciding) {
      const value = listOf(lines, name);
      if (value !== null) headers[name] = value;
    }
    const [age = ''] = valuesOf(lines, 'age');
    const before = /^\s*\d+\s*$/.test(age) ? Number(age) : 0;
    headers.age = String(Math.min(Math.ceil(before + delay / 1000), 2_147_483_648));
    const request = { method: 'GET', headers: authorized ? { authorization: 'x' } : {} };
    // Strings of its own: a part of a string keeps the whole one, such as a head of 64 KiB.
    const own: Record<string, string> = JSON.parse(JSON.stringify(headers));
    const policy = new Policy(
      request,
      { status: 200, headers: own },
      { shared: true, immutableMinTimeToLive: 0 },
    );
    const explicit = control?.has('max-age') || control?.has('s-maxage') || headers.expires !== undefined;
    const most = (explicit ? limits.cacheFreshMs : limits.cacheHeuristicMs) / 1000;
    return {
      storable: policy.storable(),
      isPublic: control?.has('public') ?? false,
      age: () => policy.age(),
      left: () => Math.min(policy.maxAge(), most) - policy.age(),
    };
  };
}
