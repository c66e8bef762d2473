import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import type { OpenApiDocument } from '../api/openapi.ts';
import { DashboardStage } from '../testing/dashboard-stage.ts';
import { readAssets } from './assets.ts';

/** What people do in the dashboard, in Chromium. */

const password = 'a long enough secret';
/** Only something that hangs reaches it. */
const timeout = 120_000;

let stage: DashboardStage;
let browser: Browser;
let context: BrowserContext;
let page: Page;
beforeAll(async () => {
  stage = await DashboardStage.start();
  await stage.fill(30, 0);
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  page.setDefaultTimeout(timeout);
});
afterEach(() => context.close());

const logIn = (user = 'alice') => openLoggedIn(page, `${stage.base}/`, { user, password });
const row = (id: string) =>
  page.locator('.rows [role=row]').filter({ has: page.locator(`a[href$="/${id}"]`) });
const rows = () => page.locator('.rows [role=row]');
const live = () =>
  expect.poll(() => page.locator('.rows [role=row]').count(), { timeout }).toBeGreaterThan(0);

describe('the list of devices', () => {
  test('shows who comes and goes, without being asked', async () => {
    await logIn();
    await live();
    const state = row('valve-1').locator('.state');
    expect(await state.textContent()).toBe('off line');
    const agent = await stage.connect(1);
    await expect.poll(() => state.textContent(), { timeout }).toBe('on line');
    agent.peer.socket.destroy();
    await expect.poll(() => state.textContent(), { timeout }).toBe('off line');
    await stage.made('/devices', { id: 'a-new-one', domain: 'acme' });
    await row('a-new-one').waitFor();
    await stage.alice.delete('/devices/a-new-one', { 'if-match': '*' });
    await row('a-new-one').waitFor({ state: 'detached' });
  });

  test('is searched while somebody types; the address keeps it, and a view does', async () => {
    await logIn();
    await live();
    await page.keyboard.press('/');
    await page.keyboard.type('pump lyon');
    await page.waitForURL(`${stage.base}/?text=pump+lyon`);
    await expect.poll(() => rows().count(), { timeout }).toBe(1);
    await page.locator('summary', { hasText: 'Views' }).click();
    await page.getByLabel('Name of the view').fill('Pumps of Lyon');
    const kept = page.waitForResponse((response) => response.request().method() === 'PUT');
    await page.getByRole('button', { name: 'Keep' }).click();
    expect((await kept).status()).toBe(200);
    await page.getByRole('button', { name: 'Pumps of Lyon', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => rows().count(), { timeout }).toBeGreaterThan(10);
    await page.goto(`${stage.base}/?text=nothing-like-this`);
    await page.getByText('No device matches').waitFor();
    await page.locator('summary', { hasText: 'Views' }).click();
    await page.getByRole('button', { name: 'Pumps of Lyon', exact: true }).click();
    await expect.poll(() => rows().count(), { timeout }).toBe(1);
  });

  test('needs no mouse: to the search, into the list, and to a device and back', async () => {
    await logIn();
    await live();
    await page.keyboard.press('/');
    const found = page.waitForResponse((response) => /[?&]text=gateway(&|$)/.test(response.url()));
    await page.keyboard.type('gateway');
    await found;
    await expect.poll(() => rows().count(), { timeout }).toBe(6);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    const second = await rows().nth(1).locator('a').getAttribute('href');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${stage.base}${second}`);
    await page.locator('h1', { hasText: 'Gateway' }).waitFor();
    expect(await page.evaluate('document.activeElement?.id')).toBe('main');
    await page.goBack();
    await expect.poll(() => rows().count(), { timeout }).toBe(6);
  });

  test('loses nothing that is typed while it asks for what was typed before', async () => {
    await logIn();
    await live();
    // The next letters come at the very moment in which the list is asked for.
    await page.evaluate(`{
      const field = document.querySelector('input[type=search]');
      const type = (text) => {
        field.value = text;
        field.dispatchEvent(new Event('input', { bubbles: true }));
      };
      for (const name of ['pushState', 'replaceState']) {
        const change = history[name].bind(history);
        history[name] = (...args) => {
          change(...args);
          if (field.value === 'gate') type('gateway');
        };
      }
      type('gate');
    }`);
    await page.waitForURL(/gateway/);
    expect(await page.locator('input[type=search]').inputValue()).toBe('gateway');
    await expect.poll(() => rows().count(), { timeout }).toBe(6);
    await page.getByRole('button', { name: 'Clear' }).first().click();
    await expect.poll(() => page.locator('input[type=search]').inputValue(), { timeout }).toBe('');
  });

  test('is filtered by tags of all devices, not only of those that it shows', async () => {
    await logIn();
    await page.goto(`${stage.base}/?text=pump+lyon`);
    await expect.poll(() => rows().count(), { timeout }).toBe(1);
    await page.getByRole('combobox', { name: 'Tag', exact: true }).selectOption('graz');
    await page.getByText('No device matches').waitFor();
    expect(new URL(page.url()).search).toBe('?text=pump+lyon&tag=graz');
  });

  test('does the same for all that are selected', async () => {
    await logIn();
    await live();
    await page.locator('.grid').focus();
    await page.keyboard.press(' ');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('4 devices selected').waitFor();
    const ids = await rows()
      .locator('a')
      .evaluateAll((links) => links.slice(0, 4).map((link) => link.textContent));
    await page.getByRole('button', { name: 'Add tag' }).click();
    await page.getByLabel('Tag', { exact: true }).last().fill('by-hand');
    await page.getByRole('dialog').getByRole('button', { name: 'Add tag' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const tagged = (await stage.alice.get('/devices?tag=by-hand')).body as { items: { name: string }[] };
    expect(tagged.items.map(({ name }) => name).sort()).toEqual([...ids].sort());
  });

  test('shows a property as a column, in other browsers of the user too', async () => {
    await logIn();
    await live();
    await page.locator('summary', { hasText: 'Columns' }).click();
    await page.getByLabel('Name of a property').fill('contract');
    const kept = page.waitForResponse((response) => response.request().method() === 'PUT');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    expect((await kept).status()).toBe(200);
    await expect.poll(() => row('pump-5').textContent(), { timeout }).toContain('C-1035');
    expect((await stage.alice.get('/account/preferences')).body).toMatchObject({
      columns: expect.arrayContaining(['property:contract']),
    });
  });

  test('draws the rows in view only, of 100,000', async () => {
    const all = Array.from({ length: 100_000 }, (_, i) => `d-${String(i).padStart(6, '0')}`);
    await context.route(/\/my-devices\/api\/devices\?/, (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = Number(query.get('cursor') ?? 0);
      const limit = Number(query.get('limit'));
      const items = all.slice(from, from + limit).map((id) => ({
        ...{
          id,
          domain: 'acme',
          name: null,
          tags: [],
          created: '2026-01-01T00:00:00Z',
          online: true,
          lastSeen: null,
        },
        ...{
          address: null,
          agent: null,
          version: null,
          ports: [],
          httpPort: null,
          sshPort: null,
          vncPort: null,
          rdpPort: null,
        },
      }));
      const next = from + limit < all.length ? String(from + limit) : null;
      return route.fulfill({ json: { items, next } });
    });
    await logIn();
    await live();
    for (let known = 100; known < 3_000; ) {
      await page.locator('.grid').focus();
      await page.keyboard.press('End');
      const before = known;
      await expect
        .poll(
          async () => {
            known = Number(
              /[\d,]+/.exec((await page.locator('.below').textContent()) ?? '')?.[0]?.replace(',', ''),
            );
            return known;
          },
          { timeout },
        )
        .toBeGreaterThan(before);
    }
    expect(await rows().count()).toBeLessThan(80);
    await page.keyboard.press('Home');
    await row('d-000000').waitFor();
  });
});

describe('a device', () => {
  test('is added with its configuration, noted upon, and deleted', async () => {
    await logIn();
    await page.getByRole('button', { name: 'Add device' }).click();
    await page.getByLabel('ID').fill('not valid!');
    await page.getByRole('dialog').getByRole('button', { name: 'Add device' }).click();
    expect(await page.getByLabel('ID').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('ID').fill('press-9');
    await page.getByRole('dialog').getByRole('button', { name: 'Add device' }).click();
    const file = JSON.parse((await page.getByRole('dialog').locator('code').textContent()) ?? '');
    expect(file).toMatchObject({ device: { id: 'press-9', password: expect.stringMatching(/./) } });
    await page.getByRole('button', { name: 'Open the device' }).click();
    await page.locator('h1', { hasText: 'press-9' }).waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Notes').fill('<b>Belt</b> changed');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('<b>Belt</b> changed').waitFor();
    await page.locator('summary', { hasText: 'More' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${stage.base}/`);
    expect((await stage.alice.get('/devices/press-9')).status).toBe(404);
    await page.goto(`${stage.base}/dashboard/devices/press-9`);
    await page.getByText('It does not exist, or you may not see it').waitFor();
  });

  test('has the lines of rm-client, and who is on it', async () => {
    const agent = await stage.connect(10);
    await logIn();
    await page.goto(`${stage.base}/dashboard/devices/pump-10`);
    await page.getByText('Nobody has anything open').waitFor();
    const lines = await page.locator('.service code').allTextContents();
    expect(lines).toContain(`rm-client ssh --reflector ${stage.base} --user alice -R 22 root@pump-10`);
    const href = await page.getByRole('link', { name: 'Open' }).getAttribute('href');
    expect(href).toBe(`http://pump-10.localhost:${stage.server.reflector.port}/`);
    agent.peer.socket.destroy();
    await page.locator('h1 + .line .state', { hasText: 'off line' }).waitFor();
  });
});

describe('what goes wrong', () => {
  test('the server is away: the page says so, keeps what it has, and goes on', async () => {
    await logIn();
    await live();
    const first = await rows().first().textContent();
    await context.setOffline(true);
    await page.getByRole('searchbox').fill('pump');
    await page.getByText('The list could not be read again').waitFor();
    expect(await rows().first().textContent()).toBe(first);
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => rows().count(), { timeout }).toBe(6);
  });

  test('somebody logs out in another tab', async () => {
    await logIn();
    await live();
    const other = await context.newPage();
    await other.goto(`${stage.base}/dashboard/account`);
    await other.getByRole('main').getByRole('button', { name: 'Log out' }).click();
    await other.waitForURL(/log-in/);
    await page.getByText('You are logged out').waitFor();
    expect(await page.locator('body').innerText()).toMatch(/^You are logged out\.\s+Log in$/);
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.waitForURL(/log-in/);
  });

  test('somebody without rights sees nothing of others, and what to do', async () => {
    await logIn('bob');
    await page.getByText('You may not see this').or(page.getByText('No device is yours')).first().waitFor();
    const menu = await page.locator('.nav a').allTextContents();
    expect(menu).toEqual(['Devices', 'Account']);
    await page.goto(`${stage.base}/dashboard/audit`);
    await page.getByText('You may not see this').waitFor();
  });
});

describe('the host of the dashboard', () => {
  const pages = ['/', '/dashboard/people/users'];

  test('gives its pages to users only, with a policy that allows nothing unsafe and nobody else', async () => {
    for (const path of pages) {
      const stranger = await fetch(`${stage.base}${path}`, {
        redirect: 'manual',
        headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' },
      });
      expect([stranger.status, stranger.headers.get('location')]).toEqual([
        303,
        expect.stringMatching(/^\/log-in/),
      ]);
    }
    await logIn();
    const policy = (await page.goto(`${stage.base}/`))?.headers()['content-security-policy'] ?? '';
    expect(policy.split('; ').map((part) => part.replace(/'sha256-[^']+'/, "'sha256-…'"))).toEqual([
      "default-src 'none'",
      "connect-src 'self'",
      "img-src 'self'",
      "script-src 'self'",
      "style-src 'self' 'sha256-…'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'self'",
    ]);
  });

  test('gives its files to browsers that keep them, and no others', async () => {
    const assets = readAssets();
    for (const [name, { content, type }] of assets?.files ?? []) {
      const answer = await fetch(`${stage.base}/dashboard-assets/${name}`);
      expect(Buffer.from(await answer.arrayBuffer()).equals(content), name).toBe(true);
      const headers = ['content-type', 'content-encoding', 'cache-control', 'x-content-type-options'];
      expect(headers.map((header) => answer.headers.get(header))).toEqual([
        type,
        'gzip',
        'private, max-age=31536000',
        'nosniff',
      ]);
      const plain = await fetch(`${stage.base}/dashboard-assets/${name}`, {
        headers: { 'accept-encoding': 'identity' },
      });
      expect(plain.headers.get('content-encoding')).toBeNull();
    }
    for (const path of ['assets.json', 'none.js', '..%2fmain.js', 'constructor']) {
      expect((await fetch(`${stage.base}/dashboard-assets/${path}`)).status, path).toBe(404);
    }
  });

  test('what a browser loads for one language is at most 60 KB', () => {
    const files = [...(readAssets()?.files ?? [])].filter(([name]) => !/^(?!en-)[a-z]{2}-/.test(name));
    const size = files.reduce((sum, [, { content }]) => sum + gzipSync(content, { level: 9 }).length, 0);
    expect(files.map(([name]) => name.replace(/-.*\./, '.')).sort()).toEqual([
      'dashboard.css',
      'dashboard.js',
      'en.json',
      'icon.svg',
    ]);
    expect(size).toBeLessThanOrEqual(60 * 1024);
  });

  test('a page of a device reaches none of it', async () => {
    await logIn();
    const device = `http://pump-5.localhost:${stage.server.reflector.port}/`;
    await page.route(device, (route) => route.fulfill({ contentType: 'text/html', body: 'a device' }));
    await page.goto(device);
    const { paths } = (await stage.alice.get('/openapi.json')).body as OpenApiDocument;
    const everyCall = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => {
        const filled = path.replaceAll(/\{\w+\}/g, 'pump-5');
        return [method.toUpperCase(), `/my-devices/api${filled}`] as const;
      }),
    );
    const asked = [
      ['GET', '/'],
      ['GET', '/dashboard/people/users'],
      ['GET', '/my-devices/api/devices?properties=contract'],
      ...everyCall,
    ] as const;
    expect(everyCall.length).toBeGreaterThan(80);
    const kept = ['/account/preferences', '/users', '/grants', '/groups', '/keys'];
    const state = () => Promise.all(kept.map(async (path) => (await stage.alice.get(path)).text));
    const before = await state();
    const outcomes = await page.evaluate(
      async ([base, all]) => {
        const said: string[] = [];
        const ask = async ([method, path]: (typeof all)[number]) => {
          for (const mode of ['cors', 'no-cors'] as const) {
            const content = method === 'GET' ? {} : { body: '{"theme":"dark"}' };
            try {
              const answer = await fetch(`${base}${path}`, {
                method,
                mode,
                credentials: 'include',
                ...content,
              });
              const text = await answer.text();
              if (text !== '') said.push(`${mode} ${method} ${path}: ${text.slice(0, 80)}`);
            } catch {
              // The browser tells nothing.
            }
          }
        };
        await Promise.all(all.map(ask));
        const { WebSocket } = globalThis as unknown as { WebSocket: new (address: string) => FoundSocket };
        interface FoundSocket {
          onopen: () => void;
          onclose: () => void;
        }
        for (const address of [`${base}/my-devices/api/events`, `${base.replace('//', '//desk.')}/tcp`]) {
          const outcome = await new Promise<string>((resolve) => {
            const socket = new WebSocket(address.replace('http', 'ws'));
            socket.onopen = () => resolve('open');
            socket.onclose = () => resolve('');
          });
          if (outcome !== '') said.push(`${address}: ${outcome}`);
        }
        return said;
      },
      [stage.base, asked] as const,
    );
    expect(outcomes).toEqual([]);
    expect(await state()).toEqual(before);
    const framed = await page.evaluate(
      (base) =>
        new Promise<string>((resolve) => {
          const { document: own } = globalThis as unknown as {
            document: {
              createElement(name: 'iframe'): FrameElement;
              body: { append(element: FrameElement): void };
            };
          };
          interface FrameElement {
            src: string;
            contentDocument: unknown;
            onload: () => void;
          }
          const frame = own.createElement('iframe');
          frame.src = `${base}/`;
          frame.onload = () => resolve(frame.contentDocument === null ? 'closed' : 'open');
          own.body.append(frame);
        }),
      stage.base,
    );
    expect(framed).toBe('closed');
    // It got an error page of the browser, not ours.
    const inFrame = page.frames().find((frame) => frame !== page.mainFrame());
    expect(inFrame?.url()).toMatch(/^chrome-error:/);
  });
});
