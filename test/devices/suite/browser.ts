import type { Browser, BrowserContext } from 'playwright-core';
import { neutral } from './answer.ts';
import type { Asks } from './device.ts';
import type { Way } from './way.ts';

type State = Awaited<ReturnType<BrowserContext['storageState']>>;

/** What Chromium makes of the page of a device, in lines that do not depend on the way. */
export async function seenInChromium(
  browser: Browser,
  state: State,
  way: Way,
  asks: Asks,
): Promise<string[]> {
  const { auth, form, image } = asks;
  const context = await browser.newContext({
    storageState: state,
    ignoreHTTPSErrors: true,
    ...(auth === undefined ? {} : { httpCredentials: { username: auth.user, password: auth.password } }),
  });
  try {
    const page = await context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    const same = (text: string) => neutral(text, way, asks.volatile);
    page.on('response', (response) => {
      if (!response.url().startsWith(`${way.origin}/`) || response.url().includes('/.rm-reflector/')) return;
      // On its way to the log-in.
      if (response.status() === 303 && (response.headers().location ?? '').includes('/open')) return;
      requests.push(same(`${response.request().method()} ${response.url()} ${response.status()}`));
    });
    page.on('requestfailed', (request) =>
      complaints.push(same(`failed: ${request.method()} ${request.url()}`)),
    );
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(same(`console: ${message.text()}`));
    });
    page.on('pageerror', (error) => complaints.push(same(`error: ${error.message}`)));
    await page.goto(`${way.origin}${asks.page}`, { waitUntil: 'load', timeout: 30_000 });
    const title = same(await page.title());
    const asked = await page.evaluate(
      async ([formPath, formBody, imagePath]) => {
        const lines: string[] = [];
        const note = async (what: string, asked: Promise<Response>) => {
          const found = await asked.then(
            async (response) => {
              const { byteLength } = await response.arrayBuffer();
              return `${response.status}, ${byteLength > 0 ? 'content' : 'nothing'}`;
            },
            (error) => String(error),
          );
          lines.push(`${what}: ${found}`);
        };
        for (let i = 0; i < 2; i++) {
          if (imagePath) await note('image', fetch(imagePath, { cache: 'no-store' }));
          if (formPath) {
            const body = new URLSearchParams(formBody);
            await note('form', fetch(formPath, { method: 'POST', body }));
          }
        }
        return lines;
      },
      [form?.path ?? '', form?.body ?? '', image ?? ''] as const,
    );
    return [`title ${title}`, ...requests.sort(), ...complaints.sort(), ...asked];
  } finally {
    await context.close();
  }
}
