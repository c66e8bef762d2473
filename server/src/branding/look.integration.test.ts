import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { findings } from '../testing/axe.ts';
import { addDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

/** The example brand, in Chromium: every kind of page in both themes. `RM_SCREENSHOTS` names a folder. */

const pictures = process.env.RM_SCREENSHOTS ?? '';
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
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
afterEach(() => context?.close());

/** A page that nobody is logged in on, and what the browser complains of. */
async function open(options: object = {}): Promise<{ page: Page; complaints: string[] }> {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(timeout);
  const complaints: string[] = [];
  page.on('console', (message) => {
    const text = message.text();
    // That a page is an error page, and that the stream of events ends with the session, the browser says too.
    const expected = /503|ERR_INCOMPLETE_CHUNKED_ENCODING/.test(text);
    if (['error', 'warning'].includes(message.type()) && !expected)
      complaints.push(`${message.location().url}: ${text}`);
  });
  page.on('request', (request) => {
    if (!new URL(request.url()).host.endsWith(`localhost:${server.reflector.port}`))
      complaints.push(request.url());
  });
  return { page, complaints };
}

async function pictured(page: Page, name: string): Promise<void> {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `branding-${name}.png`) });
}

async function settled(page: Page, name: string): Promise<void> {
  await pictured(page, name);
  expect(await findings(page)).toEqual([]);
}

/** Which logo is seen, and that it is drawn. */
async function logo(page: Page | Frame): Promise<string> {
  const image = page.locator('.masthead img, .brand img, .mark img').first();
  await image.waitFor();
  await page.waitForFunction(
    '[...document.images].every(({ complete, naturalWidth }) => complete && naturalWidth > 0)',
  );
  const address = await image.evaluate(
    (element) => (element as unknown as { currentSrc: string }).currentSrc,
  );
  // The host apart has the same file, and not each resolver knows it.
  const text = await (await fetch(address.replace('//desk.', '//'))).text();
  return `${await image.getAttribute('alt')} ${/stroke="(#\w+)"/.exec(text)?.[1]}`;
}
const colorOf = (page: Page | Frame, selector: string, property: string) =>
  page.evaluate(`getComputedStyle(document.querySelector('${selector}'))['${property}']`) as Promise<string>;

describe.each([
  ['light', 'Tidewater Remote #0b645f', 'rgb(11, 100, 95)'],
  ['dark', 'Tidewater Remote #5fd0c5', 'rgb(95, 208, 197)'],
] as const)('%s', (colorScheme, drawn, accent) => {
  test('the log-in page, the dashboard and the page of a device that is off line', {
    timeout: 4 * timeout,
  }, async () => {
    const { page, complaints } = await open({ colorScheme });
    await page.goto(`${base}/log-in`);
    expect(await page.title()).toBe('Log in to your pumps – Tidewater Remote');
    expect([await logo(page), await colorOf(page, 'button.main', 'backgroundColor')]).toEqual([
      drawn,
      accent,
    ]);
    await page.getByText('Ask your Tidewater partner').waitFor();
    await page.getByText('Service around the clock').waitFor();
    await settled(page, `log-in.${colorScheme}`);

    await openLoggedIn(page, `${base}/`, { user: 'alice', password });
    await page.locator('.rows a', { hasText: 'pump-1' }).waitFor();
    expect([await logo(page), await colorOf(page, '.button.main', 'backgroundColor')]).toEqual([
      drawn,
      accent,
    ]);
    expect(await page.title()).toBe('Devices – Tidewater Remote');
    await page.getByText('Lindholm').first().waitFor();
    const columns = await page.locator('.titles [role=columnheader]').allTextContents();
    expect(columns.slice(2)).toEqual(['State', 'Last seen', 'site', 'Version', 'Services']);
    await settled(page, `devices.${colorScheme}`);
    await page.goto(`${base}/dashboard/devices/pump-1`);
    await page.getByText('Lindholm').first().waitFor();
    expect(await page.locator('dl.facts dt').allTextContents()).not.toContain('contract');
    expect(await page.locator('dl.facts dt').allTextContents()).not.toContain('internal.key');

    await page.goto(`http://pump-1.localhost:${server.reflector.port}/`);
    await page.getByText('“pump-1” is not connected').waitFor();
    expect([await logo(page), await colorOf(page, 'footer a', 'color')]).toEqual([drawn, accent]);
    await settled(page, `offline.${colorScheme}`);
    await page.getByRole('link', { name: 'Imprint' }).click();
    await page.waitForURL(`${base}/pages/imprint`);
    await page.getByRole('img', { name: 'The mark of Tidewater' }).waitFor();
    await logo(page);
    await settled(page, `imprint.${colorScheme}`);

    await page.goto(`http://crane-1.localhost:${server.reflector.port}/`);
    expect(await logo(page)).toBe('Lindholm Harbour #8a63c9');
    await settled(page, `offline-harbour.${colorScheme}`);
    expect(complaints).toEqual([]);
  });
});

test('who belongs to a domain sees its brand, and logs in at it from then on', {
  timeout: 4 * timeout,
}, async () => {
  const { page, complaints } = await open();
  await page.goto(`${base}/log-in`);
  expect(await logo(page)).toBe('Tidewater Remote #0b645f');
  await openLoggedIn(page, `${base}/`, { user: 'harry', password });
  await page.locator('.rows a', { hasText: 'crane-1' }).waitFor();
  expect([await logo(page), await page.title()]).toEqual([
    'Lindholm Harbour #8a63c9',
    'Devices – Lindholm Harbour',
  ]);
  await settled(page, 'devices-harbour.light');
  await page.locator('.side .foot button').click();
  await page.waitForURL(`${base}/log-in`);
  expect(await logo(page)).toBe('Lindholm Harbour #8a63c9');
  expect(await colorOf(page, 'button.main', 'backgroundColor')).toBe('rgb(91, 58, 153)');
  await page.getByText('Harbour office').waitFor();
  await settled(page, 'log-in-harbour.light');
  expect(complaints).toEqual([]);
});

/** The frame of a terminal or a desktop, once it shows something. */
async function deskFrame(page: Page): Promise<Frame> {
  const element = await page.locator('iframe.desk').elementHandle();
  const frame = await element?.contentFrame();
  if (!frame) throw new Error('no frame');
  await frame.locator('main').waitFor();
  return frame;
}

describe.each(['terminal', 'desktop'] as const)('%s', (kind) => {
  test.each([
    ['alice', 'pump-1', 'light', 'Tidewater Remote #0b645f', 'rgb(11, 100, 95)'],
    ['harry', 'crane-1', 'dark', 'Lindholm Harbour #8a63c9', 'rgb(196, 168, 245)'],
  ] as const)('has the brand that %s sees', async (user, device, colorScheme, drawn, accent) => {
    const { page, complaints } = await open({ colorScheme });
    await openLoggedIn(page, `${base}/dashboard/${kind}/${device}?port=5900`, { user, password });
    const frame = await deskFrame(page);
    expect(await logo(frame)).toBe(drawn);
    // The device is off line: the page offers another attempt.
    await frame.locator('.button.main').waitFor();
    expect(await colorOf(frame, '.button.main', 'backgroundColor')).toBe(accent);
    await pictured(page, `${kind}.${colorScheme}`);
    expect(await findings(frame)).toEqual([]);
    // noVNC says in the console that the connection has ended.
    expect(complaints.filter((text) => /Content Security Policy|^http\S+$/.test(text))).toEqual([]);
  });
});

test('its link leads to its log-in page', async () => {
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
  await page.goto(`${base}/dashboard/terminal/pump-1?port=22`);
  const frame = await deskFrame(page);
  await frame.getByRole('button', { name: 'Rechercher', exact: true }).waitFor();
  await frame.getByRole('button', { name: 'New terminal', exact: true }).waitFor();
  expect(await frame.locator('html').getAttribute('lang')).toBe('fr');
  await page.goto(`${base}/dashboard/account`);
  const languages = page.locator('main select').first();
  await languages.waitFor();
  const offered = await languages.locator('option').allTextContents();
  expect(offered.slice(1)).toEqual(['English', 'Deutsch', 'Français']);
});
