import type { IncomingMessage } from 'node:http';

/** Seconds: what a peer asks for in `X-WebTunnel-KeepAlive` (1 to 86,400), but no more than `ours`. */
export function agreeKeepAlive(request: IncomingMessage, ours: number): number {
  const header = String(request.headers['x-webtunnel-keepalive'] ?? '').trim();
  const theirs = /^\d{1,5}$/.test(header) ? Number(header) : 0;
  return theirs >= 1 && theirs <= 86_400 ? Math.min(theirs, ours) : ours;
}
