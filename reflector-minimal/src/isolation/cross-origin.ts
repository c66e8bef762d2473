import type { IncomingMessage } from 'node:http';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Identity } from '../ports/identity.ts';
import { refusals } from '../refusals/catalogue.ts';
import { isSameOrigin } from './same-origin.ts';

/*
 * Hosts of devices are siblings: for a browser they and the reflector are one site, so `SameSite` cookies go along with
 * whatever a device's page sends to another device. What comes by credentials that a browser adds by itself is therefore
 * taken only from where it may come:
 *
 *   may change something        a page of this very host, by Origin or Sec-Fetch-Site; nobody without proof
 *   WebSocket                   a page of this very host, by Origin
 *   reads (GET, HEAD, OPTIONS)  a page of this host, or somebody who follows a link or types an address. Pictures,
 *                               scripts, frames, fetch and preflights of another origin are not
 *
 * Programs hold their credentials: without a word of where they come from they are taken for what they are.
 */

const reads = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why a request may not act under this identity from where it comes; `null` when it may. */
export function crossOriginRefusal(
  request: IncomingMessage,
  origin: Origin,
  { session }: Identity,
): Refusal | null {
  // A page that sends a token has it; no browser adds one by itself.
  if (session?.kind === 'token') return null;
  // Basic may be what a browser remembers; a program that sends it says nothing of an origin.
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
  // Over plain HTTP browsers say nothing of pictures and links, but name the origin of a fetch.
  if (site === undefined) return headers.origin === undefined || isSameOrigin(request, origin);
  if (site === 'same-origin' || site === 'none') return true;
  return headers['sec-fetch-mode'] === 'navigate' && (headers['sec-fetch-dest'] ?? 'document') === 'document';
}
