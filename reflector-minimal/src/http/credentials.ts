import type { IncomingMessage } from 'node:http';

/**
 * Headers in which a program may send its credentials for the reflector. With `X-PTTH-Authorization` (from programs of the
 * original) or `Proxy-Authorization` (RFC 9110 section 11.7.2), `Authorization` stays free for the device's own log-in.
 */
const places = ['x-ptth-authorization', 'proxy-authorization', 'authorization'] as const;

export interface ReflectorCredentials {
  readonly header: (typeof places)[number];
  /** `Basic …` or `Bearer …`. */
  readonly value: string;
}

/** The credentials for the reflector; `null` if there are none. No header occurs twice (`request-rules.ts`). */
export function credentialsOf({ headers }: Pick<IncomingMessage, 'headers'>): ReflectorCredentials | null {
  for (const header of places) {
    const value = headers[header];
    if (value !== undefined) return { header, value: String(value) };
  }
  return null;
}
