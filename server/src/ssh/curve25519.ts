import {
  type KeyExchange,
  KeyExchangeAlgorithm,
} from '@microsoft/dev-tunnels-ssh/algorithms/keyExchangeAlgorithm.js';
import { BigInt as SshInteger } from '@microsoft/dev-tunnels-ssh/io/bigInt.js';
import { Buffer } from 'buffer';
import { readStrings, writeStrings } from './strings.ts';
import type { CryptoKeyPair } from './web-crypto.ts';

const algorithm = { name: 'X25519' } as const;
const digestBytes = 32;

/** Whether this browser has X25519 (Chromium 133, Firefox 130, Safari 17 and later). */
export async function hasX25519(): Promise<boolean> {
  try {
    await crypto.subtle.generateKey(algorithm, false, ['deriveBits']);
    return true;
  } catch {
    return false;
  }
}

/**
 * What is hashed at the end of an exchange (RFC 8731 section 3): the library writes both public values as numbers, and here they are
 * strings. `input`: eight
 * strings, of which the sixth and the seventh are those values, and the last is the secret.
 */
export function withStrings(input: Uint8Array, own: Uint8Array, theirs: Uint8Array): Uint8Array {
  const strings = readStrings(input);
  const secret = strings.at(-1);
  if (strings.length !== 8 || !secret) throw new Error('not what is hashed at the end of an exchange');
  return writeStrings(...strings.slice(0, 5), own, theirs, secret);
}

class Exchange implements KeyExchange {
  readonly digestLength = digestBytes;
  #pair: CryptoKeyPair | null = null;
  #own: Uint8Array | null = null;
  /** Of the other side, until the exchange is hashed. */
  #theirs: Uint8Array | null = null;

  async startKeyExchange(): Promise<Buffer> {
    this.#pair = (await crypto.subtle.generateKey(algorithm, false, ['deriveBits'])) as CryptoKeyPair;
    this.#own = new Uint8Array(await crypto.subtle.exportKey('raw', this.#pair.publicKey));
    return Buffer.from(this.#own);
  }

  /** WebCrypto refuses a secret of zeros, which a public value of small order would give. */
  async decryptKeyExchange(exchangeValue: Buffer): Promise<Buffer> {
    if (!this.#pair) throw new Error('the exchange has not begun');
    this.#theirs = new Uint8Array(exchangeValue);
    const theirKey = await crypto.subtle.importKey('raw', this.#theirs.slice(), algorithm, false, []);
    const secret = await crypto.subtle.deriveBits(
      { ...algorithm, public: theirKey },
      this.#pair.privateKey,
      8 * digestBytes,
    );
    return SshInteger.fromBytes(Buffer.from(secret), { unsigned: true }).toBytes();
  }

  /** The first input after the secret is that of the exchange hash; what comes later is for keys. */
  async sign(data: Buffer): Promise<Buffer> {
    const own = this.#own;
    const theirs = this.#theirs;
    this.#theirs = null;
    const input = own && theirs ? withStrings(data, own, theirs) : data;
    return Buffer.from(await crypto.subtle.digest('SHA-256', input.slice()));
  }

  dispose(): void {}
}

/** RFC 8731, which the SSH library does not have, by WebCrypto. `name`: OpenSSH had one of its own before. */
export class Curve25519 extends KeyExchangeAlgorithm {
  constructor(name: 'curve25519-sha256' | 'curve25519-sha256@libssh.org') {
    super(name, 8 * digestBytes, 'SHA2-256', digestBytes);
  }

  createKeyExchange(): KeyExchange {
    return new Exchange();
  }
}
