import { utf8DecodeStrict, utf8Encode } from 'rm-protocol';
import { parseJson } from '../../config/json.ts';
import type { Host, HostFailure } from '../../host.ts';
import { messageOf } from '../../log/log.ts';
import { isObject } from '../source.ts';
import { Attempts } from './attempts.ts';
import { sameText } from './constant-time.ts';
import { KnownBrowsers } from './known-browsers.ts';
import { pageLimits } from './limits.ts';
import { base32Decode, base32Encode, stepOf } from './one-time-code.ts';
import { hashPassword, isPasswordHash, verifyPassword } from './password-hash.ts';

/** What the account's file holds. */
interface Stored {
  readonly password: string;
  /** The secret of one-time codes in base32; absent: none are asked for. */
  readonly totp?: string;
  /** That of the last code that counted; absent: none has. */
  readonly step?: number;
}

/** `null`: it was right. Else one line for a person, and the HTTP status. */
export type Verdict = null | { readonly status: 401 | 403 | 409 | 429 | 500; readonly error: string };

const wrong: Verdict = { status: 401, error: 'The password or the code is wrong.' };

/** How a visitor has come: those of one way never wait for what those of the other have tried. */
export type Way = 'tunnel' | 'network';

/** What a visitor has given. */
export interface Proof {
  readonly way: Way;
  readonly password: string;
  /** Of an authenticator; `''`: none. */
  readonly code: string;
  /** The cookie by which the browser is known; `''`: none. */
  readonly browser: string;
}

type Machine = Pick<Host, 'clock' | 'crypto' | 'files'>;

/**
 * The one account of the page, in a file of its own beside the state of the gateway: a hash of its password, and the secret of one-time
 * codes. Without the file, a code that only `rm-agent status` shows sets the password.
 */
export class Account {
  readonly #host: Machine;
  readonly #file: string;
  readonly #rounds: number;
  /** Of visitors whose browsers are not known. */
  readonly #strangers: Readonly<Record<Way, Attempts>>;
  readonly #browsers: KnownBrowsers;
  /** Of this start of the gateway. */
  readonly #setUpCode: string;
  /** A secret that nobody has confirmed yet. */
  #offered: Uint8Array | null = null;

  constructor(host: Machine, file: string, rounds: number) {
    this.#host = host;
    this.#rounds = rounds;
    this.#file = file;
    this.#strangers = { tunnel: new Attempts(host.clock), network: new Attempts(host.clock) };
    this.#browsers = new KnownBrowsers(host);
    const random = new Uint8Array(10);
    host.crypto.random(random);
    this.#setUpCode = (base32Encode(random).match(/.{4}/g) ?? []).join('-');
  }

  /** What sets the first password; `null`: there is one already, or that cannot be known. */
  get setUpCode(): string | null {
    return this.#read() === null ? this.#setUpCode : null;
  }

  /** Whether one-time codes are asked for. */
  get hasCodes(): boolean {
    const stored = this.#read();
    return stored !== null && typeof stored !== 'string' && stored.totp !== undefined;
  }

  /** The cookie by which a browser is known from now on; `''`: there is no password. */
  browserCookie(): string {
    const stored = this.#read();
    return stored === null || typeof stored === 'string' ? '' : this.#browsers.cookie(secretOf(stored));
  }

  /** Whether a visitor may come in; `done` is called once. */
  verify({ way, password, code, browser }: Proof, done: (verdict: Verdict) => void): void {
    const stored = this.#read();
    const known = stored !== null && typeof stored !== 'string' ? stored : null;
    const attempts = (known && this.#browsers.attempts(browser, secretOf(known))) ?? this.#strangers[way];
    const refusal = refusalOf(attempts) ?? faultOf(stored);
    if (refusal || !known) {
      done(refusal ?? { status: 409, error: 'There is no password yet.' });
      return;
    }
    const { clock, crypto } = this.#host;
    // Before the password is verified, so that attempts at the same time wait for each other, too.
    attempts.failed();
    attempts.underWay++;
    verifyPassword(this.#host, password, known.password, (right) => {
      attempts.underWay--;
      const now = this.#read();
      if (now === null || typeof now === 'string' || now.password !== known.password) {
        done(wrong);
        return;
      }
      const secret = now.totp === undefined ? null : base32Decode(now.totp);
      // Both are judged, so that no answer and no time tells which of them was wrong.
      const step = secret ? stepOf(crypto, secret, code, clock.date(), now.step ?? 0) : 0;
      if (!right || step === null) {
        done(wrong);
        return;
      }
      attempts.succeeded();
      // In the file, so that the code does not count again after a restart either.
      done(step === 0 ? null : this.#write({ ...now, step }));
    });
  }

  /** Sets the first password, by the code that `rm-agent status` shows. */
  setUp(way: Way, code: string, password: string, done: (verdict: Verdict) => void): void {
    const stored = this.#read();
    const strangers = this.#strangers[way];
    const refusal = refusalOf(strangers) ?? (typeof stored === 'string' ? faultOf(stored) : null);
    if (refusal) done(refusal);
    else if (stored !== null) done({ status: 409, error: 'There is a password already.' });
    else if (!sameText(code.trim().toUpperCase(), this.#setUpCode)) {
      strangers.failed();
      done({ status: 401, error: 'The code is wrong. "rm-agent status" on the gateway shows it.' });
    } else {
      strangers.succeeded();
      this.#store(strangers, password, done);
    }
  }

  /** Changes the password, for who knows the one of now. All browsers become strangers. */
  change(proof: Proof, password: string, done: (verdict: Verdict) => void): void {
    this.#verified(proof, done, () => this.#store(this.#strangers[proof.way], password, done));
  }

  /** A new secret in base32, for an authenticator. It counts once {@link confirm} has got a code of it. */
  offer(): string {
    this.#offered = new Uint8Array(20);
    this.#host.crypto.random(this.#offered);
    return base32Encode(this.#offered);
  }

  /** Begins to ask for codes, and all browsers become strangers; for who knows the password; the code is of the secret that was offered. */
  confirm(proof: Proof, done: (verdict: Verdict) => void): void {
    if (this.hasCodes) {
      done({ status: 409, error: 'Turn the codes off first.' });
      return;
    }
    this.#verified(proof, done, (stored) => {
      const offered = this.#offered;
      const { clock, crypto } = this.#host;
      const step = offered && stepOf(crypto, offered, proof.code, clock.date(), 0);
      if (!offered) done({ status: 409, error: 'Ask for a secret first.' });
      else if (step === null) done({ status: 401, error: 'The code is wrong. Are the clocks right?' });
      else {
        const verdict = this.#write({ password: stored.password, totp: base32Encode(offered), step });
        if (verdict === null) this.#offered = null;
        done(verdict);
      }
    });
  }

  /** Asks for codes no longer, for who knows the password and has one. */
  withoutCodes(proof: Proof, done: (verdict: Verdict) => void): void {
    this.#verified(proof, done, ({ password }) => done(this.#write({ password })));
  }

  /** Goes on with what is stored once the proof was right; else says why not. */
  #verified(proof: Proof, done: (verdict: Verdict) => void, proceed: (stored: Stored) => void): void {
    this.verify(proof, (verdict) => {
      const stored = this.#read();
      if (verdict || stored === null || typeof stored === 'string') done(verdict ?? wrong);
      else proceed(stored);
    });
  }

  /** Codes stay as they are when the hash is there. */
  #store(attempts: Attempts, password: string, done: (verdict: Verdict) => void): void {
    const { shortestPassword, longestPassword } = pageLimits;
    if (password.length < shortestPassword || password.length > longestPassword) {
      done({ status: 403, error: `A password has ${shortestPassword} to ${longestPassword} characters.` });
      return;
    }
    attempts.underWay++;
    hashPassword(this.#host, password, this.#rounds, (hash) => {
      attempts.underWay--;
      const now = this.#read();
      done(typeof now === 'string' ? faultOf(now) : this.#write({ ...now, password: hash }));
    });
  }

  #write(stored: Stored): Verdict {
    try {
      this.#host.files.writeAtomically(this.#file, utf8Encode(`${JSON.stringify(stored)}\n`));
      return null;
    } catch (error) {
      return { status: 500, error: `The account cannot be saved: ${messageOf(error)}.` };
    }
  }

  /** What is stored; `null`: nothing; text: why it cannot be used. A broken file lets nobody in, and nobody set a password. */
  #read(): Stored | null | string {
    let bytes: Uint8Array;
    try {
      bytes = this.#host.files.read(this.#file, pageLimits.accountBytes);
    } catch (error) {
      return (error as HostFailure).code === 'not-found' ? null : messageOf(error);
    }
    try {
      const json = parseJson(utf8DecodeStrict(bytes) ?? '', () => undefined);
      if (isObject(json) && typeof json.password === 'string' && isPasswordHash(json.password)) {
        const { password, totp, step = 0 } = json;
        if (totp === undefined) return { password };
        if (typeof totp === 'string' && base32Decode(totp) && typeof step === 'number')
          return { password, totp, step };
      }
    } catch (error) {
      return messageOf(error);
    }
    return 'it is not as the gateway has written it';
  }
}

/** Changes with everything that a log-in takes. */
function secretOf({ password, totp = '' }: Stored): string {
  return `${password}\n${totp}`;
}

function faultOf(stored: Stored | null | string): Verdict {
  return typeof stored === 'string' ? { status: 500, error: `The account cannot be read: ${stored}.` } : null;
}

/** Why nobody may try now. */
function refusalOf({ waitMs, underWay }: Attempts): Verdict {
  if (waitMs > 0)
    return { status: 429, error: `Too many wrong attempts: wait for ${Math.ceil(waitMs / 1000)} s.` };
  if (underWay >= pageLimits.logIns) return { status: 429, error: 'Too many log-ins at once.' };
  return null;
}
