import { decodeBasic } from 'rm-agent/protocol';
import type { Clock } from '../clock.ts';
import { type PasswordVerifier, VerifierBusy } from '../passwords/verifier.ts';
import type { Store } from '../store/store.ts';
import type { UserRecord } from '../store/users.ts';
import type { Tokens } from './tokens.ts';

/** `busy`: more log-ins wait than `limits.verificationsWaiting`. */
export type UserVerdict = UserRecord | 'refused' | 'busy';

/** Decides who a user is by an `Authorization` header: Basic, or Bearer with a token of ours. */
export class UserAuthentication {
  readonly #store: Store;
  readonly #verifier: PasswordVerifier;
  readonly #tokens: Tokens;
  readonly #clock: Clock;

  constructor(store: Store, verifier: PasswordVerifier, tokens: Tokens, clock: Clock) {
    this.#store = store;
    this.#verifier = verifier;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  async authenticate(authorization: string | undefined): Promise<UserVerdict> {
    if (authorization === undefined) return 'refused';
    const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
    if (token !== undefined) {
      const find = (name: string) => this.#store.users.get(name);
      return this.#tokens.verify(token, find, this.#clock.date()) ?? 'refused';
    }
    const basic = decodeBasic(authorization);
    return basic ? this.checkPassword(basic.user, basic.password) : 'refused';
  }

  async checkPassword(name: string, password: string): Promise<UserVerdict> {
    const user = this.#store.users.get(name);
    try {
      const valid = await this.#verifier.verify({ kind: 'user', name, password }, user?.password ?? null);
      return valid && user ? user : 'refused';
    } catch (error) {
      if (error instanceof VerifierBusy) return 'busy';
      throw error;
    }
  }
}
