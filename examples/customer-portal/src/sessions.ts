import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Secrets that stand for something until a time, and for nothing afterwards; the oldest goes when there are too many. */
export class Sessions<T> {
  readonly #held = new Map<string, { readonly value: T; readonly until: number }>();
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** A new secret for `value`. */
  begin(value: T): string {
    const secret = randomBytes(32).toString('base64url');
    const [oldest] = this.#held.keys();
    if (this.#held.size >= 10_000 && oldest !== undefined) this.#held.delete(oldest);
    this.#held.set(secret, { value, until: Date.now() + 1000 * this.#seconds });
    return secret;
  }

  get(secret: string | undefined): T | null {
    const found = secret === undefined ? undefined : this.#held.get(secret);
    return found && found.until > Date.now() ? found.value : null;
  }

  /** The same, for the only time. */
  take(secret: string | undefined): T | null {
    const value = this.get(secret);
    if (secret !== undefined) this.#held.delete(secret);
    return value;
  }
}

/** The cookie of this name. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [key = '', value] = pair.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}

/** All cookies but the one of this name, for the device. */
export function withoutCookie(header: string | undefined, name: string): string | undefined {
  const rest = (header ?? '').split(';').filter((pair) => pair.trim().split('=', 1)[0] !== name);
  return rest.join(';').trim() || undefined;
}
