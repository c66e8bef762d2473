import type { IncomingMessage } from 'node:http';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Identity } from '../ports/identity.ts';
import { refusals } from '../refusals/catalogue.ts';
import { isSameOrigin } from './same-origin.ts';

/*
 * To a browser, the reflector and the hosts of all devices are one site, so a device's page can send requests with `SameSite`
 * cookies to another device. Credentials that a browser adds by itself are therefore accepted only from these sources:
 *
 *   may change something        a page of this very host, proven by Origin or Sec-Fetch-Site
 *   WebSocket                   a page of this very host, by Origin
 *   reads (GET, HEAD, OPTIONS)  a page of this host, or a person who follows a link or types an address; not images,
 *                               scripts, frames, fetch and preflights of another origin
 *
 * Programs send their credentials deliberately, so without headers about their origin they are accepted.
 */

const reads = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why a request from this origin may not act under this identity; `null` if it may. */
export function crossOriginRefusal(
  request: IncomingMessage,
  origin: Origin,
  { session }: Identity,
): Refusal | null {
  // No browser adds a token by itself.
  if (session?.kind === 'token') return null;
  // A browser may remember Basic, but then it names its origin. Programs do not.
  if (session === null && !saysOrigin(request)) return null;
  const accepted =
    request.headers.upgrade === undefined ? mayAct(request, origin) : mayUpgrade(request, origin);
  return accepted ? null : refusals.otherOrigin;
}

function saysOrigin({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
}

function mayUpgrade(request: IncomingMessage, origin: Origin): boolean {
  return request.headers.origin !== undefined && isSameOrigin(request, origin);
}

function mayAct(request: IncomingMessage, origin: Origin): boolean {
  if (!reads.has(request.method ?? '')) return isSameOrigin(request, origin);
  const { headers } = request;
  const site = headers['sec-fetch-site'];
  // Over plain HTTP, browsers name the origin of a fetch, but not of images and links.
  if (site === undefined) return headers.origin === undefined || isSameOrigin(request, origin);
  if (site === 'same-origin' || site === 'none') return true;
  return headers['sec-fetch-mode'] === 'navigate' && (headers['sec-fetch-dest'] ?? 'document') === 'document';
}
