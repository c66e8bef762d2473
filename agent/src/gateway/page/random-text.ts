import { base64Encode } from 'rm-protocol';
import type { Host } from '../../host.ts';

/** Base64url without padding (RFC 4648 section 5). */
export function base64Url(bytes: Uint8Array): string {
  return base64Encode(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}

/** A text that nobody guesses: 256 bits, 43 characters. */
export function randomText({ crypto }: Pick<Host, 'crypto'>): string {
  const bytes = new Uint8Array(32);
  crypto.random(bytes);
  return base64Url(bytes);
}
