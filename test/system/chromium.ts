import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's Chromium, without windows and without traffic of its own. `RM_CHROMIUM` names another one. */
export function startChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.RM_CHROMIUM ?? '/usr/bin/chromium',
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
