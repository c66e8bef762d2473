import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Seconds that a code is for (RFC 6238 section 4.1); what every authenticator app assumes. */
const stepSeconds = 30;
const digits = 6;
/** Steps that the user's clock may be off, either way (RFC 6238 section 5.2). */
const tolerance = 1;

/** 160 bits, the length of the hash (RFC 4226 section 4). */
export function makeTotpSecret(): Buffer {
  return randomBytes(20);
}

/** The step that `now` (wall-clock ms) is in. */
export function stepAt(now: number): number {
  return Math.floor(now / 1000 / stepSeconds);
}

/** The code of one step: HOTP with HMAC-SHA-1 (RFC 4226 section 5.3). */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const truncated = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, '0');
}

/** The step that a code is of, among those around `now`; `null` for none. All are compared, each in constant time. */
export function stepOfCode(secret: Uint8Array, code: string, now: number): number | null {
  const given = Buffer.from(code.replaceAll(/\s/g, ''));
  let found: number | null = null;
  for (let step = stepAt(now) - tolerance; step <= stepAt(now) + tolerance; step++) {
    const expected = Buffer.from(totpCode(secret, Math.max(step, 0)));
    if (given.length === expected.length && timingSafeEqual(given, expected)) found = step;
  }
  return found;
}

/** RFC 4648 section 6, without padding: how authenticator apps take a secret that is typed. */
export function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet.charAt((value >> (bits - 5)) & 31);
  }
  return bits === 0 ? text : text + alphabet.charAt((value << (5 - bits)) & 31);
}

/** What the QR code says (Key Uri Format of Google Authenticator, which the others follow). */
export function otpauthUri(issuer: string, account: string, secret: Uint8Array): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  const parameters = `secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}`;
  return `otpauth://totp/${label}?${parameters}&algorithm=SHA1&digits=${digits}&period=${stepSeconds}`;
}
