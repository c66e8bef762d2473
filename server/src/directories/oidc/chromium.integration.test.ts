import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../../../test/system/chromium.ts';
import { reservedPort } from '../../../../toolchain/loopback-port.mjs';
import { clientId, clientSecret, groupsClaim, TestProvider } from '../../testing/test-provider.ts';
import { TestServer } from '../../testing/test-server.ts';

/** Log-in at a provider of OpenID Connect in Chromium. */
let provider: TestProvider;
let server: TestServer;
let browser: Browser;
let base: string;

beforeAll(async () => {
  const port = await reservedPort();
  base = `http://localhost:${port}`;
  provider = await TestProvider.start(base, 'corp');
  provider.groups.set('carol', ['ops']);
  server = await TestServer.start({
    port,
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
        },
      ],
    },
  });
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  for (const [id, domain] of [
    ['pump-a', 'plant-a'],
    ['pump-b', 'plant-b'],
  ] as const) {
    await server.reflector.store.devices.add({ id, domain, secrets }, 0, null);
  }
  browser = await startChromium();
});
afterAll(async () => {
  await browser.close();
  await server.close();
  await provider.close();
});

test('by the link on the log-in page to the devices of one’s groups, and out at the provider', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/`);
  expect(new URL(page.url()).pathname).toBe('/log-in');
  await page.getByRole('link', { name: 'Log in with Example Corp' }).click();
  await page.locator('[name=login]').fill('carol');
  await page.locator('[name=password]').fill('any');
  await page.getByRole('button', { name: /sign-in/i }).click();
  await page.getByRole('button', { name: /continue/i }).click();
  await page.waitForURL(`${base}/`);
  await page.getByText('pump-a').first().waitFor();
  const text = await page.locator('body').innerText();
  expect([text.includes('pump-a'), text.includes('pump-b')]).toEqual([true, false]);
  const cookies = await context.cookies(base);
  expect(cookies.filter(({ name }) => name.startsWith('rm-oidc'))).toEqual([]);
  expect(cookies.find(({ name }) => name === 'rm-session')).toMatchObject({
    httpOnly: true,
    sameSite: 'Lax',
  });

  const other = await context.newPage();
  await other.goto(`${provider.issuer}/session/end`);
  await other.getByRole('button', { name: /yes, sign me out/i }).click();
  await other.waitForURL(/success/);
  await page.goto(`${base}/account`);
  expect(new URL(page.url()).pathname).toBe('/log-in');
  await context.close();
});

test('a log-out here goes on to the provider, and the browser is back at the log-in', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const logIn = async () => {
    await page.goto(`${base}/account`);
    await page.getByRole('link', { name: 'Log in with Example Corp' }).click();
  };
  await logIn();
  await page.locator('[name=login]').fill('carol');
  await page.locator('[name=password]').fill('any');
  await page.getByRole('button', { name: /sign-in/i }).click();
  await page.getByRole('button', { name: /continue/i }).click();
  await page.waitForURL(`${base}/account`);
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await page.waitForURL(`${provider.issuer}/session/end?**`);
  const asked = new URL(page.url()).searchParams;
  expect(asked.get('post_logout_redirect_uri')).toBe(`${base}/log-in`);
  expect(asked.get('id_token_hint')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  // The session here has ended, whatever the user says there.
  expect((await context.cookies(base)).filter(({ name }) => name === 'rm-session')).toEqual([]);
  await page.getByRole('button', { name: /yes, sign me out/i }).click();
  await page.waitForURL(`${base}/log-in`);
  // The provider asks who it is again.
  await logIn();
  await page.locator('[name=login]').waitFor();
  await context.close();
});

test('another site that begins a log-in changes nothing for who is logged in, and cannot end one', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/log-in/oidc/corp/callback?code=of+somebody+else&state=x`);
  expect(await page.locator('h1').innerText()).toContain('not begun in this browser');
  await page.getByRole('link', { name: 'Start again' }).click();
  expect(new URL(page.url()).pathname).toBe('/log-in');
  await context.close();
});
