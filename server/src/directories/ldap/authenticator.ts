import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import { hashPassword, matchesHash, nobodysHash } from 'rm-reflector';
import { type Authenticator, AuthenticatorUnavailable, type Store, type Verdict } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import { grantsOf } from '../members/grant-rules.ts';
import type { Members } from '../members/members.ts';
import { Turnstile } from '../members/turnstile.ts';
import { userName } from '../members/user-name.ts';
import type { LdapDirectory } from './directory.ts';
import type { LdapSettings } from './settings.ts';

export const source = 'ldap';

export interface LdapAuthenticatorContext {
  readonly directory: Pick<LdapDirectory, 'prove'>;
  readonly settings: Pick<LdapSettings, 'grants' | 'membershipMs' | 'offlineMs'>;
  readonly members: Pick<Members, 'admit' | 'byLogin' | 'counts' | 'keepPassword'>;
  readonly store: Pick<Store, 'users'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
}

/** What the directory has said lately of a name and password. */
interface Proven {
  readonly user: string;
  readonly uid: string;
  /** On the steady clock: until when it is not asked again. */
  readonly asked: number;
  /** Wall-clock ms. */
  readonly until: number;
}

/**
 * Proves users by the password in an LDAP directory. While it is away, the password that it took last counts for
 * `offlineMs`, within a few guesses: what is stored of it is a hash as costly as that of a local user.
 */
export class LdapAuthenticator implements Authenticator<'password'> {
  readonly name = source;
  readonly accepts = 'password';
  readonly #context: LdapAuthenticatorContext;
  /** Only this process can tell which password an entry is of. */
  readonly #key = randomBytes(32);
  readonly #proven: LRUCache<string, Proven>;
  readonly #turnstile: Turnstile;
  /** Wrong passwords by user since the directory went away. */
  readonly #guesses = new Map<string, number>();
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(context: LdapAuthenticatorContext) {
    this.#context = context;
    this.#proven = new LRUCache({ max: context.limits.provenRemembered });
    this.#turnstile = new Turnstile(context.limits.ldapAtOnce, context.limits.ldapWaiting);
  }

  async prove({ name, password }: { readonly name: string; readonly password: string }): Promise<Verdict> {
    const login = userName(name);
    if (login === null) return { refused: 'not a name of a user' };
    if (password === '' || Buffer.byteLength(password) > this.#context.limits.passwordBytes) {
      return { refused: 'no password, or one that is too long' };
    }
    if (/\p{Surrogate}/u.test(password)) return { refused: 'a password that is no text' };
    const key = createHmac('sha256', this.#key)
      .update(JSON.stringify([login, password]))
      .digest('base64');
    const remembered = await this.#remembered(key);
    if (remembered) return remembered;
    try {
      return await this.#turnstile.pass(() => this.#ask(key, login, password));
    } catch (error) {
      if (!(error instanceof AuthenticatorUnavailable)) throw error;
      return await this.#turnstile.pass(() => this.#withoutDirectory(login, password, error));
    }
  }

  async #remembered(key: string): Promise<Verdict> {
    const { clock, store, members } = this.#context;
    const proven = this.#proven.get(key);
    if (!proven || proven.asked <= clock.now() || proven.until <= clock.date()) return null;
    const user = await store.users.get(proven.user);
    if (user?.uid !== proven.uid || !(await members.counts(user, source))) return null;
    return { user, session: null, until: proven.until };
  }

  async #ask(key: string, login: string, password: string): Promise<Verdict> {
    const { directory, settings, members, clock, limits } = this.#context;
    if (clock.now() < this.#pausedUntil)
      throw new AuthenticatorUnavailable('the directory was away a moment ago');
    let person: Awaited<ReturnType<typeof directory.prove>>;
    try {
      person = await directory.prove(login, password);
    } catch (error) {
      this.#pausedUntil = clock.now() + limits.ldapPauseMs;
      throw error;
    }
    this.#guesses.clear();
    if ('refused' in person) {
      if (person.proven) this.#warn(login, person.refused);
      return person;
    }
    const until = clock.date() + settings.membershipMs;
    const { id, name, groups } = person;
    const grants = grantsOf(settings.grants, groups);
    const user = await members.admit({ source, id, name, login, grants, until });
    if ('refused' in user) {
      this.#warn(name, user.refused);
      return user;
    }
    if (settings.offlineMs > 0) {
      const kept = Math.min(until, clock.date() + settings.offlineMs);
      await members.keepPassword(user, await hashPassword(password), kept);
    }
    this.#proven.set(key, { user: user.name, uid: user.uid, asked: clock.now() + limits.provenMs, until });
    return { user, session: null, until };
  }

  /** Somebody has the right password and does not get in: that is for the operator to mend. */
  #warn(user: string, reason: string): void {
    this.#context.log.warn({ user, directory: source, reason }, 'user of a directory refused');
  }

  /** One scrypt, whether or not somebody of this name has logged in before. A wrong password is not said to be wrong: it may be new. */
  async #withoutDirectory(
    login: string,
    password: string,
    error: AuthenticatorUnavailable,
  ): Promise<Verdict> {
    const { members, store, clock, limits, settings } = this.#context;
    if (settings.offlineMs === 0) throw error;
    const member = await members.byLogin(source, login);
    const guesses = () => this.#guesses.get(member?.user ?? '') ?? 0;
    const mayGuess = () => guesses() < limits.offlineGuesses;
    const counts = member !== null && member.offlineUntil > clock.date() && mayGuess();
    const right = await matchesHash(password, (counts ? member.offline : null) ?? nobodysHash);
    // Others may have guessed while this one was compared.
    if (!counts || member.offline === null || !mayGuess()) throw error;
    if (!right) {
      this.#guesses.set(member.user, guesses() + 1);
      throw error;
    }
    const user = await store.users.get(member.user);
    if (user?.uid !== member.uid) throw error;
    return { user, session: null, until: member.offlineUntil };
  }
}
