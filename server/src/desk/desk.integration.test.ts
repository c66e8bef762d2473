import { get } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { DashboardStage } from '../testing/dashboard-stage.ts';

const alice = { user: 'alice', password: 'a long enough secret' };

let stage: DashboardStage;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];
beforeAll(async () => {
  stage = await DashboardStage.start();
  await stage.fill(5, 5);
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: 'en-GB' });
  page = await context.newPage();
  complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
});
afterEach(() => context.close());

const desk = (path: string) => `http://desk.localhost:${stage.server.reflector.port}${path}`;

/** Of a path of the host apart, which no resolver has to know. */
function statusOf(path: string): Promise<number | undefined> {
  const { port } = stage.server.reflector;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host: `desk.localhost:${port}` } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

test.each(['terminal', 'desktop'] as const)(
  '%s: the dashboard opens it in a frame of another origin',
  async (kind) => {
    await openLoggedIn(page, `${stage.base}/dashboard/devices/gateway-4`, alice);
    const opened = context.waitForEvent('page', { timeout: 120_000 });
    await page.locator(`a[href^="/dashboard/${kind}/"]`).click();
    const own = await opened;
    own.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await own.frameLocator('iframe').locator('main').waitFor();
    const [, frame] = own.frames();
    expect(frame?.url()).toBe(desk(`/${kind}`));
    expect(complaints).toEqual([]);
  },
);

test('a page there has a policy that allows nothing unsafe, and the dashboard alone may show it', async () => {
  const response = await page.goto(desk('/terminal'));
  expect(response?.headers()['content-security-policy']?.split('; ')).toEqual([
    "default-src 'none'",
    "connect-src 'self'",
    "img-src 'self'",
    "script-src 'self'",
    expect.stringMatching(/^style-src 'self' 'sha256-[^']+'$/),
    `frame-ancestors ${stage.base}`,
    "base-uri 'none'",
    "form-action 'self'",
  ]);
  await page.getByText('Open this page from the dashboard').waitFor();
  for (const path of ['/', '/dashboard/account', '/assets/assets.json', '/my-devices/api/server']) {
    expect(await statusOf(path), path).toBe(404);
  }
});

test('a page of a device cannot show it, nor ask in its place', async () => {
  await openLoggedIn(page, `${stage.base}/`, alice);
  const device = `http://gateway-4.localhost:${stage.server.reflector.port}/`;
  await page.route(device, (route) => route.fulfill({ contentType: 'text/html', body: '<iframe></iframe>' }));
  await page.goto(device);
  for (const path of [desk('/terminal'), `${stage.base}/dashboard/terminal/gateway-4?port=22`]) {
    await page.evaluate(`document.querySelector('iframe').src = ${JSON.stringify(path)}`);
    await expect.poll(() => page.frames()[1]?.url() ?? '', { timeout: 60_000 }).toMatch(/^chrome-error:/);
  }
  // It opens the dashboard's page, which answers its own frame only.
  const opened = context.waitForEvent('page', { timeout: 120_000 });
  await page.evaluate(
    `window.other = open(${JSON.stringify(`${stage.base}/dashboard/terminal/gateway-4?port=22`)}); window.got = []; addEventListener('message', ({ data }) => got.push(data));`,
  );
  const own = await opened;
  await own.frameLocator('iframe').locator('main').waitFor();
  await page.evaluate(
    `for (const origin of ['*', ${JSON.stringify(stage.base)}]) other.postMessage({ desk: 'ready' }, origin)`,
  );
  await own.evaluate('new Promise((resolve) => setTimeout(resolve))');
  expect(await page.evaluate('got')).toEqual([]);
});
