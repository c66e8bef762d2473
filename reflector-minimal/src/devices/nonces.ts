import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Limits } from '../limits.ts';
import type { Eventual } from '../ports/eventual.ts';

/** What becomes of a good nonce: it is used up now, it was used meanwhile, or too many were used lately. */
export type NonceUse = 'used' | 'stale' | 'busy';

/** Nonces for Digest (RFC 7616 section 3.3), each valid for one log-in. `now`: monotonic ms. */
export interface DigestNonces {
  /** `check` says `stale` to whatever was used; otherwise only `use` can tell. */
  readonly knowsUses: boolean;
  issue(now: number): string;
  /** `stale`: one of ours, but expired or used; the client may answer a new one without asking its user. */
  check(nonce: string, now: number): 'good' | 'stale' | 'foreign';
  /** Uses up a good nonce. Rejects with `StoreUnavailable` when it cannot be told whether it was used. */
  use(nonce: string, now: number): Eventual<NonceUse>;
}

/**
 * The nonces of one process: random bytes, the time, and an HMAC of both. Only
 * used nonces are remembered, until they expire; an unused one costs no memory.
 */
export class Nonces implements DigestNonces {
  readonly knowsUses = true;
  readonly #limits: Limits;
  readonly #key = randomBytes(32);
  /** Expiry by nonce; the oldest use comes first. */
  readonly #used = new Map<string, number>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  issue(now: number): string {
    const body = Buffer.alloc(24);
    body.writeDoubleBE(now);
    randomBytes(16).copy(body, 8);
    return Buffer.concat([body, this.#sign(body)]).toString('base64url');
  }

  check(nonce: string, now: number): 'good' | 'stale' | 'foreign' {
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== 56 || bytes.toString('base64url') !== nonce) return 'foreign';
    const body = bytes.subarray(0, 24);
    if (!timingSafeEqual(bytes.subarray(24), this.#sign(body))) return 'foreign';
    const expired = now - body.readDoubleBE() > this.#limits.nonceMs;
    return expired || this.#used.has(nonce) ? 'stale' : 'good';
  }

  use(nonce: string, now: number): NonceUse {
    for (const [old, expiry] of this.#used) {
      if (expiry > now) break;
      this.#used.delete(old);
    }
    if (this.#used.size >= this.#limits.usedNonces) return 'busy';
    this.#used.set(nonce, now + this.#limits.nonceMs);
    return 'used';
  }

  #sign(body: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
