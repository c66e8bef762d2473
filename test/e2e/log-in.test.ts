import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { hashPassword, Installation, recoveryHash } from 'rm-reflector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn } from '../system/chromium.ts';
import type { RecordingDevice } from '../system/recording-device.ts';
import { SharedReflector } from '../system/shared-reflector.ts';

/** Log-in and roles in Chromium, on a small screen and with scripts switched off. */

const withoutScript = {
  ignoreHTTPSErrors: true,
  javaScriptEnabled: false,
  viewport: { width: 360, height: 640 },
} as const;
/** What a scanner reads in a picture. */
function scanned(png: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'rm-qr-'));
  const file = join(folder, 'code.png');
  writeFileSync(file, png);
  const { stdout, stderr } = spawnSync('zbarimg', ['--quiet', '--raw', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  if (stdout === '') throw new Error(`zbarimg reads nothing: ${stderr}`);
  return stdout.trim();
}

/** The code of this moment. */
function oathtool(secret: string): string {
  return spawnSync('oathtool', ['--totp', '--base32', secret], { encoding: 'utf8' }).stdout.trim();
}

const recoveryCode = 'abcd-efgh-jkmn-pqrs';

describe.each([
  ['on localhost', { tls: false }],
  ['with TLS', { tls: true }],
])('%s', (_where, options) => {
  let shared: SharedReflector;
  let device: RecordingDevice;
  const bob = { user: 'bob', password: 'bob and no one else' };

  beforeAll(async () => {
    shared = await SharedReflector.start(options);
    device = await shared.device('pump');
    const { store } = shared.reflector;
    await store.users.add(bob.user, await hashPassword(bob.password), Date.now(), 'user');
    const account = await store.users.get(bob.user);
    if (!account) throw new Error('no user');
    const secret = Buffer.from('12345678901234567890');
    await store.users.setTotp(account, { secret, step: 0, recovery: [recoveryHash(recoveryCode)] });
  });
  afterAll(() => shared?.stop());

  async function inBrowser(run: (context: BrowserContext) => Promise<void>): Promise<void> {
    const context = await shared.browser.newContext(withoutScript);
    await run(context);
    await context.close();
  }

  test('leads to the page that was asked for, after a mistake too', () =>
    inBrowser(async (context) => {
      const page = await context.newPage();
      const wanted = `${shared.origin('pump')}/some/page?with=query`;
      await page.goto(wanted);
      expect(new URL(page.url()).host).toBe(new URL(shared.origin()).host);
      await page.getByLabel('Name').fill(shared.user);
      await page.getByLabel('Password').fill('a mistake');
      await page.keyboard.press('Enter');
      expect(await page.getByRole('alert').textContent()).toBe('Wrong name or password');
      expect(await page.getByLabel('Name').inputValue()).toBe(shared.user);
      device.take();
      await page.getByLabel('Password').fill(shared.password);
      await page.keyboard.press('Enter');
      await page.waitForURL(wanted);
      expect(device.take()).toContain('GET /some/page?with=query');
      const small = await page.goto(`${shared.origin()}/account`);
      expect(small?.status()).toBe(200);
      expect(await page.getByText('this browser').count()).toBe(1);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    }));

  test('a one-time password is asked for; a user sees what was granted, and nothing else', () =>
    inBrowser(async (context) => {
      const page = await context.newPage();
      await page.goto(`${shared.origin('pump')}/`);
      await page.getByLabel('Name').fill(bob.user);
      await page.getByLabel('Password').fill(bob.password);
      await page.getByRole('button', { name: 'Log in' }).click();
      const code = page.getByLabel('Code from your authenticator app');
      await code.fill('000000');
      await page.getByRole('button', { name: 'Go on' }).click();
      expect(await page.getByRole('alert').textContent()).toContain('Wrong code');
      device.take();
      await code.fill(recoveryCode);
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('heading', { name: 'There is no device “pump”' }).waitFor();
      expect(device.take()).toEqual([]);
      await page.goto(`${shared.origin()}/`);
      expect(await page.locator('body').textContent()).not.toContain('pump');
      const { store } = shared.reflector;
      await store.users.grant(bob.user, await new Installation(store).domain());
      await page.goto(`${shared.origin()}/`);
      await page.getByRole('link', { name: /^pump\./ }).click();
      await page.waitForURL(`${shared.origin('pump')}/`);
      expect(device.take()).toContain('GET /');
    }));

  test('a user sets up one-time passwords, by a QR code that an app can read', () =>
    inBrowser(async (context) => {
      const carol = { user: 'carol', password: 'carol and no one else' };
      await shared.reflector.store.users.add(
        carol.user,
        await hashPassword(carol.password),
        Date.now(),
        'user',
      );
      const page = await context.newPage();
      await openLoggedIn(page, `${shared.origin()}/account`, carol);
      await page.getByLabel('Present password').last().fill(carol.password);
      await page.getByRole('button', { name: 'Set up one-time passwords' }).click();
      const code = page.getByRole('img', { name: 'QR code of the secret' });
      const uri = scanned(await code.screenshot({ scale: 'css' }));
      expect(uri).toMatch(/^otpauth:\/\/totp\/rm-reflector:carol\?secret=[A-Z2-7]{32}&/);
      expect(await page.getByRole('link', { name: 'open it in an app' }).getAttribute('href')).toBe(uri);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      const secret = new URL(uri).searchParams.get('secret') ?? '';
      await page.getByLabel('Code that the app shows').fill(oathtool(secret));
      await page.getByRole('button', { name: 'Switch on' }).click();
      expect(await page.getByRole('listitem').count()).toBe(10);
      const recovery = (await page.getByRole('listitem').first().textContent()) ?? '';
      await page.getByRole('link', { name: 'Account' }).click();
      await page.getByText('with one-time passwords').waitFor();
      await inBrowser(async (other) => {
        const there = await other.newPage();
        await there.goto(`${shared.origin()}/account`);
        await there.getByLabel('Name').fill(carol.user);
        await there.getByLabel('Password').fill(carol.password);
        await there.getByRole('button', { name: 'Log in' }).click();
        await there.getByLabel('Code from your authenticator app').fill(recovery);
        await there.getByRole('button', { name: 'Go on' }).click();
        await there.getByText('with one-time passwords').waitFor();
      });
    }));

  test('log-out everywhere ends the other browser', () =>
    inBrowser(async (first) => {
      await inBrowser(async (second) => {
        const [here, there] = [await first.newPage(), await second.newPage()];
        await openLoggedIn(here, `${shared.origin()}/`, shared);
        await openLoggedIn(there, `${shared.origin('pump')}/`, shared);
        await here.goto(`${shared.origin()}/account`);
        await here.getByRole('button', { name: 'Log out everywhere' }).click();
        await here.waitForURL(`${shared.origin()}/log-in`);
        device.take();
        await there.goto(`${shared.origin('pump')}/`);
        expect(new URL(there.url()).pathname).toBe('/log-in');
        expect(device.take()).toEqual([]);
        await here.goto(`${shared.origin()}/`);
        expect(new URL(here.url()).pathname).toBe('/log-in');
      });
    }));
});
