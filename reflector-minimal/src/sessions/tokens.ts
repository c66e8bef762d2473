import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { Session } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import type { Sessions } from './sessions.ts';

/** The only header that we make and accept: an algorithm named by the peer is never used (RFC 8725). */
const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url');

interface Payload {
  readonly sub: string;
  readonly app: string;
  readonly iat: number;
  readonly exp: number;
  /** Secret of the session behind the token. Without that session the token is invalid. */
  readonly jti: string;
}

/**
 * Signed, expiring tokens (JWT, RFC 7519, HS256) in place of a password (`webtunnel.md` section 4). Each has a session of kind
 * `token` behind it, so that it can be revoked and ends when the password changes.
 */
export class Tokens {
  readonly #key: Buffer;
  readonly #lifetime: number;
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  /** `lifetime` in seconds. */
  constructor(key: Buffer, lifetime: number, sessions: Sessions, clock: Clock) {
    this.#key = key;
    this.#lifetime = lifetime;
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** `expires` is in epoch seconds. `null` when the user has gone in the meantime. */
  async issue(
    user: UserRecord,
    facts: { readonly application: string; readonly address: string },
  ): Promise<{ token: string; expires: number } | null> {
    const { application, address } = facts;
    const iat = Math.floor(this.#clock.date() / 1000);
    const expires = iat + this.#lifetime;
    const opened = await this.#sessions.create(user, {
      kind: 'token',
      lifetimeMs: this.#lifetime * 1000,
      address,
      agent: application,
    });
    if (!opened) return null;
    const payload: Payload = { sub: user.name, app: application, iat, exp: expires, jti: opened.secret };
    const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
    return { token: `${signed}.${this.#sign(signed).toString('base64url')}`, expires };
  }

  /** The session of a token; `null`: not ours, expired or revoked. */
  async verify(token: string): Promise<Session | null> {
    const [head, body = '', signature = '', ...rest] = token.split('.');
    if (head !== header || rest.length > 0) return null;
    const given = Buffer.from(signature, 'base64url');
    const expected = this.#sign(`${head}.${body}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    // Signed by us, so it is JSON, perhaps of an earlier version.
    const { exp, jti, sub } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Partial<Payload>;
    if (typeof exp !== 'number' || exp <= this.#clock.date() / 1000 || typeof jti !== 'string') return null;
    const session = await this.#sessions.find(jti, { kind: 'token' });
    return session?.user.name === sub ? session : null;
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
