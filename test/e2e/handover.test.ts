import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLoggedIn } from '../system/chromium.ts';
import { SharedReflector } from '../system/shared-reflector.ts';

/** A device is removed, and another one gets its id: what the browser holds of the former one is not the new one's. */

let shared: SharedReflector;
beforeAll(async () => {
  shared = await SharedReflector.start({ tls: true });
});
afterAll(() => shared?.stop());

test('the new device of an id finds nothing of the former one in the browser', async () => {
  await shared.device('pump', 'of the first owner');
  const context = await shared.browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const origin = shared.origin('pump');
  await openLoggedIn(page, `${origin}/`, shared);
  await page.goto(
    `${origin}/set?${new URLSearchParams({ 'Set-Cookie': 'theme=dark; Path=/', 'Cache-Control': 'max-age=9999' })}`,
  );
  await page.evaluate(async () => {
    localStorage.setItem('secret', '1');
    await caches.open('secret');
  });
  await page.goto(`${origin}/`);
  expect(await page.evaluate(() => localStorage.length)).toBe(1);

  const { devices } = shared.reflector.store;
  await devices.remove('pump', Date.now());
  const second = await shared.device('pump', 'of the second owner');
  const answers: (string | undefined)[] = [];
  page.on('response', async (response) => {
    if (new URL(response.url()).host === new URL(origin).host) {
      answers.push((await response.allHeaders())['clear-site-data']);
    }
  });
  await page.goto(`${origin}/set?`);
  expect(answers).toContain('"cache", "storage"');
  const left = await page.evaluate(async () => [
    localStorage.length,
    (await caches.keys()).length,
    document.cookie,
  ]);
  expect(left).toEqual([0, 0, '']);
  expect(second.seen.map(({ headers }) => headers.cookie ?? '').join('')).toBe('');
  // Once: the new device keeps what it has.
  await page.evaluate(() => localStorage.setItem('mine', '1'));
  await context.clearCookies({ name: '__Host-rm-device-session' });
  await page.goto(`${origin}/`);
  expect(await page.evaluate(() => localStorage.length)).toBe(1);
  await context.close();
});
