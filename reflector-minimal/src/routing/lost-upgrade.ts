import type { IncomingMessage } from 'node:http';
import { CLIENT_PROTOCOL, SERVER_PROTOCOL } from 'rm-protocol';
import { headerText, type Refusal } from '../http/refusal.ts';

/**
 * The refusal of a request for a WebSocket whose `Upgrade` a proxy has removed, or turned into HTTP/1.0; otherwise `null`.
 * Without it, an agent would read "Please log in" and wait as if its password were wrong.
 */
export function lostUpgrade(request: IncomingMessage): Refusal | null {
  const { headers, httpVersion } = request;
  const protocol = String(headers['sec-websocket-protocol'] ?? '').trim();
  const asked =
    headers['sec-websocket-key'] !== undefined ||
    headers['x-ptth-set-property'] !== undefined ||
    protocol === SERVER_PROTOCOL ||
    protocol === CLIENT_PROTOCOL;
  if (!asked) return null;
  const what = httpVersion === '1.0' ? 'speaks HTTP/1.0' : 'does not pass "Upgrade" on';
  return {
    // RFC 9110 section 15.5.22.
    status: 426,
    error: `A WebSocket came without its upgrade: ${proxyOf(request)} ${what}`,
    advice:
      'The proxy must pass the headers Upgrade and Connection on, in HTTP/1.1. docs/proxies.md shows how for nginx and HAProxy.',
    headers: { Upgrade: 'websocket', Connection: 'Upgrade, close' },
  };
}

/** The proxy's name from `Via`, or else its address. */
function proxyOf({ headers, socket }: IncomingMessage): string {
  const via = headerText(String(headers.via ?? '')).slice(0, 100);
  return via === '' ? `the proxy at ${socket.remoteAddress ?? 'an unknown address'}` : `the proxy "${via}"`;
}
