import type { Signer, Verifier } from '@microsoft/dev-tunnels-ssh/algorithms/hmacAlgorithm.js';
import {
  type KeyPair,
  PublicKeyAlgorithm,
} from '@microsoft/dev-tunnels-ssh/algorithms/publicKeyAlgorithm.js';
import { Buffer } from 'buffer';
import { readStrings, writeStrings } from './strings.ts';
import type { CryptoKey } from './web-crypto.ts';

/** RFC 8709. */
const algorithmName = 'ssh-ed25519';
const signatureBytes = 64;

/** Whether this browser can check and make such signatures (Chromium 137, Firefox 129, Safari 17 and later). */
export async function hasEd25519(): Promise<boolean> {
  try {
    await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']);
    return true;
  } catch {
    return false;
  }
}

/** Signs with a private key that is elsewhere. Rejects where that is refused. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>;

/** A key with which somebody logs in. */
export interface LogInKey {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey | Sign;
}

/** A key of WebCrypto. The private part, where there is one, need not be extractable. */
export class Ed25519Key implements KeyPair {
  readonly keyAlgorithmName = algorithmName;
  comment: string | null = null;
  publicKey: CryptoKey | null = null;
  privateKey: CryptoKey | Sign | null = null;

  static of({ publicKey, privateKey }: LogInKey): Ed25519Key {
    return Object.assign(new Ed25519Key(), { publicKey, privateKey });
  }

  get hasPublicKey(): boolean {
    return this.publicKey !== null;
  }

  get hasPrivateKey(): boolean {
    return this.privateKey !== null;
  }

  async setPublicKeyBytes(bytes: Buffer): Promise<void> {
    const [name, key] = readStrings(bytes);
    if (!key || new TextDecoder().decode(name) !== algorithmName)
      throw new Error(`not a key of ${algorithmName}`);
    this.publicKey = await crypto.subtle.importKey('raw', key.slice(), { name: 'Ed25519' }, true, ['verify']);
  }

  async getPublicKeyBytes(): Promise<Buffer | null> {
    if (!this.publicKey) return null;
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', this.publicKey));
    return Buffer.from(writeStrings(new TextEncoder().encode(algorithmName), raw));
  }

  generate(): Promise<void> {
    return Promise.reject(new Error('keys are made elsewhere'));
  }

  importParameters(): Promise<void> {
    return Promise.reject(new Error('keys do not leave the browser'));
  }

  exportParameters(): Promise<object> {
    return Promise.reject(new Error('keys do not leave the browser'));
  }

  dispose(): void {}
}

/** Ed25519 for the SSH library, which does not have it, by WebCrypto. */
export class Ed25519 extends PublicKeyAlgorithm {
  constructor() {
    super(algorithmName, algorithmName, 'SHA2-512');
  }

  createKeyPair(): KeyPair {
    return new Ed25519Key();
  }

  generateKeyPair(): Promise<KeyPair> {
    return Promise.reject(new Error('keys are made elsewhere'));
  }

  createSigner(pair: KeyPair): Signer {
    const key = pair instanceof Ed25519Key ? pair.privateKey : null;
    return {
      digestLength: signatureBytes,
      async sign(data) {
        if (!key) throw new Error('there is no private key');
        if (typeof key === 'function') return Buffer.from(await key(data));
        return Buffer.from(await crypto.subtle.sign({ name: 'Ed25519' }, key, data.slice()));
      },
      dispose() {},
    };
  }

  createVerifier(pair: KeyPair): Verifier {
    const key = pair instanceof Ed25519Key ? pair.publicKey : null;
    return {
      digestLength: signatureBytes,
      async verify(data, signature) {
        if (!key) throw new Error('there is no public key');
        return crypto.subtle.verify({ name: 'Ed25519' }, key, signature.slice(), data.slice());
      },
      dispose() {},
    };
  }
}
