import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SharedState } from '../ports/shared-state.ts';

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
  readonly #key: Buffer;
  readonly #ms: number;

  /** `key`: the secret of the installation. Tokens of one purpose are foreign to another. `ms`: how long a token is good. */
  constructor(shared: SharedState, key: Buffer, purpose: string, ms: number) {
    this.#shared = shared;
    this.#key = createHmac('sha256', key).update(`one-use ${purpose}`).digest();
    this.#ms = ms;
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

  /** Its payload, for one call in all processes; `null`: it is not good, or was used. Rejects with `StoreUnavailable`. */
  async redeem(token: string): Promise<Buffer | null> {
    const found = this.read(token);
    if (typeof found === 'string') return null;
    const isFirst = await this.#shared.once(this.#usedAs(token), found.epoch, this.#ms + skewMs);
    return isFirst ? found.payload : null;
  }

  /** What is kept of a used token opens nothing. */
  #usedAs(token: string): Buffer {
    return createHmac('sha256', this.#key).update(`used ${token}`).digest();
  }

  #sign(body: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
