import type { Freshness } from './freshness.ts';

/** The name of this cache (RFC 9211 section 2). */
const name = 'rm-server';

const line = (...parameters: readonly string[]): string[] => [
  'Cache-Status',
  [name, ...parameters].join('; '),
];

const ttl = (freshness: Freshness) => `ttl=${Math.floor(freshness.left())}`;

/** Lines of an answer that was not asked of the device. */
export function hit(freshness: Freshness): string[] {
  return ['Age', String(Math.floor(freshness.age())), ...line('hit', ttl(freshness))];
}

/** Lines of an answer that the device has said still holds. */
export function revalidated(freshness: Freshness): string[] {
  return line('fwd=stale', 'fwd-status=304', ttl(freshness));
}

/** Lines of an answer of the device. */
export function forwarded(why: 'uri-miss' | 'stale', stored: boolean): string[] {
  return stored ? line(`fwd=${why}`, 'stored') : line(`fwd=${why}`);
}
