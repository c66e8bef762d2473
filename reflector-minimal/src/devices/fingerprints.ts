import { createHmac, timingSafeEqual } from 'node:crypto';
import { nobodysHash } from '../passwords/scrypt.ts';
import { type Store, StoreUnavailable } from '../ports/store.ts';

/*
 * scrypt protects the passwords of a stolen data file, but slows down a fleet: 10,000 log-ins of 40 ms take minutes after
 * each restart. A password with 128 random bits does not need it, because nobody can guess it whatever the hash costs. So
 * when such a password was verified once, an HMAC of it is stored beside its scrypt hash. From then on the device gets in
 * at the price of one HMAC. Everything that the HMAC does not admit still costs scrypt, so that the time does not tell
 * which devices exist. The key is in the data file like the hashes; what protects the password is its entropy. A
 * password that a person may have chosen never gets a fingerprint.
 */

/** Fewest characters, and fewest different ones; 20 hexadecimal digits are 80 bits. */
const fewest = { characters: 20, different: 10 } as const;

/**
 * Whether a password looks generated: long, without spaces, and changing between digits, small letters, capitals and signs
 * at every third character or more often. People choose words and numbers, which come in runs. A generated password that
 * is taken for a chosen one only costs scrypt.
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
  readonly #devices: Pick<Store['devices'], 'setFingerprint'>;
  readonly #key: Buffer;

  /** `key`: of the installation. */
  constructor(devices: Pick<Store['devices'], 'setFingerprint'>, key: Buffer) {
    this.#devices = devices;
    this.#key = key;
  }

  /** Whether this is the device's password; `null` when only scrypt can tell. The same work for any device, and for none. */
  check(device: Fingerprinted | null, password: string): boolean | null {
    const given = this.#of(device ?? nobody, password);
    if (!device?.fingerprint) return null;
    return given.length === device.fingerprint.length && timingSafeEqual(given, device.fingerprint);
  }

  /** To be called with a password that has been verified. `generated`: whether a machine has made it. */
  async remember(
    device: Fingerprinted,
    password: string,
    generated = looksGenerated(password),
  ): Promise<void> {
    if (device.fingerprint !== null || !generated) return;
    try {
      await this.#devices.setFingerprint(device.id, device.password, this.#of(device, password));
    } catch (error) {
      // It only saves time; the next log-in tries again.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  #of({ id, password: hash }: Fingerprinted, password: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([id, hash, password]))
      .digest();
  }
}
