import type { Crypto } from '../../host.ts';
import { sameText } from './constant-time.ts';
import { Hmac } from './hmac.ts';

/** One-time codes by time (TOTP, RFC 6238): six digits, SHA-1, steps of 30 seconds, as every authenticator has them. */

const STEP_MS = 30_000;

/** How far the clocks may be apart, in steps. */
const TOLERANCE = 1;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Base32 without padding (RFC 4648 section 6), for bytes whose number is a multiple of five. */
export function base32Encode(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet.charAt((held >> (bits - 5)) & 31);
    held &= 31;
  }
  return text;
}

/** The bytes, or `null` where it is no such text. */
export function base32Decode(text: string): Uint8Array | null {
  if (!/^(?:[A-Z2-7]{8})+$/.test(text)) return null;
  const bytes = new Uint8Array((text.length * 5) / 8);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const character of text) {
    held = ((held << 5) | alphabet.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return bytes;
}

/** The step of a time, in Unix milliseconds. */
export function stepAt(dateMs: number): number {
  return Math.floor(dateMs / STEP_MS);
}

/** The code of a step (RFC 4226 section 5.3). */
export function codeOf(crypto: Pick<Crypto, 'digest'>, secret: Uint8Array, step: number): string {
  const counter = new Uint8Array(8);
  let rest = step;
  for (let at = 7; at >= 0; at--) {
    counter[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  const digest = new Hmac(crypto, 'sha-1', secret, 8).of(counter);
  const at = (digest[19] ?? 0) & 15;
  const number = [0, 1, 2, 3].reduce((sum, more) => sum * 256 + (digest[at + more] ?? 0), 0) % 0x80000000;
  return String(number % 1_000_000).padStart(6, '0');
}

/** The step of which this is the code, later than `after`, so that no code counts twice; `null`: none. */
export function stepOf(
  crypto: Pick<Crypto, 'digest'>,
  secret: Uint8Array,
  code: string,
  dateMs: number,
  after: number,
): number | null {
  const now = stepAt(dateMs);
  let found: number | null = null;
  for (let step = now - TOLERANCE; step <= now + TOLERANCE; step++)
    if (sameText(codeOf(crypto, secret, step), code) && step > after) found ??= step;
  return found;
}
