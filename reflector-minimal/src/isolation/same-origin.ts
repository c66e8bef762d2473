import type { IncomingMessage } from 'node:http';
import type { Origin } from '../http/origin.ts';

/**
 * Whether a page of this very host has made the request, as browsers prove it: `Origin` (RFC 6454) with every request
 * that may change something and every WebSocket, `Sec-Fetch-Site` (W3C Fetch Metadata) where `Origin` says nothing.
 * Neither can be set by a page. Programs, which hold credentials and not cookies, send none of them.
 */
export function isSameOrigin(request: IncomingMessage, { protocol, authority }: Origin): boolean {
  const origin = request.headers.origin;
  if (origin !== undefined && origin !== 'null') {
    return origin.toLowerCase() === `${protocol}://${authority}`.toLowerCase();
  }
  return request.headers['sec-fetch-site'] === 'same-origin';
}
