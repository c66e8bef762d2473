import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { addDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

/** The example brand, in Chromium. */

const example = fileURLToPath(new URL('../../../examples/branding', import.meta.url));
const password = 'a long enough secret';
/** Only something that hangs reaches it. */
const timeout = 120_000;

let server: TestServer;
let base: string;
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  server = await TestServer.start({ own: { branding: example } });
  base = `http://localhost:${server.reflector.port}`;
  await addDevice(server, 'pump-1', 'acme');
  await addDevice(server, 'crane-1', 'harbour');
  await server.addUser('harry', 'harbour');
  const alice = await server.signedIn('alice');
  const properties = { site: 'Lindholm', contract: 'C-1', 'internal.key': 'k' };
  const changed = await alice.patch('/devices/pump-1', { properties }, { 'if-match': '*' });
  expect(changed.status).toBe(200);
  browser = await startChromium();
}, timeout);
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
afterEach(() => context?.close());

/** A page that nobody is logged in on. */
async function open(options: object = {}): Promise<{ page: Page }> {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(timeout);
  return { page };
}

/** Which logo is seen, and that it is drawn. */
async function logo(page: Page): Promise<string> {
  const image = page.locator('.masthead img, .brand img').first();
  await image.waitFor();
  await page.waitForFunction(
    '[...document.images].every(({ complete, naturalWidth }) => complete && naturalWidth > 0)',
  );
  const address = await image.evaluate(
    (element) => (element as unknown as { currentSrc: string }).currentSrc,
  );
  const text = await (await fetch(address)).text();
  return `${await image.getAttribute('alt')} ${/stroke="(#\w+)"/.exec(text)?.[1]}`;
}

test('its link leads to its log-in page', { timeout }, async () => {
  const { page } = await open();
  await page.goto(`${base}/for/harbour`);
  expect(await logo(page)).toBe('Lindholm Harbour #8a63c9');
  await page.goto(`${base}/for/nobody`);
  expect(await logo(page)).toBe('Tidewater Remote #0b645f');
});

test('a further language is on pages and in the dashboard, and what it lacks is in English', {
  timeout: 2 * timeout,
}, async () => {
  const { page } = await open({ locale: 'fr-FR' });
  await page.goto(`${base}/log-in`);
  await page.getByRole('heading', { name: 'Connexion à vos pompes' }).waitFor();
  await openLoggedIn(page, `${base}/`, { user: 'alice', password });
  await page.getByRole('heading', { name: 'Appareils' }).waitFor();
  await page.getByText('Mentions légales').waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('fr');
  await page.getByText('Audit log').waitFor();
  await page.goto(`${base}/dashboard/account`);
  const offered = await page.locator('main select').first().locator('option').allTextContents();
  expect(offered.slice(1)).toEqual(['English', 'Deutsch', 'Français']);
});
