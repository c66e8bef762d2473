import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLoggedIn } from '../system/chromium.ts';
import type { RecordingDevice } from '../system/recording-device.ts';
import { SharedReflector } from '../system/shared-reflector.ts';

/** Access by cookie in Chromium: one host for all devices, for those who have no DNS entries for each. */

describe('by cookie, on one host for all devices', () => {
  const cookieHost = 'view.reflector.test';
  let shared: SharedReflector;
  let first: RecordingDevice;
  let second: RecordingDevice;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    shared = await SharedReflector.start({ tls: true, cookieHost });
    first = await shared.device('first');
    second = await shared.device('second');
  });
  afterAll(() => shared?.stop());
  beforeEach(async () => {
    context = await shared.browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    await openLoggedIn(page, `${shared.origin()}/`, shared);
    first.take();
    second.take();
  });
  afterEach(() => context.close());

  /** As a person does: on the page of devices, by its button. */
  async function choose(id: string): Promise<void> {
    await page.goto(`${shared.origin()}/`);
    await page
      .getByRole('row', { name: id })
      .getByRole('button', { name: `Show on ${cookieHost}` })
      .click();
    await page.waitForURL(`${shared.at(cookieHost)}/`);
  }

  test('the chosen device is shown and used: forms, fetch, WebSocket', async () => {
    await choose('second');
    await page.evaluate(async () => {
      await fetch('/put', { method: 'PUT', body: 'x' });
      const live = new WebSocket(`${location.origin.replace('http', 'ws')}/live`);
      await new Promise((resolve) => live.addEventListener('open', resolve));
    });
    await second.webSockets.next();
    expect(second.take()).toEqual(['GET /', 'PUT /put', 'GET /live']);
    expect(first.take()).toEqual([]);
  });

  test('a device cannot have the browser report where its user goes next', async () => {
    await choose('first');
    const kept = {
      'Report-To': '{"max_age":86400,"endpoints":[{"url":"https://first.reflector.test/reports"}]}',
      NEL: '{"report_to":"default","max_age":86400,"success_fraction":1}',
      'Reporting-Endpoints': 'default="/reports"',
      'Accept-CH': 'Sec-CH-UA-Model',
      'Alt-Svc': 'h3=":443"',
      'X-Other': 'passes',
    };
    const answer = await page.goto(`${shared.at(cookieHost)}/set?${new URLSearchParams(kept)}`);
    const names = Object.keys(kept).map((name) => name.toLowerCase());
    const headers = (await answer?.allHeaders()) ?? {};
    expect(names.filter((name) => name in headers)).toEqual(['x-other']);
  });

  test('without a choice the page of devices comes', async () => {
    await page.goto(`${shared.at(cookieHost)}/`);
    expect(page.url()).toBe(`${shared.origin()}/`);
  });

  test('the next device finds nothing of the one before', async () => {
    await choose('first');
    await page.goto(`${shared.at(cookieHost)}/set?Set-Cookie=${encodeURIComponent('http=1; Path=/deep')}`);
    await page.evaluate(async () => {
      // biome-ignore lint/suspicious/noDocumentCookie: what a page of a device does
      document.cookie = 'script=1; path=/';
      localStorage.setItem('secret', '1');
      const opening = indexedDB.open('secret');
      await new Promise((resolve) => opening.addEventListener('success', resolve));
      opening.result.close();
    });
    const registered = await page.evaluate(() =>
      navigator.serviceWorker.register('/worker.js').then(
        () => 'registered',
        () => 'failed',
      ),
    );
    expect(registered).toBe('failed');
    await page.goto(`${shared.at(cookieHost)}/deep/page`);
    expect(first.seen.at(-1)?.headers.cookie).toBe('http=1; script=1');
    await choose('second');
    await page.goto(`${shared.at(cookieHost)}/deep/page`);
    const left = await page.evaluate(async () => [
      document.cookie,
      localStorage.length,
      (await indexedDB.databases()).length,
    ]);
    expect(left).toEqual(['', 0, 0]);
    expect(second.seen.map(({ headers }) => headers.cookie)).not.toContainEqual(expect.anything());
  });

  test('its page reaches neither the reflector nor a device on a host of its own, and chooses no other', async () => {
    await choose('first');
    const open = await context.newPage();
    await open.goto(`${shared.origin('second')}/`);
    second.take();
    first.take();
    const outcome = await page.evaluate(
      async ({ own, other }) => {
        const attempt = (url: string, init: RequestInit = {}) =>
          fetch(url, { credentials: 'include', ...init }).then(
            (response) => `${response.type} ${response.status}`,
            () => 'failed',
          );
        const body = new URLSearchParams({ device: 'second', everywhere: '1' });
        const post = { method: 'POST', mode: 'no-cors', body } as const;
        return [
          await attempt(`${own}/my-devices/api/devices`),
          await attempt(`${own}/my-devices/choose`, post),
          await attempt(`${own}/log-out`, post),
          await attempt(`${other}/put`, { method: 'POST', mode: 'no-cors', body: 'x' }),
        ];
      },
      { own: shared.origin(), other: shared.origin('second') },
    );
    expect(outcome).toEqual(['failed', 'opaque 0', 'opaque 0', 'opaque 0']);
    await page.goto(`${shared.at(cookieHost)}/.rm-reflector/change`);
    await page.waitForURL(`${shared.at(cookieHost)}/`);
    expect(first.take()).toEqual(['GET /']);
    expect(second.take()).toEqual([]);
  });

  test('after log-out nothing is let in', async () => {
    await choose('first');
    const out = await context.newPage();
    await out.goto(`${shared.origin()}/`);
    await out.getByRole('button', { name: 'Log out' }).click();
    await out.waitForURL('**/log-in');
    first.take();
    expect(await page.evaluate(() => fetch('/after').then(({ status }) => status))).toBe(401);
    await page.reload();
    expect(new URL(page.url()).pathname).toBe('/log-in');
    expect(first.take()).toEqual([]);
  });
});
