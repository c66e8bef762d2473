import { utf8Encode } from 'rm-protocol';
import type { Host } from '../../host.ts';
import { Attempts } from './attempts.ts';
import { sameText } from './constant-time.ts';
import { Hmac } from './hmac.ts';
import { pageLimits } from './limits.ts';
import { base64Url, randomText } from './random-text.ts';

type Machine = Pick<Host, 'clock' | 'crypto'>;

/**
 * Browsers in which somebody has logged in, each with attempts of its own, so that strangers cannot make them wait. A browser
 * is known by a cookie `NAME.CODE`, where CODE is an HMAC of NAME. Its key is what is stored of the account: nothing
 * else is kept, a restart forgets no browser, and a new password or a change of one-time codes forgets all of them.
 */
export class KnownBrowsers {
  readonly #machine: Machine;
  /** Of browsers with wrong attempts, by name; the one that tried least recently stands first. */
  readonly #attempts = new Map<string, Attempts>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The cookie for a browser in which somebody has logged in. */
  cookie(secret: string): string {
    const name = randomText(this.#machine);
    return `${name}.${this.#code(name, secret)}`;
  }

  /** The attempts of the browser with this cookie; `null`: it is not known. */
  attempts(cookie: string, secret: string): Attempts | null {
    const [, name = '', code = ''] = /^([\w-]{43})\.([\w-]{43})$/.exec(cookie) ?? [];
    if (name === '' || !sameText(code, this.#code(name, secret))) return null;
    const attempts = this.#attempts.get(name) ?? new Attempts(this.#machine.clock);
    this.#attempts.delete(name);
    this.#attempts.set(name, attempts);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > pageLimits.browsers && oldest !== undefined) this.#attempts.delete(oldest);
    return attempts;
  }

  #code(name: string, secret: string): string {
    const key = utf8Encode(secret);
    return base64Url(new Hmac(this.#machine.crypto, 'sha-256', key, name.length).of(utf8Encode(name)));
  }
}
