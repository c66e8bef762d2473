import { base64Decode } from './base64.ts';
import { type DerElement, derElement, derElements } from './der.ts';

const SEQUENCE = 0x30;
const VERSION = 0xa0;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/**
 * When each certificate of a PEM text (RFC 7468 section 5) expires, in milliseconds since 1970, in their order. What is
 * no certificate, or cannot be read, is passed over: this is for reminding people, not for trust.
 */
export function certificateEnds(pem: string): number[] {
  const ends: number[] = [];
  for (const [, text = ''] of pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g)) {
    const der = base64Decode(text.replace(/\s/g, ''));
    const end = der && expiryOf(der);
    if (end !== null) ends.push(end);
  }
  return ends;
}

/** `notAfter` (RFC 5280 section 4.1). */
function expiryOf(der: Uint8Array): number | null {
  const certificate = derElement(der, 0, der.length, SEQUENCE);
  const body = certificate && derElement(der, certificate.start, certificate.end, SEQUENCE);
  if (!body) return null;
  // version (optional), serialNumber, signature, issuer, validity
  const fields = derElements(der, body.start, body.end);
  const validity = fields?.[fields[0]?.tag === VERSION ? 4 : 3];
  const until = validity?.tag === SEQUENCE && derElements(der, validity.start, validity.end)?.[1];
  return until ? timeOf(der, until) : null;
}

/** RFC 5280 section 4.1.2.5: always in GMT, with seconds. */
function timeOf(der: Uint8Array, { tag, start, end }: DerElement): number | null {
  const text = String.fromCharCode(...der.subarray(start, Math.min(end, start + 16)));
  const century = tag === UTC_TIME ? (text < '5' ? '20' : '19') : '';
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text);
  if (!match || (tag !== UTC_TIME && tag !== GENERALIZED_TIME)) return null;
  const [year = 0, month = 1, day, hour, minute, second] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
