import { request } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { totpCode } from 'rm-reflector/accounts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { DashboardStage } from '../testing/dashboard-stage.ts';

/** Users, groups, grants, devices that wait, and the own account in the dashboard, in Chromium. */

const password = 'a long enough secret';

let stage: DashboardStage;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  stage = await DashboardStage.start();
  await stage.fill(8, 0);
  await stage.fillPeople();
  for (const name of ['nora', 'otto', 'petra']) await stage.made('/users', { name, password });
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
});
afterEach(() => context.close());

const logIn = (path: string, user = 'alice') =>
  openLoggedIn(page, `${stage.base}${path}`, { user, password });
const dialog = () => page.getByRole('dialog');
const button = (name: string) => page.getByRole('button', { name, exact: true });
const row = (text: string) => page.locator('main tbody tr').filter({ hasText: text });
const closed = () => dialog().waitFor({ state: 'detached' });
const items = async (path: string) => ((await stage.alice.get(path)).body as { items: object[] }).items;

describe('people', () => {
  test('a user is added, put into a group, and gets one device, web only, until tonight', async () => {
    await logIn('/dashboard/people/users');
    await button('Add user').click();
    await dialog().getByLabel('Name to log in with').fill('tomas');
    await dialog().getByLabel('Password').fill('short');
    await dialog().getByRole('button', { name: 'Add user' }).click();
    expect(await dialog().count(), 'the browser or the server refuses the password').toBe(1);
    await dialog().getByLabel('Password').fill(password);
    await dialog().getByRole('button', { name: 'Add user' }).click();
    await closed();
    await row('tomas').waitFor();

    await stage.made('/groups', { name: 'observers' });
    await page.goto(`${stage.base}/dashboard/people/groups`);
    await row('observers').getByRole('button', { name: 'Members' }).click();
    await dialog().getByLabel('User').fill('tomas');
    await dialog().getByRole('button', { name: 'Add' }).click();
    await dialog().getByRole('cell', { name: 'tomas', exact: true }).waitFor();
    expect(await items('/groups/observers/members')).toContainEqual(
      expect.objectContaining({ user: 'tomas' }),
    );

    await page.goto(`${stage.base}/dashboard/people/grants`);
    await button('Add grant').click();
    await dialog().getByLabel('Name').fill('tomas');
    await dialog().getByLabel('For what').selectOption('one device');
    await dialog().getByLabel('Device', { exact: true }).fill('pump-5');
    await dialog().getByLabel('Ports').fill('web');
    await button('Until tonight').click();
    await dialog().getByRole('button', { name: 'Add grant' }).click();
    await closed();
    const [grant] = (await items('/grants?user=tomas')) as { until: string }[];
    expect(grant).toMatchObject({ user: 'tomas', role: 'user', device: 'pump-5', ports: ['web'] });
    const leftMs = Date.parse(grant?.until ?? '') - Date.now();
    expect([leftMs > -60_000, leftMs < 86_400_000]).toEqual([true, true]);

    const agent = await stage.connect(5);
    const own = await browser.newContext({ locale: 'en-GB' });
    page = await own.newPage();
    await logIn('/dashboard/devices/pump-5', 'tomas');
    await page.locator('.service', { hasText: 'Web' }).waitFor();
    expect(await page.locator('.service').count(), 'what nobody may open is not offered').toBe(1);
    await own.close();
    agent.peer.socket.destroy();
  });

  test('a device that waits is compared by its code, and accepted', async () => {
    await logIn('/dashboard/waiting');
    const code = (await row('pump-41').locator('.mono').first().textContent()) ?? '';
    await row('pump-41').getByRole('button', { name: 'Accept' }).click();
    await dialog().getByText(`Compare the code ${code}`).waitFor();
    await dialog().getByRole('button', { name: 'Accept' }).click();
    await closed();
    await row('pump-41').waitFor({ state: 'detached' });
    // It is told when it asks again.
    const applicant = { id: 'pump-41', domain: 'acme', secret: 's'.repeat(43), hardware: '41'.repeat(32) };
    await stage.server.client().post('/enroll', applicant);
    expect((await stage.alice.get('/devices/pump-41')).body).toMatchObject({ domain: 'acme' });
  });

  test('consent that a device has not given yet is said, and who is on it', async () => {
    const agent = await stage.connect(5);
    await logIn('/dashboard/devices/pump-5');
    await page.getByText('Nobody has anything open').waitFor();
    const asked = request({
      host: '127.0.0.1',
      port: stage.server.reflector.port,
      headers: {
        host: `pump-5.localhost:${stage.server.reflector.port}`,
        authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`,
      },
    }).end();
    asked.on('error', () => {});
    await page.getByText('The device has not answered for port 80 yet').waitFor();
    await page.locator('section', { hasText: 'Who is on it now' }).getByText('alice').waitFor();
    asked.destroy();
    await page.getByText('Nobody has anything open').waitFor();
    agent.peer.socket.destroy();
  });
});

describe('the account', () => {
  test('gets one-time passwords by a QR code or its secret, and recovery codes that are shown once', async () => {
    await logIn('/dashboard/account/codes', 'nora');
    await page.getByLabel('Present password').fill(password);
    await button('Set up').click();
    const picture = page.getByRole('img', { name: 'QR code for the authenticator app' });
    expect((await picture.locator('path').getAttribute('d'))?.length).toBeGreaterThan(500);
    const secret = (await page.getByRole('group', { name: 'Secret' }).textContent()) ?? '';
    await page.getByLabel('Code of the app').fill('000000');
    await button('Switch on').click();
    await page.locator('[aria-invalid=true]').waitFor();
    await page.getByLabel('Code of the app').fill(codeOf(secret));
    await button('Switch on').click();
    const shown = (await page.getByRole('group', { name: 'Recovery codes' }).textContent()) ?? '';
    const codes = shown.trim().split('\n');
    expect(codes.length).toBeGreaterThanOrEqual(8);
    await button('I have kept them').click();
    await page.getByText('switched on').waitFor();
    expect(await page.content()).not.toContain(codes[1]);
    const other = await browser.newContext({ locale: 'en-GB' });
    const elsewhere = await other.newPage();
    await elsewhere.goto(`${stage.base}/dashboard/account`);
    await elsewhere.locator('#name').fill('nora');
    await elsewhere.locator('#password').fill(password);
    await elsewhere.locator('button.main').click();
    await elsewhere.locator('#code').fill(codes[0] ?? '');
    await elsewhere.locator('button.main').click();
    await elsewhere.getByText('Who you are').waitFor();
    await other.close();
  });

  test('ends another session, and what that browser shows is cleared', async () => {
    await logIn('/dashboard/account/sessions', 'otto');
    await row('this browser').waitFor();
    const other = await browser.newContext({ locale: 'en-GB' });
    const elsewhere = await other.newPage();
    await openLoggedIn(elsewhere, `${stage.base}/dashboard/account`, { user: 'otto', password });
    await elsewhere.getByText('Who you are').waitFor();
    await page.reload();
    await row('Browser').getByRole('button', { name: 'End', exact: true }).click();
    await expect.poll(() => row('Browser').count()).toBe(1);
    await elsewhere.reload();
    await elsewhere.waitForURL(/\/log-in/);
    await other.close();
  });

  test('gets a language and a theme, in other browsers too', async () => {
    await logIn('/dashboard/account', 'petra');
    await page.getByLabel('Language').selectOption('Deutsch');
    await page.locator('h1', { hasText: 'Konto' }).waitFor();
    await page.getByLabel('Farben').selectOption('dunkel');
    await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    const petra = await stage.server.signedIn('petra');
    await expect
      .poll(async () => (await petra.get('/account/preferences')).body)
      .toMatchObject({ language: 'de', theme: 'dark' });
    const other = await browser.newContext({ locale: 'en-GB' });
    page = await other.newPage();
    await logIn('/dashboard/account', 'petra');
    await page.locator('h1', { hasText: 'Konto' }).waitFor();
    await other.close();
  });
});

/** As an app makes it (RFC 6238). `secret`: in Base32. */
function codeOf(secret: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const bytes = Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  return totpCode(bytes, Math.floor(Date.now() / 30_000));
}
