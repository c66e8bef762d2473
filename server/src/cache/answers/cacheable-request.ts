import { createHash } from 'node:crypto';
import type { WebRequest } from 'rm-reflector/ports';
import { conditionFields } from './conditions.ts';
import { has, type Lines, listOf, valuesOf, without } from './fields.ts';
import { type Kind, kindOfDestination } from './kinds.ts';

/** A request that an answer of the cache may be for. */
export interface CacheableRequest {
  /** What the browser wants it for; `null`: it does not say. */
  readonly wanted: Kind | null;
  /** Where the answer lies that is kept for this user. */
  readonly own: string;
  /** Where the one lies that is kept for all whose requests are the same. */
  readonly shared: string;
  /** The request itself may fill that place: the device has seen nothing of it but what the place stands for. */
  readonly mayShare: boolean;
  /** The user asks whether what they have still holds. */
  readonly conditional: boolean;
  readonly authorized: boolean;
}

/** Requests with one of these are not looked at: for a part, for another state, or for another protocol. */
const unusual = ['range', 'if-range', 'if-match', 'if-unmodified-since', 'expect', 'upgrade'];

/** Directives of a request are ignored (RFC 9111 section 5.2.1 lets a cache do so): nobody reloads what others are given. */
const directives = ['cache-control', 'pragma'];
/** What browsers write there. */
const usualDirectives = /^(?:no-cache|no-store|max-age=0)$/;

/** The reflector itself writes `X-Forwarded-For`: addresses, and nothing that a user may choose freely. */
const unkeyed: ReadonlySet<string> = new Set([...conditionFields, ...directives, 'x-forwarded-for']);

/** What a device may tell people apart by who share an account here. */
const identifying = ['host', 'cookie', 'authorization'];

/** `null`: the cache has nothing to do with it. */
export function readRequest(request: WebRequest): CacheableRequest | null {
  const { method, hasBody, headers, deviceHeaders, origin, user } = request;
  if (method !== 'GET' || hasBody || has(headers, ...unusual) || has(deviceHeaders, ...unusual)) return null;
  const [destination, ...others] = valuesOf(headers, 'sec-fetch-dest');
  const wanted = destination === undefined ? null : kindOfDestination(destination.trim());
  if (others.length > 0 || (destination !== undefined && wanted === null)) return null;
  const conditional = has(deviceHeaders, ...conditionFields);
  const said = directives.flatMap((name) => valuesOf(deviceHeaders, name));
  return {
    wanted,
    own: digestOf('user', user, origin, ...identifying.map((name) => listOf(deviceHeaders, name))),
    shared: JSON.stringify(['all', fingerprint(origin, deviceHeaders)]),
    mayShare: !conditional && said.every((value) => usualDirectives.test(value.trim())),
    conditional,
    authorized: has(deviceHeaders, 'authorization'),
  };
}

/** All that the device sees of a request, but for what the place is used with anyway. */
function fingerprint(origin: string, deviceHeaders: Lines): string {
  const seen = without(deviceHeaders, unkeyed).map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
  return digestOf(origin, seen);
}

function digestOf(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}
