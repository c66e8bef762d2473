import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SharedState } from '../ports/shared-state.ts';
import { StoreUnavailable } from '../ports/store.ts';

export interface OneUseLimits {
  /** How long a token is good. */
  readonly ms: number;
  /** Tokens that one process uses up within that time and 5 s. */
  readonly used: number;
}

export type ReadToken =
  | { readonly payload: Buffer; readonly epoch: Buffer }
  /** One of ours, but expired, or from before the state was lost. */
  | 'stale'
  | 'foreign';

/** Time of issue (8), epoch (8), random bytes (16); then the payload, and an HMAC of all of it (32). */
const headBytes = 32;
const macBytes = 32;

/** How far the clocks of two processes may be from each other, ms. */
const skewMs = 5_000;

/**
 * Tokens that any process of an installation issues and any other takes, each of them once. A token carries all that it says, signed; what
 * is kept is only that it was used. Whoever has one can read its payload.
 */
export class OneUseTokens {
  readonly #shared: SharedState;
  readonly #purpose: string;
  readonly #key: Buffer;
  readonly #ms: number;
  readonly #most: number;
  /** When what this process has used is good no more, of the shared clock; the first first. */
  readonly #used: number[] = [];
  #underWay = 0;

  /** `key`: the secret of the installation. Tokens of one purpose are foreign to another. */
  constructor(shared: SharedState, key: Buffer, purpose: string, { ms, used }: OneUseLimits) {
    this.#shared = shared;
    this.#purpose = purpose;
    this.#key = createHmac('sha256', key).update(`one-use ${purpose}`).digest();
    this.#ms = ms;
    this.#most = used;
  }

  /** In the characters of Base64url. */
  issue(payload: Buffer = Buffer.alloc(0)): string {
    const head = Buffer.alloc(headBytes);
    head.writeDoubleBE(this.#shared.now());
    this.#shared.epoch.copy(head, 8, 0, 8);
    randomBytes(16).copy(head, 16);
    const body = Buffer.concat([head, payload]);
    return Buffer.concat([body, this.#sign(body)]).toString('base64url');
  }

  /** Does not use it up. */
  read(token: string): ReadToken {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length < headBytes + macBytes || bytes.toString('base64url') !== token) return 'foreign';
    const body = bytes.subarray(0, -macBytes);
    if (!timingSafeEqual(bytes.subarray(-macBytes), this.#sign(body))) return 'foreign';
    const age = this.#shared.now() - body.readDoubleBE();
    const epoch = body.subarray(8, 16);
    if (!(age <= this.#ms && age >= -skewMs) || !epoch.equals(this.#shared.epoch)) return 'stale';
    return { payload: body.subarray(headBytes), epoch };
  }

  /**
   * Its payload, for one call in all processes; `null`: it is not good, or was used. Rejects with `StoreUnavailable`, also when this
   * process has used too many lately: tokens of other purposes are taken all the same.
   */
  async redeem(token: string): Promise<Buffer | null> {
    const found = this.read(token);
    if (typeof found === 'string') return null;
    this.#forget();
    if (this.#used.length + this.#underWay >= this.#most)
      throw new StoreUnavailable('BUSY', 'too many were used lately', `a one-use token (${this.#purpose})`);
    this.#underWay++;
    try {
      const ms = this.#ms + skewMs;
      const isFirst = await this.#shared.once(this.#usedAs(token), found.epoch, ms);
      this.#used.push(this.#shared.now() + ms);
      return isFirst ? found.payload : null;
    } finally {
      this.#underWay--;
    }
  }

  #forget(): void {
    const now = this.#shared.now();
    const left = this.#used.findIndex((until) => until > now);
    this.#used.splice(0, left < 0 ? this.#used.length : left);
  }

  /** What is kept of a used token opens nothing. */
  #usedAs(token: string): Buffer {
    return createHmac('sha256', this.#key).update(`used ${token}`).digest();
  }

  #sign(body: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
