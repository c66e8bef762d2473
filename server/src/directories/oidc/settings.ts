import type { GrantRule } from '../members/grant-rules.ts';

/** One provider of OpenID Connect. */
export interface ProviderSettings {
  /** In addresses and the audit log. */
  readonly id: string;
  /** On the log-in page. */
  readonly name: string;
  readonly issuer: URL;
  readonly clientId: string;
  /** `null`: a public client, whom PKCE alone protects. */
  readonly clientSecret: string | null;
  readonly scopes: readonly string[];
  readonly nameClaim: string;
  /** The way to the claim with groups; `null`: there is none. */
  readonly grantsClaim: readonly string[] | null;
  readonly grants: readonly GrantRule[];
  readonly membershipMs: number;
  /** Where the provider sends the browser back to: below the public address of the server, whatever a request says. */
  readonly callback: URL;
  /** Where the provider sends it back to after a log-out; `null`: a log-out here is none there. */
  readonly loggedOut: URL | null;
}

/** Of members. */
export const sourceOf = (id: string) => `oidc:${id}`;

/** For the audit log. */
export const byOf = (id: string) => `oidc-${id}`;

export const startPath = (id: string) => `/log-in/oidc/${id}`;
/** Where a browser is after a log-out. */
export const loggedOutPath = '/log-in';
export const callbackPath = (id: string) => `${startPath(id)}/callback`;
export const logOutPath = (id: string) => `${startPath(id)}/back-channel-log-out`;
