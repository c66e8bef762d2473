import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { within } from '../scenarios/stage/wait.ts';
import { openLoggedIn } from '../system/chromium.ts';
import type { RecordingDevice } from '../system/recording-device.ts';
import { SharedReflector } from '../system/shared-reflector.ts';

/**
 * A user of Chromium is logged in and has two devices open. The page of one, `evil`, tries all that a page can do to
 * reach the other, `good`, and the reflector. What counts is what `good` saw.
 */

describe.each([
  // For a browser each *.localhost is a site of its own: it sends no cookie with a form of another one.
  ['on localhost', { tls: false, domain: 'localhost', formRefused: 'Please log in' }],
  // The devices are one site, so that it does.
  ['with TLS', { tls: true, formRefused: 'A page of another host has asked for this' }],
])('%s', (_where, { formRefused, ...options }) => {
  let shared: SharedReflector;
  let good: RecordingDevice;
  let evil: RecordingDevice;
  let context: BrowserContext;
  /** The page of each device. */
  let goodPage: Page;
  let evilPage: Page;

  beforeAll(async () => {
    shared = await SharedReflector.start(options);
    good = await shared.device('good');
    evil = await shared.device('evil');
  });
  afterAll(() => shared?.stop());

  beforeEach(async () => {
    context = await shared.browser.newContext({ ignoreHTTPSErrors: true });
    evilPage = await context.newPage();
    goodPage = await context.newPage();
    await openLoggedIn(evilPage, `${shared.origin('evil')}/`, shared);
    // Logged in already: there and back without a question.
    good.take();
    await goodPage.goto(`${shared.origin('good')}/`);
    expect(good.take()).toEqual(['GET /']);
    evil.take();
  });
  afterEach(() => context.close());

  /** What `good` saw of the attacks, which are over when its own page has been answered. */
  async function seenByGood(): Promise<string[]> {
    await goodPage.evaluate(() => fetch('/after', { method: 'POST', body: 'x' }).then((it) => it.text()));
    const seen = good.take();
    expect(seen.pop()).toBe('POST /after');
    return seen;
  }

  /** Whether the browser is logged in still, at the reflector and at the device. */
  async function stillLoggedIn(): Promise<void> {
    const page = await context.newPage();
    expect((await page.goto(`${shared.origin()}/my-devices/api/devices`))?.status()).toBe(200);
    await page.goto(`${shared.origin('good')}/still`);
    expect(page.url()).toBe(`${shared.origin('good')}/still`);
    expect(good.take()).toEqual(['GET /still']);
    await page.close();
  }

  test('the page of a device is used as ever: forms, fetch, events, WebSocket', async () => {
    await goodPage.evaluate(async () => {
      await fetch('/put', { method: 'PUT', body: 'x' });
      const form = document.createElement('form');
      form.method = 'post';
      form.action = '/form';
      const frame = document.createElement('iframe');
      frame.name = form.target = 'within';
      document.body.append(form, frame);
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
      form.submit();
      await loaded;
      await new Promise((resolve) => new EventSource('/events').addEventListener('message', resolve));
      const live = new WebSocket(`${location.origin.replace('http', 'ws')}/live`);
      await new Promise((resolve) => live.addEventListener('open', resolve));
    });
    expect(good.take()).toEqual(['PUT /put', 'POST /form', 'GET /events', 'GET /live']);
    await good.streams.next();
    await good.webSockets.next();
  });

  test('no device sees what opens the reflector, nor does a script', async () => {
    expect(await evilPage.evaluate(() => document.cookie)).toBe('');
    await evilPage.evaluate(async () => {
      // biome-ignore lint/suspicious/noDocumentCookie: what a page of a device does
      document.cookie = 'mine="1';
      await fetch('/look', { headers: { Authorization: 'Bearer for-the-device' } });
    });
    const headers = evil.seen.find(({ url }) => url === '/look')?.headers;
    expect(headers?.cookie).toBe('mine="1');
    expect(headers?.authorization).toBe('Bearer for-the-device');
    evil.take();
    const cookies = await context.cookies([shared.origin(), shared.origin('evil'), shared.origin('good')]);
    const ours = cookies.filter(({ name }) => name.includes('rm-'));
    expect(ours.length).toBeGreaterThan(4);
    for (const { httpOnly, secure, sameSite, domain, name } of ours) {
      expect([name, httpOnly, sameSite, domain.startsWith('.')]).toEqual([name, true, 'Lax', false]);
      expect([secure, name.startsWith('__Host-')]).toEqual([options.tls, options.tls]);
    }
  });

  test('by script: fetch, beacons, events, pictures, scripts, styles, frames', async () => {
    const outcome = await evilPage.evaluate(async (target) => {
      const results: Record<string, string> = {};
      const settle = (name: string, attempt: Promise<unknown>) =>
        attempt.then(
          (value) => {
            results[name] = String(value);
          },
          () => {
            results[name] = 'failed';
          },
        );
      const credentials = 'include' as const;
      const status = async (response: Promise<Response>) => {
        const { type, status } = await response;
        return `${type} ${status}`;
      };
      const json = { 'Content-Type': 'application/json' };
      const element = (name: string, attributes: Record<string, string>) =>
        new Promise((resolve) => {
          const made = Object.assign(document.createElement(name), attributes);
          made.addEventListener('load', () => resolve('loaded'));
          made.addEventListener('error', () => resolve('failed'));
          document.body.append(made);
        });
      await Promise.all([
        settle('get', status(fetch(`${target}/get`, { credentials }))),
        settle('get no-cors', status(fetch(`${target}/get`, { credentials, mode: 'no-cors' }))),
        settle(
          'post',
          status(fetch(`${target}/post`, { credentials, mode: 'no-cors', method: 'POST', body: 'x' })),
        ),
        settle(
          'json',
          status(fetch(`${target}/json`, { credentials, method: 'POST', headers: json, body: '{}' })),
        ),
        settle('delete', status(fetch(`${target}/delete`, { credentials, method: 'DELETE' }))),
        settle('picture', element('img', { src: `${target}/picture` })),
        settle('script', element('script', { src: `${target}/script` })),
        settle('style', element('link', { rel: 'stylesheet', href: `${target}/style` })),
        settle('frame', element('iframe', { src: `${target}/frame` })),
        settle('object', element('object', { data: `${target}/object` })),
        settle(
          'events',
          new Promise((resolve) => {
            const events = new EventSource(`${target}/events`, { withCredentials: true });
            events.addEventListener('open', () => resolve('open'));
            events.addEventListener('error', () => resolve('failed'));
          }),
        ),
      ]);
      navigator.sendBeacon(`${target}/beacon`, 'x');
      return results;
    }, shared.origin('good'));
    const opaque = 'opaque 0';
    expect(outcome).toMatchObject({ get: 'failed', json: 'failed', delete: 'failed', events: 'failed' });
    // The browser hides even that they were refused.
    expect(outcome).toMatchObject({
      'get no-cors': opaque,
      post: opaque,
      picture: 'failed',
      script: 'failed',
    });
    expect(await seenByGood()).toEqual([]);
    await stillLoggedIn();
  });

  test('by forms, also by way of a redirect', async () => {
    for (const action of [
      `${shared.origin('good')}/form`,
      `/redirect?status=307&to=${encodeURIComponent(`${shared.origin('good')}/redirected`)}`,
      `/redirect?status=308&to=${encodeURIComponent(`${shared.origin('good')}/redirected`)}`,
    ]) {
      const page = await context.newPage();
      await page.goto(`${shared.origin('evil')}/`);
      await page.evaluate((action) => {
        const form = document.createElement('form');
        Object.assign(form, { method: 'post', action, enctype: 'text/plain' });
        document.body.append(form);
        form.submit();
      }, action);
      await page.waitForURL(`${shared.origin('good')}/*`);
      expect(await page.locator('h1').textContent()).toBe(formRefused);
      await page.close();
    }
    expect(await seenByGood()).toEqual([]);
  });

  test('by WebSocket', async () => {
    const outcome = await evilPage.evaluate(
      async (urls) =>
        Promise.all(
          urls.map(
            (url) =>
              new Promise((resolve) => {
                const socket = new WebSocket(url);
                socket.addEventListener('open', () => resolve('open'));
                socket.addEventListener('error', () => resolve('failed'));
              }),
          ),
        ),
      ['good', undefined].map((label) => `${shared.origin(label).replace('http', 'ws')}/live`),
    );
    expect(outcome).toEqual(['failed', 'failed']);
    expect(await seenByGood()).toEqual([]);
  });

  test('by redirects of fetch and of pictures', async () => {
    await evilPage.evaluate(
      async (target) => {
        const redirect = (status: number) => `/redirect?status=${status}&to=${encodeURIComponent(target)}`;
        await Promise.allSettled([
          ...[302, 307].map((status) => fetch(redirect(status), { credentials: 'include', mode: 'no-cors' })),
          fetch(redirect(307), { credentials: 'include', mode: 'no-cors', method: 'POST', body: 'x' }),
          new Promise((resolve) => {
            const picture = new Image();
            picture.addEventListener('load', resolve);
            picture.addEventListener('error', resolve);
            picture.src = redirect(302);
          }),
        ]);
      },
      `${shared.origin('good')}/redirected`,
    );
    expect(await seenByGood()).toEqual([]);
  });

  test('by a window of the other device: it opens, and is not to be read', async () => {
    const opening = context.waitForEvent('page', { timeout: 120_000 });
    await evilPage.evaluate(
      (target) => {
        Object.assign(window, { opened: window.open(target) });
      },
      `${shared.origin('good')}/window`,
    );
    await (await opening).waitForURL(`${shared.origin('good')}/window`);
    const outcome = await evilPage.evaluate((domain) => {
      const { opened } = window as unknown as { opened: Window };
      const attempt = (run: () => unknown) => {
        try {
          return String(run());
        } catch (error) {
          return (error as Error).name;
        }
      };
      attempt(() => {
        document.domain = domain;
      });
      return [
        attempt(() => opened.document.title),
        attempt(() => opened.localStorage.length),
        attempt(() => opened.location.href),
      ];
    }, shared.domain);
    expect(outcome).toEqual(['SecurityError', 'SecurityError', 'SecurityError']);
    expect(good.take()).toEqual(['GET /window']);
  });

  test('by cookies for the whole domain: none of ours is replaced or ended', async () => {
    const names = ['rm-session', 'rm-device-session', 'rm-device-nonce'].flatMap((n) => [n, `__Host-${n}`]);
    const { domain } = shared;
    const lines = names.map((name) => `${name}=${'x'.repeat(43)}; Path=/; Domain=${domain}`);
    const query = new URLSearchParams([
      ...lines.map((line) => ['Set-Cookie', `${line}; Secure`]),
      ['Set-Cookie', `wide=1; Domain=${domain}`],
      ['Set-Cookie', 'narrow=1'],
      ['Clear-Site-Data', '"cookies"'],
    ] as [string, string][]);
    await evilPage.goto(`${shared.origin('evil')}/set?${query}`);
    await evilPage.evaluate((lines) => {
      for (const line of lines) {
        // biome-ignore lint/suspicious/noDocumentCookie: what a page of a device does
        document.cookie = line;
        // biome-ignore lint/suspicious/noDocumentCookie: what a page of a device does
        document.cookie = `${line}; Secure`;
      }
    }, lines);
    await stillLoggedIn();
    await evilPage.goto(`${shared.origin('evil')}/look`);
    expect(evil.seen.at(-1)?.headers.cookie).toBe('wide=1; narrow=1');
    await goodPage.goto(`${shared.origin('good')}/look`);
    expect(good.seen.at(-1)?.headers.cookie).toBeUndefined();
  });

  test("by the reflector's own pages and interfaces", async () => {
    const outcome = await evilPage.evaluate(
      async ({ own, codes }) => {
        const attempt = (path: string, init: RequestInit = {}) =>
          fetch(`${own}${path}`, { credentials: 'include', ...init }).then(
            (response) => `${response.type} ${response.status}`,
            () => 'failed',
          );
        const post = {
          method: 'POST',
          mode: 'no-cors',
          body: new URLSearchParams({ everywhere: '1' }),
        } as const;
        const frame = document.createElement('iframe');
        frame.src = codes;
        const framed = new Promise((resolve) => frame.addEventListener('load', resolve));
        document.body.append(frame);
        await framed;
        return [
          await attempt('/my-devices/api/devices'),
          await attempt('/'),
          await attempt(codes.slice(own.length)),
          await attempt('/log-out', post),
          await attempt('/account/end', post),
        ];
      },
      {
        own: shared.origin(),
        codes: `${shared.origin()}/my-devices/open?host=good&nonce=${'n'.repeat(22)}&to=/coded`,
      },
    );
    expect(outcome).toEqual(['failed', 'failed', 'failed', 'opaque 0', 'opaque 0']);
    const page = await context.newPage();
    await page.goto(`${shared.origin('evil')}/`);
    await page.evaluate((action) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action });
      document.body.append(form);
      form.submit();
    }, `${shared.origin()}/log-out`);
    await page.waitForURL(`${shared.origin()}/log-out`);
    expect(await page.locator('h1').textContent()).toBe('A page of another host has asked for this');
    await page.close();
    expect(await seenByGood()).toEqual([]);
    await stillLoggedIn();
  });

  test('by a code of its own, which would log the browser in as somebody else', async () => {
    const code = `${shared.origin('good')}/.rm-reflector/session?code=${'c'.repeat(43)}&to=/`;
    await evilPage.goto(code);
    expect(await evilPage.locator('h1').textContent()).toBe('This way to the device is not good any more');
    await evilPage.getByRole('link').click();
    await evilPage.waitForURL(`${shared.origin('good')}/`);
    expect(good.take()).toEqual(['GET /']);
  });

  test('after log-out nothing is let in, and what is open ends at once', async () => {
    await goodPage.evaluate(async () => {
      const ended = { events: false, live: false };
      Object.assign(window, { ended });
      const response = await fetch('/events');
      const reader = (response.body as ReadableStream).getReader();
      await reader.read();
      const end = () => {
        ended.events = true;
      };
      reader.read().then(end, end);
      const live = new WebSocket(`${location.origin.replace('http', 'ws')}/live`);
      await new Promise((resolve) => live.addEventListener('open', resolve));
      live.addEventListener('close', () => {
        ended.live = true;
      });
    });
    const stream = await good.streams.next();
    const webSocket = await good.webSockets.next();
    const closed = Promise.all([
      new Promise((resolve) => stream.once('close', resolve)),
      new Promise((resolve) => webSocket.once('close', resolve)),
    ]);
    good.take();
    const page = await context.newPage();
    await page.goto(`${shared.origin()}/`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL('**/log-in');
    await within(closed, 'stream and WebSocket to end at the device');
    await goodPage.waitForFunction(() => {
      const { ended } = window as unknown as { ended: { events: boolean; live: boolean } };
      return ended.events && ended.live;
    });
    expect(await goodPage.evaluate(() => fetch('/after').then(({ status }) => status))).toBe(401);
    await goodPage.reload();
    expect(new URL(goodPage.url()).pathname).toBe('/log-in');
    expect(good.take()).toEqual([]);
  });
});

describe('without TLS, elsewhere than on localhost', () => {
  let shared: SharedReflector;
  let good: RecordingDevice;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    shared = await SharedReflector.start({ tls: false, domain: 'reflector.test' });
    good = await shared.device('good');
    await shared.device('evil');
    context = await shared.browser.newContext();
    page = await context.newPage();
    await openLoggedIn(page, `${shared.origin('evil')}/`, shared);
    const goodPage = await context.newPage();
    await goodPage.goto(`${shared.origin('good')}/`);
    await goodPage.evaluate(() => fetch('/own', { method: 'POST', body: 'x' }));
    expect(good.take()).toEqual(['GET /', 'POST /own']);
  });
  afterAll(() => shared?.stop());

  test('the browser does not tell who asks for a picture, and tells it of all else', async () => {
    await page.evaluate(async (target) => {
      const credentials = 'include' as const;
      const picture = new Promise((resolve) => {
        const image = new Image();
        image.addEventListener('error', resolve);
        image.src = `${target}/picture`;
      });
      const socket = new Promise((resolve) => {
        const live = new WebSocket(`${target.replace('http', 'ws')}/live`);
        live.addEventListener('error', resolve);
      });
      await Promise.allSettled([
        picture,
        socket,
        fetch(`${target}/get`, { credentials }),
        fetch(`${target}/post`, { credentials, mode: 'no-cors', method: 'POST', body: 'x' }),
      ]);
    }, shared.origin('good'));
    expect(good.take()).toEqual(['GET /picture']);
  });
});
