import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import type { StoreCache } from '../cache/store-cache.ts';
import type { Limits } from '../limits.ts';
import { networkOf, networksOf } from '../network/addresses.ts';
import { type PasswordVerifier, VerifierBusy } from '../passwords/verifier.ts';
import { type Authenticator, AuthenticatorUnavailable } from '../ports/authenticators.ts';
import type { Identity } from '../ports/identity.ts';
import type { LearnCount, SharedState } from '../ports/shared-state.ts';
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
  /** Where it comes from, and the marks of known browsers in its cookies. */
  readonly address: string;
  readonly marks: readonly string[];
}

/**
 * Why a log-in is refused. `oneTimePassword`: name and password are right, as the authenticator `by` says, but the one-time
 * password is missing. `busy`: too
 * many log-ins wait (`limits.verificationsWaiting`), or an authenticator that might know the user cannot be reached.
 */
export type Denied =
  | { readonly denied: 'refused' | 'busy' }
  | { readonly denied: 'throttled'; readonly waitMs: number }
  | { readonly denied: 'oneTimePassword'; readonly user: UserRecord; readonly by: string };

export type LogInVerdict = Identity | Denied;

/** Whether the account has been logged in to before from the browser, or from the network (`place`), of an attempt. */
type Familiarity = 'browser' | 'place' | 'stranger';

const busy: Denied = { denied: 'busy' };
const refused: Denied = { denied: 'refused' };

/** Names without an account share this many counters, so that made-up names cannot fill the memory. */
const countersOfUnknownNames = 1024;

/** What {@link LogIn} works on. */
export interface LogInSources {
  readonly users: Store['users'];
  readonly cache: Pick<StoreCache, 'user' | 'revision'>;
  /** Secret of this installation, for signatures. */
  readonly key: Buffer;
  /** They are asked whether a password is right, in this order. */
  readonly passwords: readonly Authenticator<'password'>[];
  /** Hashes new passwords. */
  readonly verifier: Pick<PasswordVerifier, 'hash'>;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Failures count with those at other processes; there are none by default. */
  readonly shared?: Pick<SharedState, 'counter'> | null;
}

/**
 * Checks every password and every one-time password of a user, whichever way it came. Authenticators only say whether a
 * password is right; throttling and one-time passwords are decided here.
 *
 * Failures count for the address and for the account. A browser or a network from which the account has been logged in to
 * before has a counter of its own. So guesses from any number of addresses do not keep the user out.
 */
export class LogIn {
  readonly browsers: KnownBrowsers;
  readonly secondFactor: SecondFactor;
  readonly enrolment: TotpEnrolment;
  readonly #users: Store['users'];
  readonly #cache: Pick<StoreCache, 'user' | 'revision'>;
  readonly #passwords: readonly Authenticator<'password'>[];
  readonly #verifier: Pick<PasswordVerifier, 'hash'>;
  readonly #clock: Clock;
  readonly #key: Buffer;
  readonly #addresses: FailureThrottle;
  readonly #sites: FailureThrottle;
  readonly #accounts: FailureThrottle;
  readonly #known: FailureThrottle;
  readonly #codes: FailureThrottle;
  /** Accounts with networks that they have been logged in to from; only another log-in renews an entry. */
  readonly #knownPlaces: LRUCache<string, true>;
  readonly #underWay = new Map<string, Promise<LogInVerdict>>();

  constructor({ users, cache, key, passwords, verifier, clock, limits, shared = null }: LogInSources) {
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
    const throttle = (name: string, changed: Partial<ThrottleBounds> = {}) =>
      new FailureThrottle(
        clock,
        { ...bounds, ...changed },
        shared && ((learn: LearnCount) => shared.counter(`log-in-${name}`, learn)),
      );
    this.#addresses = throttle('addresses');
    this.#sites = throttle('sites', { free: limits.logInFailuresPerSite });
    this.#accounts = throttle('accounts');
    this.#known = throttle('known');
    this.#codes = throttle('codes', {
      free: limits.secondFactorFailures,
      waitMs: limits.secondFactorWaitMs,
      memoryMs: limits.secondFactorMemoryMs,
    });
  }

  /** Checks name and password, and the code where the account has one-time passwords. */
  check(attempt: Attempt): Promise<LogInVerdict> {
    // A code is valid once, so two attempts with the same code are two.
    if (attempt.code !== null) return this.#throttled(attempt, (from) => this.#verify(attempt, from));
    const { name, password, address, marks } = attempt;
    // A check that began before a change knows nothing of it.
    const { revision } = this.#cache;
    const key = this.#digest(JSON.stringify([name, password, address, marks, revision]));
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
   * Sets another password, which ends all sessions and tokens of the user. Returns the changed user; `null`: the user is
   * gone, or somebody else has changed the password in the meantime.
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

  async #verify({ name, password, code, address }: Attempt, from: Familiarity): Promise<LogInVerdict> {
    const circumstances = { address, clock: this.#clock };
    const proven = await ask(this.#passwords, { name, password }, circumstances);
    if (!proven) return refused;
    const { user, by } = proven;
    if (!user.totpSecret) return proven;
    if (code === null) return { denied: 'oneTimePassword', user, by };
    return (await this.#verifyCode(user, code, from)) ?? proven;
  }

  /** Failures count separately for each familiarity, and start again with another password. */
  async #verifyCode(user: UserRecord, code: string, from: Familiarity): Promise<Denied | null> {
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
    verify: (from: Familiarity) => Promise<LogInVerdict>,
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
        // A stranger's success says nothing about others with the same counter.
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

  /** Where a failure of this attempt counts. Always in this order, so that no two attempts wait for each other. */
  #counted(
    user: UserRecord | null,
    name: string,
    address: string,
    marks: readonly string[],
  ): { readonly from: Familiarity; readonly counted: readonly (readonly [FailureThrottle, string])[] } {
    const browser = this.browsers.identify(marks, user?.uid ?? '');
    if (browser !== null) return { from: 'browser', counted: [[this.#known, `browser ${browser}`]] };
    const network = networkOf(address);
    const place = placeOf(user ?? { uid: '' }, network);
    if (this.#knownPlaces.has(place)) return { from: 'place', counted: [[this.#known, place]] };
    const counted: [FailureThrottle, string][] = [[this.#addresses, network]];
    // Anybody may have as many networks within one IPv6 /48 as they like.
    const [, site] = networksOf(address);
    if (site !== undefined) counted.push([this.#sites, site]);
    counted.push([this.#accounts, this.#accountKey(user, name)]);
    return { from: 'stranger', counted };
  }

  #accountKey(user: UserRecord | null, name: string): string {
    if (user) return `user ${user.uid}`;
    const place =
      createHmac('sha256', this.#key).update(name).digest().readUInt32BE() % countersOfUnknownNames;
    return `unknown ${place}`;
  }

  #digest(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }
}

/** The ticket stands for the name and password of an earlier request. */
function byPasswordOf(user: UserRecord): Identity {
  return { user, session: null, until: Number.POSITIVE_INFINITY, by: 'password', credential: 'password' };
}

/** By `uid`: a new account under the same name has not been logged in to anywhere. */
function placeOf({ uid }: Pick<UserRecord, 'uid'>, network: string): string {
  return `${uid} at ${network}`;
}
