import type { IncomingMessage } from 'node:http';
import { type Clock, decodeBasic } from 'rm-protocol';
import { isBrowser } from '../http/browser.ts';
import { credentialsOf } from '../http/credentials.ts';
import { type Authenticator, AuthenticatorUnavailable } from '../ports/authenticators.ts';
import type { HostPlace, Identity } from '../ports/identity.ts';
import { secretsOf } from '../sessions/cookies.ts';
import { accepting, ask } from './ask.ts';
import type { Denied, LogIn } from './log-in.ts';

/** Where a request goes, and where it comes from. */
export interface RequestPlace {
  /** The host that it is for. Sessions of another host do not count. */
  readonly place: HostPlace;
  /** Over TLS, up to us or to a trusted proxy. */
  readonly secure: boolean;
  /** IP address of the user. */
  readonly address: string;
}

const refused: Denied = { denied: 'refused' };

/** The name that a request claims, for the audit log. A browser's is meant for the device. */
export function claimedName(request: IncomingMessage): string | undefined {
  const credentials = credentialsOf(request);
  return credentials === null || isBrowser(request) ? undefined : decodeBasic(credentials.value)?.user;
}

/**
 * Decides who a request is from: by the cookie of a session, or else by the credentials that it brings for the reflector
 * (`credentialsOf`), Basic or Bearer. With a valid cookie nothing else is looked at: then `Authorization` is the device's.
 */
export class UserAuthentication {
  readonly #logIn: LogIn;
  readonly #sessions: readonly Authenticator<'session'>[];
  readonly #tokens: readonly Authenticator<'token'>[];
  readonly #clock: Clock;

  /** `authenticators`: those that accept passwords are asked through `logIn`. */
  constructor(authenticators: readonly Authenticator[], logIn: LogIn, clock: Clock) {
    this.#logIn = logIn;
    this.#sessions = accepting(authenticators, 'session');
    this.#tokens = accepting(authenticators, 'token');
    this.#clock = clock;
  }

  async authenticate(request: IncomingMessage, at: RequestPlace): Promise<Identity | Denied> {
    const session = await this.session(request, at);
    if (session) return session;
    const credentials = credentialsOf(request);
    if (credentials === null) return refused;
    // A browser's Basic is the device's: see `isBrowser`.
    if (isBrowser(request)) return this.#byToken(bearerIn(credentials.value), at);
    return this.byHeader(credentials.value, request, at);
  }

  /** By the value of a header with Basic or Bearer, whoever sends it. */
  async byHeader(
    value: string,
    request: IncomingMessage,
    at: Omit<RequestPlace, 'place'>,
  ): Promise<Identity | Denied> {
    const token = bearerIn(value);
    if (token !== null) return this.#byToken(token, at);
    const basic = decodeBasic(value);
    if (!basic) return refused;
    return this.#logIn.check({
      name: basic.user,
      password: basic.password,
      code: null,
      address: at.address,
      marks: secretsOf(request.rawHeaders, 'known', at.secure),
    });
  }

  /** By cookie alone. */
  async session(
    request: IncomingMessage,
    { place, secure, address }: RequestPlace,
  ): Promise<Identity | null> {
    for (const secret of secretsOf(request.rawHeaders, place.kind, secure)) {
      const identity = await ask(this.#sessions, { secret, place }, { address, clock: this.#clock });
      if (identity) return identity;
    }
    return null;
  }

  /** By token alone, given as the value of `Authorization`. Rejects with `AuthenticatorUnavailable`. */
  async bearer(
    authorization: string | undefined,
    at: Pick<RequestPlace, 'address'>,
  ): Promise<Identity | null> {
    const token = authorization === undefined ? null : bearerIn(authorization);
    return token === null ? null : this.#token(token, at);
  }

  async #byToken(token: string | null, at: Pick<RequestPlace, 'address'>): Promise<Identity | Denied> {
    try {
      return (token === null ? null : await this.#token(token, at)) ?? refused;
    } catch (error) {
      if (error instanceof AuthenticatorUnavailable) return { denied: 'busy' };
      throw error;
    }
  }

  /** Whether a token proves somebody here, and so is not for a device. True as well when that cannot be told. */
  async isOurs(token: string, at: Pick<RequestPlace, 'address'>): Promise<boolean> {
    const verdict = await this.#byToken(token, at);
    return !('denied' in verdict) || verdict.denied !== 'refused';
  }

  #token(token: string, { address }: Pick<RequestPlace, 'address'>): Promise<Identity | null> {
    return ask(this.#tokens, { token }, { address, clock: this.#clock });
  }
}

function bearerIn(authorization: string): string | null {
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
}
