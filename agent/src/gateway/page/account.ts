import { utf8DecodeStrict, utf8Encode } from 'rm-protocol';
import { parseJson } from '../../config/json.ts';
import type { Host, HostFailure } from '../../host.ts';
import { messageOf } from '../../log/log.ts';
import { isObject } from '../source.ts';
import { Attempts } from './attempts.ts';
import { sameText } from './constant-time.ts';
import { pageLimits } from './limits.ts';
import { base32Decode, base32Encode, stepOf } from './one-time-code.ts';
import { hashPassword, isPasswordHash, verifyPassword } from './password-hash.ts';

/** What the account's file holds. */
interface Stored {
  readonly password: string;
  /** The secret of one-time codes in base32; absent: none are asked for. */
  readonly totp?: string;
}

/** `null`: it was right. Else one line for a person, and the HTTP status. */
export type Verdict = null | { readonly status: 401 | 403 | 409 | 429 | 500; readonly error: string };

const wrong: Verdict = { status: 401, error: 'The password or the code is wrong.' };

/** What a visitor has given. */
export interface Proof {
  readonly password: string;
  /** Of an authenticator; `''`: none. */
  readonly code: string;
}

/**
 * The one account of the page, in a file of its own beside the state of the gateway: a hash of its password, and the secret of one-time
 * codes. Without the file, a code that only `rm-agent status` shows sets the password.
 */
export class Account {
  readonly #host: Host;
  readonly #file: string;
  readonly #rounds: number;
  readonly #attempts: Attempts;
  /** Of this start of the gateway. */
  readonly #setUpCode: string;
  #lastStep = 0;
  /** A secret that nobody has confirmed yet. */
  #offered: Uint8Array | null = null;
  #busy = 0;

  constructor(host: Host, file: string, rounds: number) {
    this.#host = host;
    this.#rounds = rounds;
    this.#file = file;
    this.#attempts = new Attempts(host.clock);
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

  /** Whether a visitor may come in; `done` is called once. */
  verify(proof: Proof, done: (verdict: Verdict) => void): void {
    const stored = this.#read();
    const refusal = this.#refusal() ?? faultOf(stored);
    if (refusal || stored === null || typeof stored === 'string') {
      done(refusal ?? { status: 409, error: 'There is no password yet.' });
      return;
    }
    const { clock, crypto } = this.#host;
    this.#busy++;
    verifyPassword(this.#host, proof.password, stored.password, (right) => {
      this.#busy--;
      const secret = stored.totp === undefined ? null : base32Decode(stored.totp);
      // Both are judged, so that no answer and no time tells which of them was wrong.
      const step = secret ? stepOf(crypto, secret, proof.code, clock.date(), this.#lastStep) : 0;
      const verdict = right && step !== null ? null : wrong;
      if (verdict) this.#attempts.failed();
      else {
        this.#attempts.succeeded();
        if (step) this.#lastStep = step;
      }
      done(verdict);
    });
  }

  /** Sets the first password, by the code that `rm-agent status` shows. */
  setUp(code: string, password: string, done: (verdict: Verdict) => void): void {
    const stored = this.#read();
    const refusal = this.#refusal() ?? (typeof stored === 'string' ? faultOf(stored) : null);
    if (refusal) done(refusal);
    else if (stored !== null) done({ status: 409, error: 'There is a password already.' });
    else if (!sameText(code.trim().toUpperCase(), this.#setUpCode)) {
      this.#attempts.failed();
      done({ status: 401, error: 'The code is wrong. "rm-agent status" on the gateway shows it.' });
    } else {
      this.#attempts.succeeded();
      this.#store(password, {}, done);
    }
  }

  /** Changes the password, for who knows the one of now. */
  change(proof: Proof, password: string, done: (verdict: Verdict) => void): void {
    this.verify(proof, (verdict) => {
      const stored = this.#read();
      if (verdict || stored === null || typeof stored === 'string') done(verdict ?? wrong);
      else this.#store(password, stored.totp === undefined ? {} : { totp: stored.totp }, done);
    });
  }

  /** A new secret in base32, for an authenticator. It counts once {@link confirm} has got a code of it. */
  offer(): string {
    this.#offered = new Uint8Array(20);
    this.#host.crypto.random(this.#offered);
    return base32Encode(this.#offered);
  }

  /** Begins to ask for codes. */
  confirm(code: string): Verdict {
    const refusal = this.#refusal();
    const stored = this.#read();
    if (refusal) return refusal;
    if (stored === null || typeof stored === 'string' || !this.#offered)
      return { status: 409, error: 'Ask for a secret first.' };
    const { clock, crypto } = this.#host;
    const step = stepOf(crypto, this.#offered, code, clock.date(), 0);
    if (step === null) {
      this.#attempts.failed();
      return { status: 401, error: 'The code is wrong. Are the clocks right?' };
    }
    const verdict = this.#write({ password: stored.password, totp: base32Encode(this.#offered) });
    if (verdict === null) {
      this.#lastStep = step;
      this.#offered = null;
    }
    return verdict;
  }

  /** Asks for codes no longer, for who knows the password and has one. */
  withoutCodes(proof: Proof, done: (verdict: Verdict) => void): void {
    this.verify(proof, (verdict) => {
      const stored = this.#read();
      if (verdict || stored === null || typeof stored === 'string') done(verdict ?? wrong);
      else done(this.#write({ password: stored.password }));
    });
  }

  /** Why nobody may try now. */
  #refusal(): Verdict {
    const { waitMs } = this.#attempts;
    if (waitMs > 0)
      return { status: 429, error: `Too many wrong attempts: wait for ${Math.ceil(waitMs / 1000)} s.` };
    if (this.#busy >= pageLimits.logIns) return { status: 429, error: 'Too many log-ins at once.' };
    return null;
  }

  #store(password: string, more: { readonly totp?: string }, done: (verdict: Verdict) => void): void {
    const { shortestPassword, longestPassword } = pageLimits;
    if (password.length < shortestPassword || password.length > longestPassword) {
      done({ status: 403, error: `A password has ${shortestPassword} to ${longestPassword} characters.` });
      return;
    }
    this.#busy++;
    hashPassword(this.#host, password, this.#rounds, (hash) => {
      this.#busy--;
      done(this.#write({ password: hash, ...more }));
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
        const { password, totp } = json;
        if (totp === undefined) return { password };
        if (typeof totp === 'string' && base32Decode(totp)) return { password, totp };
      }
    } catch (error) {
      return messageOf(error);
    }
    return 'it is not as the gateway has written it';
  }
}

function faultOf(stored: Stored | null | string): Verdict {
  return typeof stored === 'string' ? { status: 500, error: `The account cannot be read: ${stored}.` } : null;
}
