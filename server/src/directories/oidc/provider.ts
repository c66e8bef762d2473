import { createRemoteJWKSet, type JWTVerifyGetKey, customFetch as jwksFetch, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import * as client from 'openid-client';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../../limits.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { type Claims, claimAt, textsOf } from './claims.ts';
import type { ProviderSettings } from './settings.ts';

/** The provider does not answer, or not as it should. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}

/** What came is no proof. The message is for the operator. */
export class NotProven extends Error {
  override readonly name = 'NotProven';
}

/** What one log-in is recognized by when the browser comes back. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Whom the provider has proven. */
export interface ProvenPerson {
  readonly subject: string;
  /** That of the provider, if it names it; for log-out by the back channel. */
  readonly session: string | null;
  /** `null`: there is no such claim. */
  readonly name: string | null;
  readonly groups: readonly string[];
  /** As it came; `null`: it is longer than `limits.oidcIdTokenLength`. */
  readonly idToken: string | null;
}

/** Whose sessions end: those of one session of the provider, or all of a subject. One of them at least is a text. */
export interface LogOut {
  readonly subject: string | null;
  readonly session: string | null;
}

const logOutEvent = 'http://schemas.openid.net/event/backchannel-logout';

/** Signatures that nobody but the provider can make. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

interface Discovered {
  readonly configuration: client.Configuration;
  readonly keys: JWTVerifyGetKey | null;
}

/**
 * One provider: OpenID Connect Core 1.0 with the code flow and PKCE (RFC 7636), and Back-Channel Logout 1.0. Its
 * configuration is fetched when it is needed first, so a provider that is down does not keep the server from starting.
 */
export class Provider {
  readonly settings: ProviderSettings;
  readonly #limits: Limits;
  readonly #clock: Clock;
  /** `jti` of log-out tokens that were taken. */
  readonly #taken: LRUCache<string, true>;
  #known: Discovered | null = null;
  #fetched: { readonly until: number; readonly result: Promise<Discovered> } | null = null;

  constructor(settings: ProviderSettings, limits: Limits, clock: Clock) {
    this.settings = settings;
    this.#limits = limits;
    this.#clock = clock;
    this.#taken = new LRUCache({ max: limits.oidcLogOutsRemembered });
  }

  /** Where to send the browser. Rejects with {@link ProviderUnavailable}. */
  async begin(): Promise<{ readonly url: URL; readonly attempt: Attempt }> {
    const { configuration } = await this.#discover();
    const attempt = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.settings.callback.href,
      scope: this.settings.scopes.join(' '),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: 'S256',
    });
    return { url, attempt };
  }

  /** `query`: with which the browser came back. Rejects with {@link ProviderUnavailable} or {@link NotProven}. */
  async finish(query: string, { state, nonce, verifier }: Attempt): Promise<ProvenPerson> {
    const { configuration } = await this.#discover();
    const address = new URL(this.settings.callback);
    address.search = query;
    try {
      const tokens = await client.authorizationCodeGrant(configuration, address, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new NotProven('there is no ID token');
      const more = await this.#userInfo(configuration, tokens.access_token, claims);
      return {
        ...this.#person(claims.sub, { ...more, ...claims }),
        idToken: this.#kept(tokens.id_token),
      };
    } catch (error) {
      throw sorted(error);
    }
  }

  /**
   * Where to send a browser that has logged out here (RP-Initiated Logout 1.0 section 2); `null`: the provider offers nothing, or it is
   * not wanted. `idToken`: by which it came. Rejects with {@link ProviderUnavailable}.
   */
  async endSession(idToken: string | null): Promise<URL | null> {
    const { loggedOut } = this.settings;
    if (loggedOut === null) return null;
    const { configuration } = await this.#discover();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
    const url = client.buildEndSessionUrl(configuration, {
      post_logout_redirect_uri: loggedOut.href,
      ...(idToken === null ? {} : { id_token_hint: idToken }),
    });
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw new ProviderUnavailable('its end_session_endpoint is no address of the web');
    }
    return url;
  }

  /**
   * Calls `end` with whose sessions a log-out token ends (Back-Channel Logout 1.0 section 2.6). Each token counts once, unless `end`
   * rejects: then it may come again. Rejects with that, {@link ProviderUnavailable} or {@link NotProven}.
   */
  async logOut(token: string, end: (about: LogOut) => Promise<void>): Promise<void> {
    const { configuration, keys } = await this.#discover();
    if (!keys) throw new NotProven('the provider has no keys');
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: configuration.serverMetadata().issuer,
      audience: this.settings.clientId,
      algorithms,
      requiredClaims: ['iat', 'jti', 'events'],
      clockTolerance: 60,
      maxTokenAge: this.#limits.oidcLogOutMs / 1000,
      currentDate: new Date(this.#clock.date()),
    }).catch((error: unknown) => {
      throw sorted(error);
    });
    const { events, nonce, jti, sub, sid } = payload;
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '') ?? 'jwt';
    const isEvent = typeof events === 'object' && events !== null && Object.hasOwn(events, logOutEvent);
    if (!isEvent || nonce !== undefined || (type !== 'logout+jwt' && type !== 'jwt')) {
      throw new NotProven('it is no log-out token');
    }
    const subject = typeof sub === 'string' ? sub : null;
    const session = typeof sid === 'string' ? sid : null;
    if (subject === null && session === null) throw new NotProven('it names neither subject nor session');
    if (this.#taken.has(`${jti}`)) throw new NotProven('it was taken before');
    this.#taken.set(`${jti}`, true);
    try {
      await end({ subject, session });
    } catch (error) {
      this.#taken.delete(`${jti}`);
      throw error;
    }
  }

  #kept(idToken: string | undefined): string | null {
    return idToken !== undefined && idToken.length <= this.#limits.oidcIdTokenLength ? idToken : null;
  }

  #person(subject: string, claims: Claims): Omit<ProvenPerson, 'idToken'> {
    const { nameClaim, grantsClaim } = this.settings;
    const name = claimAt(claims, [nameClaim]);
    const session = claimAt(claims, ['sid']);
    return {
      subject,
      session: typeof session === 'string' ? session : null,
      name: typeof name === 'string' ? name : null,
      groups: grantsClaim === null ? [] : textsOf(claimAt(claims, grantsClaim)),
    };
  }

  /** Some providers tell there alone what they know of a person. */
  async #userInfo(
    configuration: client.Configuration,
    token: string,
    claims: client.IDToken,
  ): Promise<Claims> {
    const { nameClaim, grantsClaim } = this.settings;
    const has = (way: readonly string[]) => claimAt(claims, way) !== undefined;
    if (has([nameClaim]) && (grantsClaim === null || has(grantsClaim))) return {};
    if (configuration.serverMetadata().userinfo_endpoint === undefined) return {};
    return client.fetchUserInfo(configuration, token, claims.sub);
  }

  /** One fetch serves all who wait. Its result counts for an hour; a failure for a few seconds, while the former result counts. */
  async #discover(): Promise<Discovered> {
    const now = this.#clock.now();
    if (!this.#fetched || this.#fetched.until <= now) {
      const { oidcDiscoveryMs, oidcPauseMs } = this.#limits;
      const result = this.#fetchConfiguration().then(
        (discovered) => {
          this.#known = discovered;
          return discovered;
        },
        (error: unknown) => {
          this.#fetched = { until: this.#clock.now() + oidcPauseMs, result };
          if (this.#known) return this.#known;
          throw new ProviderUnavailable(messageOf(error));
        },
      );
      this.#fetched = { until: now + oidcDiscoveryMs, result };
    }
    return this.#fetched.result;
  }

  async #fetchConfiguration(): Promise<Discovered> {
    const { issuer, clientId, clientSecret } = this.settings;
    const { oidcAnswerMs, oidcAnswerBytes } = this.#limits;
    const fetch = (url: string, options: object) => boundedFetch(url, options, oidcAnswerBytes);
    const authentication = clientSecret === null ? client.None() : client.ClientSecretBasic(clientSecret);
    const configuration = await client.discovery(issuer, clientId, {}, authentication, {
      [client.customFetch]: fetch,
      timeout: oidcAnswerMs / 1000,
      execute: [
        // Verifies the signature of the ID token, although it comes over TLS.
        client.enableNonRepudiationChecks,
        ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
      ],
    });
    const { jwks_uri: address } = configuration.serverMetadata();
    const keys = address
      ? createRemoteJWKSet(new URL(address), { timeoutDuration: oidcAnswerMs, [jwksFetch]: fetch })
      : null;
    return { configuration, keys };
  }
}

/** What the libraries throw, by whether the provider could be reached. */
function sorted(error: unknown): Error {
  if (error instanceof NotProven || error instanceof ProviderUnavailable) return error;
  const code = error instanceof Error && 'code' in error ? `${error.code}` : '';
  const away = error instanceof TypeError || error instanceof DOMException || /TIMEOUT/.test(code);
  return away ? new ProviderUnavailable(messageOf(error)) : new NotProven(messageOf(error));
}

/** What happened and why. The libraries put no token into it. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { message, cause } = error;
  return `${message}${cause instanceof Error ? `: ${cause.message}` : ''}`.slice(0, 300);
}
