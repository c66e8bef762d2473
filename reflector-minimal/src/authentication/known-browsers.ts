import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A browser in which a user has logged in before keeps a mark, in a cookie. It opens nothing. But log-ins from there are
 * counted for that browser alone, so that strangers who guess passwords cannot lock the user out (OWASP, "Slow Down Online
 * Guessing Attacks with Device Cookies").
 */
export class KnownBrowsers {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** The mark for a user's browser: `<id>.<MAC>`. `user`: the `uid` of the account, here and below. */
  mark(user: string): string {
    const id = randomBytes(12).toString('base64url');
    return `${id}.${this.#mac(id, user).toString('base64url')}`;
  }

  /** The id of this user's browser that one of the marks belongs to; `null`: none. */
  identify(marks: readonly string[], user: string): string | null {
    for (const mark of marks) {
      const [, id, given] = /^([\w-]{16})\.([\w-]{43})$/.exec(mark) ?? [];
      if (id === undefined || given === undefined) continue;
      if (timingSafeEqual(this.#mac(id, user), Buffer.from(given, 'base64url'))) return id;
    }
    return null;
  }

  #mac(id: string, user: string): Buffer {
    return createHmac('sha256', this.#key).update(`known browser ${id} of ${user}`).digest();
  }
}
