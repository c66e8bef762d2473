import { createECDH, createHash, createPrivateKey, randomFillSync, sign } from 'node:crypto';
import { maskWords } from 'rm-protocol';
import type { Crypto } from '../src/host.ts';

const CURVE = 'prime256v1';

const hashNames = { 'sha-1': 'sha1', 'sha-256': 'sha256', md5: 'md5' } as const;

export const crypto: Crypto = {
  random: (bytes) => {
    randomFillSync(bytes);
  },

  digest: (algorithm, data) => createHash(hashNames[algorithm]).update(data).digest(),

  mask: maskWords,

  generateKey: () => {
    const pair = createECDH(CURVE);
    const point = pair.generateKeys();
    const scalar = pair.getPrivateKey();
    // It comes without zeros before it.
    return Buffer.concat([Buffer.alloc(32 - scalar.length), scalar, point]);
  },

  signature: (scalar, data) => {
    const pair = createECDH(CURVE);
    pair.setPrivateKey(scalar);
    const point = pair.getPublicKey();
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
    const jwk = { kty: 'EC', crv: 'P-256', x: text(point.subarray(1, 33)), y: text(point.subarray(33)) };
    const key = createPrivateKey({ key: { ...jwk, d: text(scalar) }, format: 'jwk' });
    return sign('sha256', data, key);
  },
};
