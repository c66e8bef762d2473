import type { IncomingMessage } from 'node:http';
import { decodeBasic } from 'rm-agent/protocol';
import { type PasswordVerifier, VerifierBusy } from '../passwords/verifier.ts';
import { secretsOf } from '../sessions/cookies.ts';
import type { SessionPlace, Sessions } from '../sessions/sessions.ts';
import type { Store } from '../store/store.ts';
import type { UserRecord } from '../store/users.ts';
import type { Identity } from './identity.ts';
import type { Tokens } from './tokens.ts';

/** `busy`: more log-ins wait than `limits.verificationsWaiting`. */
export type Denied = 'refused' | 'busy';

/** Where a request goes, and how it came. */
export interface RequestPlace {
  /** The host it is for: sessions of another are not taken. */
  readonly place: Exclude<SessionPlace, { kind: 'token' }>;
  /** Over TLS, up to us or to a trusted proxy. */
  readonly secure: boolean;
}

/**
 * Decides who a request is from: by the cookie of a session, else by `Authorization`: Basic, or Bearer with a token of
 * ours. With a valid cookie `Authorization` is not looked at: it is meant for the device then.
 */
export class UserAuthentication {
  readonly #store: Store;
  readonly #verifier: PasswordVerifier;
  readonly #tokens: Tokens;
  readonly #sessions: Sessions;

  constructor(store: Store, verifier: PasswordVerifier, tokens: Tokens, sessions: Sessions) {
    this.#store = store;
    this.#verifier = verifier;
    this.#tokens = tokens;
    this.#sessions = sessions;
  }

  async authenticate(request: IncomingMessage, { place, secure }: RequestPlace): Promise<Identity | Denied> {
    for (const secret of secretsOf(request.rawHeaders, place.kind === 'own' ? 'own' : 'device', secure)) {
      const session = this.#sessions.find(secret, place);
      if (session) return { user: session.user, session };
    }
    const { authorization } = request.headers;
    if (authorization === undefined) return 'refused';
    const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
    if (token !== undefined) {
      const session = this.#tokens.verify(token);
      return session ? { user: session.user, session } : 'refused';
    }
    const basic = decodeBasic(authorization);
    if (!basic) return 'refused';
    const user = await this.checkPassword(basic.user, basic.password);
    return typeof user === 'string' ? user : { user, session: null };
  }

  async checkPassword(name: string, password: string): Promise<UserRecord | Denied> {
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
