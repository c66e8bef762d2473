import type { Crypto, DigestAlgorithm } from '../../host.ts';

/** The block of SHA-1 and SHA-256, in bytes. */
const BLOCK = 64;

/** HMAC (RFC 2104) with one key, for messages of one length in bytes. */
export class Hmac {
  readonly #crypto: Pick<Crypto, 'digest'>;
  readonly #algorithm: DigestAlgorithm;
  readonly #inner: Uint8Array;
  readonly #outer: Uint8Array;

  constructor(
    crypto: Pick<Crypto, 'digest'>,
    algorithm: Exclude<DigestAlgorithm, 'md5'>,
    key: Uint8Array,
    length: number,
  ) {
    this.#crypto = crypto;
    this.#algorithm = algorithm;
    const short = key.length > BLOCK ? crypto.digest(algorithm, key) : key;
    this.#inner = new Uint8Array(BLOCK + length).fill(0x36, 0, BLOCK);
    this.#outer = new Uint8Array(BLOCK + (algorithm === 'sha-1' ? 20 : 32)).fill(0x5c, 0, BLOCK);
    short.forEach((byte, at) => {
      this.#inner[at] = 0x36 ^ byte;
      this.#outer[at] = 0x5c ^ byte;
    });
  }

  /** The code of a message. */
  of(message: Uint8Array): Uint8Array {
    this.#inner.set(message, BLOCK);
    this.#outer.set(this.#crypto.digest(this.#algorithm, this.#inner), BLOCK);
    return this.#crypto.digest(this.#algorithm, this.#outer);
  }
}
