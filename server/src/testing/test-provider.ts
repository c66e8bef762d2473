import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import Provider from 'oidc-provider';
import { reservedPort } from '../../../toolchain/loopback-port.mjs';

export const clientId = 'rm-server';
export const clientSecret = 'between the two of us';
export const groupsClaim = 'https://example.com/groups';
export const logOutEvent = 'http://schemas.openid.net/event/backchannel-logout';

type Sign = (claims: Record<string, unknown>, header?: Record<string, unknown>) => Promise<string>;

/** A provider of OpenID Connect on localhost that takes any name and password. */
export class TestProvider {
  readonly issuer: string;
  /** Groups by name. */
  readonly groups = new Map<string, readonly string[]>();
  readonly #port: number;
  readonly #sign: Sign;
  readonly #handle: ReturnType<Provider['callback']>;
  #server: Server | null = null;

  private constructor(port: number, handle: ReturnType<Provider['callback']>, sign: Sign) {
    this.issuer = `http://localhost:${port}`;
    this.#port = port;
    this.#handle = handle;
    this.#sign = sign;
  }

  /** `base`: address of the server that logs its users in there. */
  static async start(base: string, id: string): Promise<TestProvider> {
    const port = await reservedPort();
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), kid: 'of the tests', alg: 'RS256', use: 'sig' };
    const sign = (claims: Record<string, unknown>, header: Record<string, unknown> = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'of the tests', typ: 'logout+jwt', ...header })
        .sign(privateKey);
    const provider = new Provider(`http://localhost:${port}`, {
      jwks: { keys: [key] },
      cookies: { keys: ['a key of the tests'] },
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uris: [`${base}/log-in/oidc/${id}/callback`],
          post_logout_redirect_uris: [`${base}/log-in`],
          backchannel_logout_uri: `${base}/log-in/oidc/${id}/back-channel-log-out`,
          backchannel_logout_session_required: true,
        },
      ],
      claims: { openid: ['sub'], profile: ['preferred_username'], groups: [groupsClaim] },
      findAccount: (_context: unknown, sub: string) => ({
        accountId: sub,
        claims: () => ({ sub, preferred_username: sub, [groupsClaim]: made.groups.get(sub) ?? [] }),
      }),
      // By itself it calls nobody on this machine.
      fetch: (url: URL, { method, headers, body, redirect }: RequestInit) =>
        fetch(url, { method, headers, body, redirect } as RequestInit),
      features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
    });
    const made: TestProvider = new TestProvider(port, provider.callback(), sign);
    await made.listen();
    return made;
  }

  async listen(): Promise<void> {
    this.#server = createServer(this.#handle).listen(this.#port, 'localhost');
    await once(this.#server, 'listening');
  }

  /** Refuses connections from now on. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** A log-out token with its key; `changes` replace claims, and `undefined` leaves one out. */
  logOutToken(changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer,
      aud: clientId,
      iat: now,
      exp: now + 120,
      jti: `${Math.random()}`,
      events: { [logOutEvent]: {} },
      ...changes,
    };
    return this.#sign(JSON.parse(JSON.stringify(claims)) as Record<string, unknown>, header);
  }
}
