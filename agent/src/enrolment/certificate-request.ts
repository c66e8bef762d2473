import { base64Decode, base64Encode, utf8Encode } from 'rm-protocol';
import type { Crypto } from '../host.ts';

/** Object identifiers, encoded (RFC 5480 section 2.1.1, RFC 5758 section 3.2, RFC 5280 appendix A.1). */
const EC_PUBLIC_KEY = [0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256 = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ECDSA_WITH_SHA256 = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const COMMON_NAME = [0x06, 3, 0x55, 4, 3];

const SEQUENCE = 0x30;
const SET = 0x31;
const BIT_STRING = 3;
const OCTET_STRING = 4;
const UTF8_STRING = 12;

/** One element of DER (X.690 section 10). */
function der(tag: number, ...parts: readonly Iterable<number>[]): number[] {
  const content = parts.flatMap((part) => [...part]);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return [tag, ...size, ...content];
}

/** A new private key of P-256 as PEM (RFC 5915), with its public key. */
export function newKey(crypto: Crypto): string {
  const pair = crypto.generateKey();
  const bytes = der(
    SEQUENCE,
    [2, 1, 1],
    der(OCTET_STRING, pair.subarray(0, 32)),
    der(0xa0, P256),
    der(0xa1, der(BIT_STRING, [0], pair.subarray(32))),
  );
  const text = base64Encode(new Uint8Array(bytes)).replace(/.{64}/g, '$&\n');
  return `-----BEGIN EC PRIVATE KEY-----\n${text}\n-----END EC PRIVATE KEY-----`;
}

/** A request for a certificate of the key that {@link newKey} has made (PKCS#10, RFC 2986), Base64 of its DER. */
export function certificateRequest(crypto: Crypto, pem: string, commonName: string): string {
  const text = /PRIVATE KEY-----([^-]*)/.exec(pem)?.[1] ?? '';
  const key = base64Decode(text.replace(/\s/g, '')) ?? new Uint8Array();
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, utf8Encode(commonName)))));
  const point = key.subarray(-65);
  const publicKey = der(SEQUENCE, der(SEQUENCE, EC_PUBLIC_KEY, P256), der(BIT_STRING, [0], point));
  const info = der(SEQUENCE, [2, 1, 0], name, publicKey, [0xa0, 0]);
  // SEQUENCE of 2 bytes, version of 3, tag and length of 2, and the scalar of 32.
  const signature = crypto.signature(key.subarray(7, 39), new Uint8Array(info));
  const request = der(SEQUENCE, info, der(SEQUENCE, ECDSA_WITH_SHA256), der(BIT_STRING, [0], signature));
  return base64Encode(new Uint8Array(request));
}
