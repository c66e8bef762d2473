import { createHmac, timingSafeEqual } from 'node:crypto';
import { nobodysHash } from '../passwords/scrypt.ts';
import { StoreUnavailable } from '../ports/store.ts';
import type { Store } from '../store/store.ts';

/*
 * scrypt makes a stolen data file hard to guess passwords from, and a fleet slow to come back: 10,000 log-ins of 40 ms
 * take minutes after each restart. A password of 128 random bits needs no such help: nobody guesses it, whatever the hash
 * costs. So, once such a password has been verified, an HMAC of it is kept beside its scrypt hash, and from then on
 * lets the device in at the price of one HMAC. What it does not let in costs scrypt all the same, so that the time tells no
 * stranger which devices there are. The key is in the data file, like the hashes: what protects the
 * password is its own entropy. One that a person may have thought of never gets a fingerprint.
 */

/** Fewest characters and different ones among them; 20 of hexadecimal are 80 bits. */
const fewest = { characters: 20, different: 10 } as const;

/**
 * Whether a password was made by a machine, as far as one can see: long, without a space, and in at least every third
 * place a letter beside a digit, a capital beside a small one or a sign beside either. What people think of has its words
 * and numbers in runs. To take a generated one for theirs only costs scrypt.
 */
export function looksGenerated(password: string): boolean {
  if (password.length < fewest.characters || new Set(password).size < fewest.different) return false;
  if (!/^[\x21-\x7e]+$/.test(password)) return false;
  let changes = 0;
  for (let i = 1; i < password.length; i++) {
    if (kind(password.charAt(i)) !== kind(password.charAt(i - 1))) changes++;
  }
  return changes * 3 >= password.length;
}

function kind(character: string): 'digit' | 'small' | 'capital' | 'sign' {
  if (/\d/.test(character)) return 'digit';
  if (/[a-z]/.test(character)) return 'small';
  return /[A-Z]/.test(character) ? 'capital' : 'sign';
}

interface Fingerprinted {
  readonly id: string;
  /** The scrypt hash that it goes with: another password has another. */
  readonly password: string;
  readonly fingerprint: Buffer | null;
}

const nobody: Fingerprinted = { id: 'nobody', password: nobodysHash, fingerprint: null };

/** Fingerprints of devices' passwords. */
export class Fingerprints {
  readonly #store: Store;
  readonly #key: Buffer;

  constructor(store: Store) {
    this.#store = store;
    this.#key = store.fingerprintKey();
  }

  /** Whether this is the device's password; `null` when only scrypt can tell. The same work for any device, and for none. */
  check(device: Fingerprinted | null, password: string): boolean | null {
    const given = this.#of(device ?? nobody, password);
    if (!device?.fingerprint) return null;
    return given.length === device.fingerprint.length && timingSafeEqual(given, device.fingerprint);
  }

  /** To be called with a password that has been verified. `generated`: whether a machine has made it. */
  remember(device: Fingerprinted, password: string, generated = looksGenerated(password)): void {
    if (device.fingerprint !== null || !generated) return;
    try {
      this.#store.devices.setFingerprint(device.id, device.password, this.#of(device, password));
    } catch (error) {
      // It saves time, and there is another log-in.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  #of({ id, password: hash }: Fingerprinted, password: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([id, hash, password]))
      .digest();
  }
}
