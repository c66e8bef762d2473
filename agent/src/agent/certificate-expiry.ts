import { certificateEnds, utf8Decode } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import type { Host } from '../host.ts';

export const DAY_MS = 86_400_000;

/** How long before the end of the device's certificate the log warns of it, in milliseconds. */
const WARNING_MS = 30 * DAY_MS;

/** The largest file of certificates that is looked at, in bytes; that of the hosts is the same. */
const MAX_BYTES = 65_536;

/**
 * When the device's certificate, or the first one of its chain, expires, in milliseconds since 1970. Read from the file
 * as it is now; `null` when it cannot be read, which the next attempt reports.
 */
export function certificateExpiry({ files }: Host, { cert }: Configuration['tls']): number | null {
  if (cert === null) return null;
  try {
    const bytes = files.read(cert, MAX_BYTES);
    const ends = certificateEnds(utf8Decode(bytes, 0, bytes.length));
    return ends.length === 0 ? null : Math.min(...ends);
  } catch {
    return null;
  }
}

/** A warning about a certificate that has expired or expires within 30 days; `null` otherwise. */
export function expiryWarning(expiresAt: number | null, now: number): string | null {
  if (expiresAt === null || expiresAt - now > WARNING_MS) return null;
  const days = Math.floor(Math.abs(expiresAt - now) / DAY_MS);
  const count = `${days} ${days === 1 ? 'day' : 'days'}`;
  return expiresAt < now
    ? `has expired ${count} ago, on ${day(expiresAt)}`
    : `expires in ${count}, on ${day(expiresAt)}`;
}

/** `YYYY-MM-DD` of a time in Unix milliseconds, in UTC. */
export function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
