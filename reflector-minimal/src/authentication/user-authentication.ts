import type { IncomingMessage } from 'node:http';
import { decodeBasic } from 'rm-protocol';
import { isBrowser } from '../http/browser.ts';
import { credentialsOf } from '../http/credentials.ts';
import type { Identity } from '../ports/identity.ts';
import { secretsOf } from '../sessions/cookies.ts';
import type { SessionPlace, Sessions } from '../sessions/sessions.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { Denied, LogIn } from './log-in.ts';

/** Where a request goes, and how it came. */
export interface RequestPlace {
  /** The host it is for: sessions of another are not taken. */
  readonly place: Exclude<SessionPlace, { kind: 'token' }>;
  /** Over TLS, up to us or to a trusted proxy. */
  readonly secure: boolean;
  /** Of the user. */
  readonly address: string;
}

const refused: Denied = { denied: 'refused' };

/** The name that a request claims, for the audit log; in a browser it is meant for the device. */
export function claimedName(request: IncomingMessage): string | undefined {
  const credentials = credentialsOf(request);
  return credentials === null || isBrowser(request) ? undefined : decodeBasic(credentials.value)?.user;
}

/**
 * Decides who a request is from: by the cookie of a session, else by what it brings for the reflector (`credentialsOf`):
 * Basic, or Bearer with a token of ours. With a valid cookie nothing else is looked at: `Authorization` is the device's then.
 */
export class UserAuthentication {
  readonly #logIn: LogIn;
  readonly #tokens: Tokens;
  readonly #sessions: Sessions;

  constructor(logIn: LogIn, tokens: Tokens, sessions: Sessions) {
    this.#logIn = logIn;
    this.#tokens = tokens;
    this.#sessions = sessions;
  }

  async authenticate(request: IncomingMessage, at: RequestPlace): Promise<Identity | Denied> {
    const session = await this.session(request, at);
    if (session) return session;
    const credentials = credentialsOf(request);
    if (credentials === null) return refused;
    // A browser's is the device's: see `isBrowser`.
    if (isBrowser(request)) return (await this.bearer(credentials.value)) ?? refused;
    return this.byHeader(credentials.value, request, at);
  }

  /** By the value of a header with Basic or Bearer, whoever sends it. */
  async byHeader(
    value: string,
    request: IncomingMessage,
    at: Pick<RequestPlace, 'secure' | 'address'>,
  ): Promise<Identity | Denied> {
    const token = this.#bearer(value);
    if (token !== null) return (await this.token(token)) ?? refused;
    const basic = decodeBasic(value);
    if (!basic) return refused;
    const verdict = await this.#logIn.check({
      name: basic.user,
      password: basic.password,
      code: null,
      address: at.address,
      marks: secretsOf(request.rawHeaders, 'known', at.secure),
    });
    return 'denied' in verdict ? verdict : { user: verdict.user, session: null };
  }

  /** By cookie alone. */
  async session(
    request: IncomingMessage,
    { place, secure }: Omit<RequestPlace, 'address'>,
  ): Promise<Identity | null> {
    for (const secret of secretsOf(request.rawHeaders, place.kind === 'own' ? 'own' : 'device', secure)) {
      const session = await this.#sessions.find(secret, place);
      if (session) return { user: session.user, session };
    }
    return null;
  }

  /** By token alone, given as the value of `Authorization`. */
  async bearer(authorization: string | undefined): Promise<Identity | null> {
    const token = authorization === undefined ? null : this.#bearer(authorization);
    return token === null ? null : this.token(token);
  }

  async token(token: string): Promise<Identity | null> {
    const session = await this.#tokens.verify(token);
    return session && { user: session.user, session };
  }

  #bearer(authorization: string): string | null {
    return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
  }
}
