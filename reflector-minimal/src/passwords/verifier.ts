import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Limits } from '../limits.ts';
import { hashPassword, matchesHash, nobodysHash } from './scrypt.ts';

/** More verifications of this kind wait than `limits.verificationsWaiting`. */
export class VerifierBusy extends Error {
  override readonly name = 'VerifierBusy';
}

export interface Claim {
  /** Keeps users and devices of one name apart. */
  readonly kind: 'user' | 'device';
  readonly name: string;
  readonly password: string;
}

/**
 * Verifies passwords, a few at a time, of users and of devices by turns: a flood of the ones does not keep the others
 * out. What was verified is remembered as an HMAC under a key that only this process
 * has, together with the stored hash it was verified against: another hash in the store makes the memory void.
 */
export class PasswordVerifier {
  readonly #limits: Limits;
  readonly #key = randomBytes(32);
  /** Stored hash by HMAC of the claim. */
  readonly #verified: LRUCache<string, string>;
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #waiting = { user: [] as (() => void)[], device: [] as (() => void)[] };
  #last: Claim['kind'] = 'user';
  #running = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#verified = new LRUCache({ max: limits.verifiedCredentials });
  }

  /** Whether this claim was verified against this hash lately. */
  remembers(claim: Claim, stored: string): boolean {
    return this.#verified.get(this.#identify(claim)) === stored;
  }

  /**
   * Whether the password is that of `stored`; `null` for a name that does not exist takes as long and is false.
   * Rejects with {@link VerifierBusy}.
   */
  async verify(claim: Claim, stored: string | null): Promise<boolean> {
    const id = this.#identify(claim);
    if (stored !== null && this.#verified.get(id) === stored) return true;
    // A browser opens several connections at once with the same credentials: one verification serves them all.
    const key = `${id}:${stored}`;
    let result = this.#underWay.get(key);
    if (!result) {
      result = this.#inTurn(claim.kind, () => matchesHash(claim.password, stored ?? nobodysHash)).finally(
        () => this.#underWay.delete(key),
      );
      this.#underWay.set(key, result);
    }
    const valid = (await result) && stored !== null;
    if (valid) this.#verified.set(id, stored);
    return valid;
  }

  /** A hash to be stored, within the same bounds as verifications. */
  hash(kind: Claim['kind'], password: string): Promise<string> {
    return this.#inTurn(kind, () => hashPassword(password));
  }

  #identify({ kind, name, password }: Claim): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([kind, name, password]))
      .digest('base64');
  }

  async #inTurn<T>(kind: Claim['kind'], compute: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.verificationsAtOnce) {
      this.#running++;
    } else {
      if (this.#waiting[kind].length >= this.#limits.verificationsWaiting)
        throw new VerifierBusy('too many log-ins');
      await new Promise<void>((resolve) => this.#waiting[kind].push(resolve));
    }
    try {
      return await compute();
    } finally {
      // The place goes to the next in a queue, or is given up.
      const next = this.#next();
      if (next) next();
      else this.#running--;
    }
  }

  #next(): (() => void) | undefined {
    const other = this.#last === 'user' ? 'device' : 'user';
    if (this.#waiting[other].length > 0) this.#last = other;
    return this.#waiting[this.#last].shift();
  }
}
