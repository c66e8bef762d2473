import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { root } from '../checkout.ts';

const options = (args: readonly string[]) => ({
  executablePath: join(root, 'test/system/chromium.sh'),
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...args,
  ],
});

/** Milliseconds for a click, a navigation, an event. Only what never comes reaches it, on a machine that is busy with much else. */
const patienceMs = 120_000;

/** Debian's Chromium, without windows and without traffic of its own. `RM_CHROMIUM` names another one. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch(options(args));
  browser.on('context', (context) => context.setDefaultTimeout(patienceMs));
  return browser;
}

/**
 * The same with a profile in a folder: what pages keep is there the next time, as in a window that is not private. Pages in frames of
 * other sites may keep something, too: to browsers, each name below `localhost` is a site of its own.
 */
export async function openProfile(folder: string): Promise<BrowserContext> {
  const preferences = join(folder, 'Default', 'Preferences');
  if (!existsSync(preferences)) {
    mkdirSync(join(folder, 'Default'), { recursive: true });
    writeFileSync(preferences, '{"profile":{"cookie_controls_mode":0,"block_third_party_cookies":false}}');
  }
  const context = await chromium.launchPersistentContext(folder, { ...options([]), locale: 'en-GB' });
  context.setDefaultTimeout(patienceMs);
  return context;
}

/** Opens a page of the reflector or of a device, and logs in where it leads to the log-in page; ends at the page. */
export async function openLoggedIn(
  page: Page,
  url: string,
  user: { readonly user: string; readonly password: string },
): Promise<void> {
  await page.goto(url);
  if (new URL(page.url()).pathname !== '/log-in') throw new Error(`no log-in page but ${page.url()}`);
  await page.locator('#name').fill(user.user);
  await page.locator('#password').fill(user.password);
  // Whatever language the page is in.
  await page.locator('button.main').click();
  await page.waitForURL(url);
}
