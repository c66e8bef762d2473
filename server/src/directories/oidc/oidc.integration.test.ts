import { once } from 'node:events';
import { createServer } from 'node:http';
import { StoreUnavailable } from 'rm-reflector/ports';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { reservedPort } from '../../../../toolchain/loopback-port.mjs';
import { defaultLimits } from '../../limits.ts';
import {
  clientId,
  clientSecret,
  groupsClaim,
  logOutEvent,
  TestProvider,
} from '../../testing/test-provider.ts';
import { TestServer } from '../../testing/test-server.ts';
import { askPlainly, WebBrowser } from '../../testing/web-browser.ts';

/** The whole server with a real provider. */
let provider: TestProvider;
let server: TestServer;
let base: string;
let browser: WebBrowser;
let port: number;

beforeAll(async () => {
  port = await reservedPort();
  base = `http://localhost:${port}`;
  provider = await TestProvider.start(base, 'corp');
  provider.groups.set('carol', ['ops', 'others']);
});
afterAll(() => provider.close());

const start = (limits: object = {}, changes: object = {}) =>
  TestServer.start({
    port,
    limits,
    own: {
      publicUrl: base,
      oidc: [
        {
          id: 'corp',
          name: 'Example Corp',
          issuer: provider.issuer,
          clientId,
          clientSecret,
          scopes: ['openid', 'profile', 'groups'],
          grantsClaim: groupsClaim,
          grants: [{ value: 'ops', domains: ['plant-a'] }],
          ...changes,
        },
      ],
    },
  });

beforeEach(async () => {
  browser = new WebBrowser();
  server = await start();
});
afterEach(() => server.close());

const begin = (next = '/account') => browser.go(`${base}/log-in/oidc/corp?next=${encodeURIComponent(next)}`);

async function logIn(login: string, next?: string): Promise<WebBrowser> {
  await begin(next);
  if (browser.text.includes('name="login"')) await browser.submit({ login, password: 'any' });
  if (browser.url.origin === provider.issuer) await browser.submit();
  return browser;
}

const grantsOf = async (name: string) => {
  const user = await server.reflector.store.users.get(name);
  return user;
};

test('the log-in page leads to the provider, and the provider back to where the user wanted to go', async () => {
  await browser.go(`${base}/account`);
  const [, link = ''] = /href="([^"]*)">Log in with Example Corp/.exec(browser.text) ?? [];
  await browser.go(new URL(link.replaceAll('&amp;', '&'), base));
  const asked = new URL(browser.visited[1] ?? '');
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: `${base}/log-in/oidc/corp/callback`,
    code_challenge_method: 'S256',
    scope: 'openid profile groups',
  });
  await browser.submit({ login: 'carol', password: 'any' });
  await browser.submit();
  expect([browser.status, browser.url.href]).toEqual([200, `${base}/account`]);
  expect(browser.text).toContain('carol');
  expect(await grantsOf('carol')).toMatchObject({ role: 'user' });
  // What the log-in was recognized by is gone.
  expect([...browser.cookies(base).keys()]).not.toContain('rm-oidc-corp');
});

test('a local user’s name opens nothing', async () => {
  await logIn('alice');
  expect(browser.status).toBe(403);
  expect(browser.text).toContain('opens nothing here');
  await browser.go(`${base}/account`);
  expect(browser.url.pathname).toBe('/log-in');
});

test('`next` leads to no other host', async () => {
  await logIn('carol', 'https://evil.example/');
  expect(browser.url.href).toBe(`${base}/`);
});

test('nextLength: a longer address is dropped', async () => {
  await logIn('carol', `/account?x=${'x'.repeat(defaultLimits.nextLength)}`);
  expect(browser.url.href).toBe(`${base}/`);
});

test('oidcAnswerMs: a provider that answers nothing is waited for for a while', async () => {
  await server.close();
  await provider.close();
  const silent = createServer(() => {}).listen(Number(new URL(provider.issuer).port), 'localhost');
  await once(silent, 'listening');
  server = await start({ oidcAnswerMs: 200 });
  expect((await begin()).status).toBe(503);
  silent.closeAllConnections();
  silent.close();
  await once(silent, 'close');
  await provider.listen();
});

test('oidcAtOnce, oidcWaiting: browsers that come back while the provider says nothing find bounds', async () => {
  await server.close();
  server = await start({ oidcAtOnce: 1, oidcWaiting: 0 });
  const backs = [];
  for (const each of [new WebBrowser(), new WebBrowser()]) {
    browser = each;
    await begin();
    await browser.submit({ login: 'carol', password: 'any' });
    const consent = new URL(/action="([^"]*)"/.exec(browser.text)?.[1] ?? '', browser.url);
    await browser.go(consent, { prompt: 'consent' }, /callback/);
    backs.push({ each, back: browser.visited.at(-1) ?? '' });
  }
  await provider.close();
  let asked = 0;
  const silent = createServer(() => void asked++).listen(Number(new URL(provider.issuer).port), 'localhost');
  await once(silent, 'listening');
  const [first, second] = backs;
  const held = first?.each.go(first.back);
  await expect.poll(() => asked, { timeout: 60_000 }).toBe(1);
  expect((await second?.each.go(second.back))?.status).toBe(503);
  expect([(await held)?.status, asked]).toEqual([503, 1]);
  silent.closeAllConnections();
  silent.close();
  await once(silent, 'close');
  await provider.listen();
});

test('only the browser that began a log-in ends it, once, and with its own answer', async () => {
  await begin();
  await browser.submit({ login: 'carol', password: 'any' });
  // The browser holds the answer and does not go there yet.
  await browser.go(
    new URL(/action="([^"]*)"/.exec(browser.text)?.[1] ?? '', browser.url),
    { prompt: 'consent' },
    /callback/,
  );
  const back = browser.visited.at(-1) ?? '';
  expect(back).toContain('code=');
  const stranger = await new WebBrowser().go(back);
  expect(stranger.status).toBe(403);
  expect(stranger.text).toContain('not begun in this browser');
  const wrong = new URL(back);
  wrong.searchParams.set('state', 'another');
  const cookies = new Map(browser.cookies(base));
  expect((await browser.go(wrong)).status).toBe(403);
  for (const [name, value] of cookies) browser.cookies(base).set(name, value);
  await browser.go(back);
  expect(browser.url.href).toBe(`${base}/account`);
  // Neither the code nor the cookie counts again.
  for (const [name, value] of cookies) if (name !== 'rm-session') browser.cookies(base).set(name, value);
  expect((await browser.go(back)).status).toBe(403);
});

test('oidcLogInMs: a log-in that takes too long has to be begun again', async () => {
  await server.close();
  server = await start({ oidcLogInMs: 1 });
  await logIn('carol');
  expect([browser.status, browser.text.includes('too long ago')]).toEqual([403, true]);
});

test('who refuses at the provider is back at the log-in', async () => {
  await begin();
  await browser.go(`${base}/log-in/oidc/corp/callback?error=access_denied&state=x`);
  expect([browser.status, browser.text.includes('was cancelled')]).toEqual([403, true]);
});

test('oidcPauseMs: a provider that is down keeps nobody else out, and is there when it is back', async () => {
  await server.close();
  await provider.close();
  server = await start({ oidcPauseMs: 1 });
  expect((await begin()).status).toBe(503);
  expect(browser.text).toContain('Example Corp cannot be reached');
  expect((await server.as('alice').get('/openapi.json')).status).toBe(200);
  await provider.listen();
  await logIn('carol');
  expect(browser.url.href).toBe(`${base}/account`);
});

describe('log-out here', () => {
  const logOut = async () => {
    await browser.go(`${base}/log-out`, {});
    return /<a href="([^"]*)">Go on</.exec(browser.text)?.[1]?.replaceAll('&amp;', '&') ?? null;
  };
  const isLoggedIn = async () => {
    await browser.go(`${base}/account`);
    return browser.url.pathname === '/account';
  };

  test('leads to the end of the session at the provider', async () => {
    await logIn('carol');
    const address = new URL((await logOut()) ?? '');
    expect(`${address.origin}${address.pathname}`).toBe(`${provider.issuer}/session/end`);
    expect(Object.fromEntries(address.searchParams)).toEqual({
      client_id: clientId,
      post_logout_redirect_uri: `${base}/log-in`,
      id_token_hint: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    expect(await isLoggedIn()).toBe(false);
  });

  test('oidcIdTokenLength: a long ID token does not go into an address', async () => {
    await server.close();
    server = await start({ oidcIdTokenLength: 20 });
    await logIn('carol');
    const address = new URL((await logOut()) ?? '');
    expect([...address.searchParams.keys()].sort()).toEqual(['client_id', 'post_logout_redirect_uri']);
  });

  test('is one here only, where that is configured', async () => {
    await server.close();
    server = await start({}, { logOut: false });
    await logIn('carol');
    expect(await logOut()).toBeNull();
    expect(await isLoggedIn()).toBe(false);
  });

  test('ends the session here while the provider is down', async () => {
    await server.close();
    server = await start({ oidcDiscoveryMs: 1 });
    await logIn('carol');
    await provider.close();
    // What was known of it counts.
    expect(await logOut()).not.toBeNull();
    expect(await isLoggedIn()).toBe(false);
    await provider.listen();
  });

  test('of a local user leads nowhere else', async () => {
    await browser.go(`${base}/log-in`);
    await browser.submit({ name: 'alice', password: 'a long enough secret' });
    expect(await isLoggedIn()).toBe(true);
    expect(await logOut()).toBeNull();
    expect(browser.url.pathname).toBe('/log-in');
  });
});

describe('log-out by the back channel', () => {
  const send = async (token: string) => {
    const address = new URL('/log-in/oidc/corp/back-channel-log-out', base);
    const answer = await askPlainly(address, { logout_token: token });
    return answer.status;
  };
  const isLoggedIn = async () => {
    await browser.go(`${base}/account`);
    return browser.url.pathname === '/account';
  };

  test('a log-out at the provider ends the session here', async () => {
    await logIn('carol');
    expect(await isLoggedIn()).toBe(true);
    await browser.go(`${provider.issuer}/session/end`);
    await browser.submit({ logout: 'yes' });
    await expect.poll(isLoggedIn).toBe(false);
  });

  test('a token for the subject ends all their sessions, once, and nobody else’s', async () => {
    await logIn('carol');
    const other = browser;
    browser = new WebBrowser();
    await logIn('dave');
    const dave = browser;
    browser = other;
    const token = await provider.logOutToken({ sub: 'carol' });
    expect(await send(token)).toBe(200);
    expect(await isLoggedIn()).toBe(false);
    browser = dave;
    expect(await isLoggedIn()).toBe(true);
    expect(await send(token)).toBe(400);
  });

  test('a token whose sessions could not be ended may come again', async () => {
    await logIn('carol');
    const token = await provider.logOutToken({ sub: 'carol' });
    const { sessions } = server.reflector.store;
    const remove = vi
      .spyOn(sessions, 'remove')
      .mockRejectedValue(new StoreUnavailable('SQLITE_FULL', 'full'));
    expect(await send(token)).toBe(503);
    remove.mockRestore();
    expect(await isLoggedIn()).toBe(true);
    expect(await send(token)).toBe(200);
    expect(await isLoggedIn()).toBe(false);
  });

  test('oidcLogOutsRemembered: of more, the oldest is forgotten', async () => {
    await server.close();
    server = await start({ oidcLogOutsRemembered: 1 });
    const [first, second] = [
      await provider.logOutToken({ sub: 'x' }),
      await provider.logOutToken({ sub: 'x' }),
    ];
    const statuses = [];
    for (const token of [first, first, second, second, first]) statuses.push(await send(token));
    expect(statuses).toEqual([200, 400, 200, 400, 200]);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ['of another issuer', { iss: 'http://evil.example' }],
    ['for another client', { aud: 'another' }],
    ['oidcLogOutMs: that is old', { iat: Math.floor(Date.now() / 1000) - 3_600, exp: undefined }],
    ['that has expired', { exp: Math.floor(Date.now() / 1000) - 3_600 }],
    ['without an ID', { jti: undefined }],
    ['without the event', { events: { another: {} } }],
    ['that is an ID token', { nonce: 'n', events: { [logOutEvent]: {} } }],
    ['that is an ID token by its type', {}, { typ: 'id+jwt' }],
    ['of nobody', { sub: undefined }],
    ['of a session that is not his', { sid: 'another' }],
  ])('a token %s ends nothing', async (what, changes, header = {}) => {
    await logIn('carol');
    const expected = what.startsWith('of a session') ? 200 : 400;
    expect(await send(await provider.logOutToken({ sub: 'carol', ...changes }, header))).toBe(expected);
    expect(await isLoggedIn()).toBe(true);
  });

  test('a token with another signature, none, or that is no token', async () => {
    await logIn('carol');
    const token = await provider.logOutToken({ sub: 'carol' });
    const [head = '', body = ''] = token.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'logout+jwt' })).toString('base64url');
    for (const wrong of [`${head}.${body}.AAAA`, `${none}.${body}.`, 'x', ''])
      expect(await send(wrong)).toBe(400);
    expect(await isLoggedIn()).toBe(true);
  });
});
