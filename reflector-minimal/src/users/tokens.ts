import { createHmac, timingSafeEqual } from 'node:crypto';
import type { UserRecord } from '../store/users.ts';

/** The only header we make, and the only one we take: an algorithm named by the peer is never followed (RFC 8725). */
const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url');

interface Payload {
  readonly sub: string;
  readonly app: string;
  readonly iat: number;
  readonly exp: number;
  /** Ties the token to the password that it was given for: another password ends it. */
  readonly pwd: string;
}

/** Signed, expiring tokens (JWT, RFC 7519, HS256) in place of a password (`webtunnel.md` section 4). */
export class Tokens {
  readonly #key: Buffer;
  readonly #lifetime: number;

  /** `lifetime` in seconds. */
  constructor(key: Buffer, lifetime: number) {
    this.#key = key;
    this.#lifetime = lifetime;
  }

  /** `now`: wall-clock ms, here and below; `expires` is in epoch seconds. */
  issue(user: UserRecord, application: string, now: number): { token: string; expires: number } {
    const iat = Math.floor(now / 1000);
    const expires = iat + this.#lifetime;
    const payload: Payload = {
      sub: user.name,
      app: application,
      iat,
      exp: expires,
      pwd: this.#fingerprint(user),
    };
    const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
    return { token: `${signed}.${this.#sign(signed).toString('base64url')}`, expires };
  }

  /** The user of a token that is ours, not expired, and of the user's present password; else `null`. */
  verify(token: string, find: (name: string) => UserRecord | null, now: number): UserRecord | null {
    const [head, body = '', signature = '', ...rest] = token.split('.');
    if (head !== header || rest.length > 0) return null;
    const given = Buffer.from(signature, 'base64url');
    const expected = this.#sign(`${head}.${body}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    // Signed by us: the shape is known.
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as Payload;
    if (payload.exp <= now / 1000) return null;
    const user = find(payload.sub);
    return user && payload.pwd === this.#fingerprint(user) ? user : null;
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }

  #fingerprint(user: UserRecord): string {
    return this.#sign(`password of ${user.name}: ${user.password}`).toString('base64url').slice(0, 22);
  }
}
