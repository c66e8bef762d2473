import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { findings } from './axe.ts';
import { DashboardStage } from './dashboard-stage.ts';
import { fillRecordings } from './recordings-folder.ts';

const folder = process.env.RM_SCREENSHOTS ?? '';
const alice = { user: 'alice', password: 'a long enough secret' };

/** What each page shows once it is whole. */
const pages = [
  ['devices', '/', '.rows [role=row] a'],
  ['device', '/dashboard/devices/pump-5', '.plot'],
  ['device-offline', '/dashboard/devices/gateway-24', '.plot'],
  ['waiting', '/dashboard/waiting', 'main table'],
  ['users', '/dashboard/people/users', 'main table'],
  ['groups', '/dashboard/people/groups', 'main table'],
  ['grants', '/dashboard/people/grants', 'main table'],
  ['api-keys', '/dashboard/people/keys', 'main table'],
  ['enrolment-keys', '/dashboard/people/enrolment', 'main table'],
  ['domains', '/dashboard/domains', 'main table'],
  ['webhooks', '/dashboard/webhooks', 'main table'],
  ['recordings', '/dashboard/recordings', 'main table'],
  ['audit', '/dashboard/audit', 'main table'],
  ['account', '/dashboard/account', 'main dl'],
  ['password', '/dashboard/account/password', 'main form.form'],
  ['one-time-passwords', '/dashboard/account/codes', 'main form.form'],
  ['sessions', '/dashboard/account/sessions', 'main table'],
] as const;

export interface Look {
  readonly locale: string;
  readonly colorScheme: 'light' | 'dark';
  readonly viewport: { readonly width: number; readonly height: number };
}

/** A page of alice, with what the browser has complained of so far. */
async function open(
  browser: Browser,
  stage: DashboardStage,
  { locale, colorScheme, viewport }: Look,
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ locale, colorScheme, viewport, timezoneId: 'Europe/Berlin' });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(stage.base)) complaints.push(`leaves the server: ${request.url()}`);
  });
  await openLoggedIn(page, `${stage.base}/`, alice);
  return { page, complaints };
}

/** Runs in the page: what has to be scrolled to the side. */
const cutOff = `[...document.querySelectorAll('.scroll')]
  .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
  .map(({ textContent }) => textContent)`;

/** Runs in the page: words of the list of devices that its columns have no room for. */
const clipped = `[...document.querySelectorAll('.grid [role=columnheader], .grid .cell-state, .grid .cell-lastSeen')]
  .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth)
  .map(({ textContent }) => textContent)`;

/** Runs in the page: what was opened and is not on the screen, from side to side. */
const outside = `[...document.querySelectorAll('dialog[open], details[open] > div')]
  .map((element) => element.getBoundingClientRect())
  .filter(({ left, right }) => left < 0 || right > innerWidth)`;

const large = { width: 1280, height: 800 };
const small = { width: 360, height: 740 };

/** By name: each theme, language and size of the screen beside the others. */
export const looks = {
  light: { locale: 'en-GB', colorScheme: 'light', viewport: large },
  dark: { locale: 'en-GB', colorScheme: 'dark', viewport: large },
  german: { locale: 'de-DE', colorScheme: 'light', viewport: large },
  small: { locale: 'en-GB', colorScheme: 'light', viewport: small },
  'small-dark': { locale: 'de-DE', colorScheme: 'dark', viewport: small },
} as const satisfies Readonly<Record<string, Look>>;

/** Tests every page in each of these looks: nothing that axe finds, nothing that the policy stops. `RM_SCREENSHOTS` names a folder. */
export function testEveryPage(names: readonly (keyof typeof looks)[]): void {
  let stage: DashboardStage;
  let browser: Browser;
  beforeAll(async () => {
    stage = await DashboardStage.start({ fill: fillRecordings });
    await stage.fill(40, 22);
    await stage.fillPeople();
    await stage.fillQuotas();
    await stage.fillWebhooks();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  describe.each(names)('%s', (name) => {
    const look: Look = looks[name];
    let page: Page;
    let complaints: string[];
    beforeAll(async () => {
      ({ page, complaints } = await open(browser, stage, look));
    });
    afterAll(() => page?.context().close());

    test.each(pages)('%s', async (called, path, shown) => {
      complaints.length = 0;
      await page.goto(stage.base + path);
      await page.locator(shown).first().waitFor();
      await page.waitForFunction("document.querySelector('.loading') === null");
      if (folder) {
        mkdirSync(folder, { recursive: true });
        // The whole page, with what stays at the foot of the window at its foot.
        const height = (await page.evaluate('document.documentElement.scrollHeight')) as number;
        await page.setViewportSize({ ...look.viewport, height });
        await page.screenshot({ path: join(folder, `${called}.${name}.png`) });
        await page.setViewportSize(look.viewport);
      }
      expect(await findings(page)).toEqual([]);
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(wide, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
      const cut = await page.evaluate(cutOff);
      expect(cut, 'nothing in a card is wider than it').toEqual([]);
      expect(await page.evaluate(clipped), 'the list of devices has room for its words').toEqual([]);
      expect(complaints).toEqual([]);
    });

    test.each([
      ['add-device', '/', '.head .actions .main', 'dialog[open]'],
      ['columns', '/', '.toolbar details:last-of-type summary', 'details[open] form'],
      ['no-device-found', '/?text=nothing-like-it', null, '.blank button'],
      ['device-menu', '/dashboard/devices/pump-5', '.head summary', 'details[open] button'],
      ['delete-device', '/dashboard/devices/valve-1', '.head .actions > .button', 'dialog[open]'],
      ['add-user', '/dashboard/people/users', '.head .actions .main', 'dialog[open]'],
      ['add-grant', '/dashboard/people/grants', '.head .actions .main', 'dialog[open]'],
      ['add-key', '/dashboard/account/keys', '.head .actions .main', 'dialog[open]'],
      ['add-domain', '/dashboard/domains', '.head .actions .main', 'dialog[open]'],
      ['domain-menu', '/dashboard/domains', 'main summary', 'details[open] button'],
      ['add-webhook', '/dashboard/webhooks', '.head .actions .main', 'dialog[open]'],
      ['webhook', '/dashboard/webhooks', 'td a', 'h1.address ~ .line, dl.facts'],
      ['accept', '/dashboard/waiting', 'td.actions .button', 'dialog[open]'],
      ['unknown', '/dashboard/nothing', null, '.blank a'],
      ['no-audit-record', '/dashboard/audit?user=nobody-like-it', null, '.blank'],
    ] as const)('%s', async (called, path, button, shown) => {
      complaints.length = 0;
      await page.goto(stage.base + path);
      if (called === 'columns' && look.viewport === small) await page.locator('.unfold').click();
      if (button !== null) await page.locator(button).first().click();
      await page.locator(shown).first().waitFor();
      if (folder) await page.screenshot({ path: join(folder, `${called}.${name}.png`) });
      expect(await findings(page)).toEqual([]);
      await expect.poll(() => page.evaluate(outside)).toEqual([]);
      expect(complaints).toEqual([]);
    });

    test('no-device-waits', async () => {
      complaints.length = 0;
      const enrolments = /\/enrolments(\?|$)/;
      await page.route(enrolments, (route) => route.fulfill({ json: { items: [], next: null } }));
      await page.goto(`${stage.base}/dashboard/waiting`);
      await page.locator('.blank .copy').waitFor();
      if (folder) await page.screenshot({ path: join(folder, `no-device-waits.${name}.png`) });
      expect(await findings(page)).toEqual([]);
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(wide, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
      const icon = await page.locator('.blank .copy svg').boundingBox();
      expect(icon?.width, 'the icon of the button is that of other buttons').toBeLessThanOrEqual(20);
      expect(complaints).toEqual([]);
      await page.unroute(enrolments);
    });
  });
}
