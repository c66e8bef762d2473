import type { IncomingMessage } from 'node:http';

/**
 * Where a program may say who it is at the reflector. In any but `Authorization` it leaves that header to the device, which
 * may want a name and password of its own: `X-PTTH-Authorization`, as programs of the original send it, or
 * `Proxy-Authorization` (RFC 9110 section 11.7.2).
 */
const places = ['x-ptth-authorization', 'proxy-authorization', 'authorization'] as const;

export interface ReflectorCredentials {
  readonly header: (typeof places)[number];
  /** `Basic …` or `Bearer …`. */
  readonly value: string;
}

/** What a request brings for the reflector; `null`: nothing. Each header occurs once at most (`http/request-rules.ts`). */
export function credentialsOf({ headers }: Pick<IncomingMessage, 'headers'>): ReflectorCredentials | null {
  for (const header of places) {
    const value = headers[header];
    if (value !== undefined) return { header, value: String(value) };
  }
  return null;
}
