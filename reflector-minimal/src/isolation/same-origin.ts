import type { IncomingMessage } from 'node:http';
import type { Origin } from '../http/origin.ts';

/**
 * Whether a page of this very host made the request. Browsers prove it by `Origin` (RFC 6454) with every WebSocket and every
 * request that may change something, and by `Sec-Fetch-Site` (W3C Fetch Metadata) otherwise. Pages can set neither. Programs
 * send credentials instead of cookies, and neither of these headers.
 */
export function isSameOrigin(request: IncomingMessage, { protocol, authority }: Origin): boolean {
  const origin = request.headers.origin;
  if (origin !== undefined && origin !== 'null') {
    return origin.toLowerCase() === `${protocol}://${authority}`.toLowerCase();
  }
  return request.headers['sec-fetch-site'] === 'same-origin';
}
