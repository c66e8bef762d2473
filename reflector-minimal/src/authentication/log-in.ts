import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import type { StoreCache } from '../cache/store-cache.ts';
import type { Limits } from '../limits.ts';
import { networkOf, networksOf } from '../network/addresses.ts';
import { type PasswordVerifier, VerifierBusy } from '../passwords/verifier.ts';
import { type Authenticator, AuthenticatorUnavailable } from '../ports/authenticators.ts';
import type { Identity } from '../ports/identity.ts';
import type { Store, UserRecord } from '../ports/store.ts';
import {
  FailureThrottle,
  type ThrottleBounds,
  TooManyWaiting,
  type Turn,
} from '../throttling/failure-throttle.ts';
import { ask } from './ask.ts';
import { KnownBrowsers } from './known-browsers.ts';
import { SecondFactor } from './second-factor.ts';
import { TotpEnrolment } from './totp-enrolment.ts';

export interface Attempt {
  readonly name: string;
  readonly password: string;
  /** One-time password or recovery code; `null`: none was given. */
  readonly code: string | null;
  /** Where it comes from, and the marks of known browsers that come with it. */
  readonly address: string;
  readonly marks: readonly string[];
}

/**
 * Why somebody is not let in. `oneTimePassword`: name and password are right, and a one-time password is missing.
 * `busy`: more log-ins wait than `limits.verificationsWaiting`.
 */
export type Denied =
  | { readonly denied: 'refused' | 'busy' }
  | { readonly denied: 'throttled'; readonly waitMs: number }
  | { readonly denied: 'oneTimePassword'; readonly user: UserRecord };

export type LogInVerdict = Identity | Denied;

/** What an attempt comes from: a browser, or an address, in which the account has been logged in to; or neither. */
type Acquaintance = 'browser' | 'place' | 'stranger';

const busy: Denied = { denied: 'busy' };
const refused: Denied = { denied: 'refused' };

/** Names that are no account share these places: strangers cannot fill the memory with names they make up. */
const placesOfUnknownNames = 1024;

/** What {@link LogIn} works on. */
export interface LogInSources {
  readonly users: Store['users'];
  readonly cache: Pick<StoreCache, 'user'>;
  /** Of this installation; what is signed is bound to it. */
  readonly key: Buffer;
  /** Those that are asked whether a password is right. */
  readonly passwords: readonly Authenticator<'password'>[];
  /** Hashes new passwords. */
  readonly verifier: Pick<PasswordVerifier, 'hash'>;
  readonly clock: Clock;
  readonly limits: Limits;
}

/**
 * Every password and every one-time password of a user is checked here, whichever way it came.
 *
 * Failures are counted for the address, and for the account. But an address from which the account has been logged in
 * to, and a browser that carries a mark of it, are counted by themselves and are not kept waiting by what others do: who
 * guesses at an account, from however many addresses, does not keep its user out.
 *
 * Whichever authenticator takes a password, throttling, one-time passwords and the order of the two are decided here.
 */
export class LogIn {
  readonly browsers: KnownBrowsers;
  readonly secondFactor: SecondFactor;
  readonly enrolment: TotpEnrolment;
  readonly #users: Store['users'];
  readonly #cache: Pick<StoreCache, 'user'>;
  readonly #passwords: readonly Authenticator<'password'>[];
  readonly #verifier: Pick<PasswordVerifier, 'hash'>;
  readonly #clock: Clock;
  readonly #key: Buffer;
  readonly #addresses: FailureThrottle;
  readonly #sites: FailureThrottle;
  readonly #accounts: FailureThrottle;
  readonly #known: FailureThrottle;
  readonly #codes: FailureThrottle;
  /** Accounts with addresses that they have been logged in to from; only another log-in renews one. */
  readonly #knownPlaces: LRUCache<string, true>;
  readonly #underWay = new Map<string, Promise<LogInVerdict>>();

  constructor({ users, cache, key, passwords, verifier, clock, limits }: LogInSources) {
    this.#users = users;
    this.#cache = cache;
    this.#passwords = passwords;
    this.#verifier = verifier;
    this.#clock = clock;
    this.#knownPlaces = new LRUCache({ max: limits.logInsRemembered });
    this.#key = createHmac('sha256', key).update('log-in').digest();
    this.browsers = new KnownBrowsers(this.#key);
    this.secondFactor = new SecondFactor(users, clock, this.#key, limits.secondFactorMs);
    this.enrolment = new TotpEnrolment(clock, this.#key, limits.secondFactorMs);
    const bounds: ThrottleBounds = {
      free: limits.logInFailures,
      waitMs: limits.logInWaitMs,
      memoryMs: limits.logInMemoryMs,
      keys: limits.logInsRemembered,
      waiting: limits.verificationsWaiting,
    };
    this.#addresses = new FailureThrottle(clock, bounds);
    this.#sites = new FailureThrottle(clock, { ...bounds, free: limits.logInFailuresPerSite });
    this.#accounts = new FailureThrottle(clock, bounds);
    this.#known = new FailureThrottle(clock, bounds);
    this.#codes = new FailureThrottle(clock, {
      ...bounds,
      free: limits.secondFactorFailures,
      waitMs: limits.secondFactorWaitMs,
      memoryMs: limits.secondFactorMemoryMs,
    });
  }

  /** Checks name and password, and the code where the account has one-time passwords. */
  check(attempt: Attempt): Promise<LogInVerdict> {
    // A code is good once: two who bring the same are two.
    if (attempt.code !== null) return this.#throttled(attempt, (from) => this.#verify(attempt, from));
    const { name, password, address, marks } = attempt;
    const key = this.#digest(JSON.stringify([name, password, address, marks]));
    let verdict = this.#underWay.get(key);
    if (!verdict) {
      verdict = this.#throttled(attempt, (from) => this.#verify(attempt, from)).finally(() =>
        this.#underWay.delete(key),
      );
      this.#underWay.set(key, verdict);
    }
    return verdict;
  }

  /** The code that belongs to a ticket of `secondFactor`. */
  async complete(
    ticket: string,
    code: string,
    place: Pick<Attempt, 'address' | 'marks'>,
  ): Promise<LogInVerdict> {
    const user = await this.secondFactor.userOf(ticket);
    if (!user) return refused;
    return this.#throttled(
      { name: user.name, ...place },
      async (from) => (await this.#verifyCode(user, code, from)) ?? byPasswordOf(user),
    );
  }

  /**
   * Another password, which ends all sessions and tokens of the user. Gives the user as it is then; `null` when it is
   * gone, or its password was changed by somebody else in the meantime.
   */
  async setPassword(user: UserRecord, password: string): Promise<UserRecord | null | 'busy'> {
    try {
      const hash = await this.#verifier.hash('user', password);
      return await this.#users.setPassword(user.name, hash, user);
    } catch (error) {
      if (error instanceof VerifierBusy) return 'busy';
      throw error;
    }
  }

  async #verify({ name, password, code, address }: Attempt, from: Acquaintance): Promise<LogInVerdict> {
    const circumstances = { address, clock: this.#clock };
    const proven = await ask(this.#passwords, { name, password }, circumstances);
    if (!proven) return refused;
    const { user } = proven;
    if (!user.totpSecret) return proven;
    if (code === null) return { denied: 'oneTimePassword', user };
    return (await this.#verifyCode(user, code, from)) ?? proven;
  }

  /** Who guesses without having been let in before, is counted apart from the user; under another password, anew. */
  async #verifyCode(user: UserRecord, code: string, from: Acquaintance): Promise<Denied | null> {
    const turn = await this.#codes.begin(`${from} ${this.#digest(user.password)} ${user.name}`);
    if (typeof turn === 'number') return { denied: 'throttled', waitMs: turn };
    let outcome: Parameters<Turn['end']>[0] = 'neither';
    try {
      const accepted = await this.secondFactor.accept(user, code);
      outcome = accepted ? 'succeeded' : 'failed';
      return accepted ? null : refused;
    } finally {
      turn.end(outcome);
    }
  }

  async #throttled(
    { name, address, marks }: Pick<Attempt, 'name' | 'address' | 'marks'>,
    verify: (from: Acquaintance) => Promise<LogInVerdict>,
  ): Promise<LogInVerdict> {
    const { from, counted } = this.#counted(await this.#cache.user(name), name, address, marks);
    const turns: Turn[] = [];
    let outcome: Parameters<Turn['end']>[0] = 'neither';
    try {
      for (const [failures, key] of counted) {
        const turn = await failures.begin(key);
        if (typeof turn === 'number') return { denied: 'throttled', waitMs: turn };
        turns.push(turn);
      }
      const verdict = await verify(from);
      if (!('denied' in verdict)) {
        // A stranger's success says nothing about the others who are counted with it.
        outcome = from === 'stranger' ? 'neither' : 'succeeded';
        this.#knownPlaces.set(placeOf(verdict.user, networkOf(address)), true);
      } else if (verdict.denied === 'refused') {
        outcome = 'failed';
      }
      return verdict;
    } catch (error) {
      if (
        error instanceof VerifierBusy ||
        error instanceof TooManyWaiting ||
        error instanceof AuthenticatorUnavailable
      )
        return busy;
      throw error;
    } finally {
      for (const turn of turns) turn.end(outcome);
    }
  }

  /** Where a failure of this attempt counts, always in this order, so that no two attempts wait for each other. */
  #counted(
    user: UserRecord | null,
    name: string,
    address: string,
    marks: readonly string[],
  ): { readonly from: Acquaintance; readonly counted: readonly (readonly [FailureThrottle, string])[] } {
    const browser = this.browsers.identify(marks, user?.uid ?? '');
    if (browser !== null) return { from: 'browser', counted: [[this.#known, `browser ${browser}`]] };
    const network = networkOf(address);
    const place = placeOf(user ?? { uid: '' }, network);
    if (this.#knownPlaces.has(place)) return { from: 'place', counted: [[this.#known, place]] };
    const counted: [FailureThrottle, string][] = [[this.#addresses, network]];
    // Of networks within one IPv6 /48 anybody may have as many as they like.
    const [, site] = networksOf(address);
    if (site !== undefined) counted.push([this.#sites, site]);
    counted.push([this.#accounts, this.#accountKey(user, name)]);
    return { from: 'stranger', counted };
  }

  #accountKey(user: UserRecord | null, name: string): string {
    if (user) return `user ${user.uid}`;
    const place = createHmac('sha256', this.#key).update(name).digest().readUInt32BE() % placesOfUnknownNames;
    return `unknown ${place}`;
  }

  #digest(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }
}

/** The name and password came with an earlier request, for which the ticket stands. */
function byPasswordOf(user: UserRecord): Identity {
  return { user, session: null, until: Number.POSITIVE_INFINITY, by: 'password', credential: 'password' };
}

/** By the account itself: one that is made anew under a name has been nowhere yet. */
function placeOf({ uid }: Pick<UserRecord, 'uid'>, network: string): string {
  return `${uid} at ${network}`;
}
