import type { Clock } from 'rm-protocol';
import type { CredentialKind, HostPlace, Identity } from './identity.ts';

/*
 * Authenticators: an ordered list that proves which user a request or a log-in is from. The core has three (session,
 * token, password); more can be added behind them. The rules are in `docs/ports/authenticators.md`, and
 * `ports/conformance/authenticators.ts` checks them.
 */

/** What proves a user, as the core has read it from a request or a form. */
export interface CredentialsByKind {
  /** The value of our cookie, and the host that it came to. */
  readonly session: { readonly secret: string; readonly place: HostPlace };
  /** `Authorization: Bearer`. */
  readonly token: { readonly token: string };
  /** Basic, or the fields of a form. */
  readonly password: { readonly name: string; readonly password: string };
}

/** Where and when credentials are shown. */
export interface Circumstances {
  /** IP address of the user. */
  readonly address: string;
  readonly clock: Clock;
}

/** A user who is proven. */
export type Proof = Pick<Identity, 'user' | 'session' | 'until' | 'key' | 'only'>;

/** `null`: no opinion, these credentials are not for this authenticator. `refused`: why not, for the operator's log; no secret. */
export type Verdict = Proof | { readonly refused: string } | null;

export interface Authenticator<Kind extends CredentialKind = CredentialKind> {
  /** For the audit log: lower case, such as `password` or `ldap`. */
  readonly name: string;
  /** The credentials that it is shown. Of others it learns nothing. */
  readonly accepts: Kind;
  /**
   * Proves the user of these credentials, or does not. Takes the same work for a name that exists and one that does not.
   * Rejects with {@link AuthenticatorUnavailable} when it cannot tell.
   */
  prove(credentials: CredentialsByKind[Kind], circumstances: Circumstances): Verdict | Promise<Verdict>;
}

/** It cannot tell now, and may be able to later. The user is told 503, and nothing is counted against them. */
export class AuthenticatorUnavailable extends Error {
  override readonly name = 'AuthenticatorUnavailable';
}
