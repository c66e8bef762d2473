import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { type Answer, ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { CookieBrowser, page } from '../testing/cookie-browser.ts';
import { device, Stage } from '../testing/stage.ts';

describe('the way of a browser to the host of a device', () => {
  let stage: Stage;
  let base: string;
  let own: string;
  let session: BrowserSession;
  let browser: CookieBrowser;
  beforeEach(async () => {
    stage = await Stage.open();
    base = `http://${device.id}.localhost:${stage.port}`;
    own = `http://localhost:${stage.port}`;
    session = await BrowserSession.open(stage);
    browser = new CookieBrowser(stage.port);
    browser.put('localhost', session.ownCookie);
    await stage.web((request, response) => response.end(`device ${request.url}`));
  });
  afterEach(() => stage.close());

  const to = (answer: Answer) => {
    expect([answer.status, answer.headers['cache-control']]).toEqual([303, 'no-store']);
    return String(answer.headers.location);
  };

  test('is four steps; nothing of the code stays in its address', async () => {
    const open = to(await browser.get(`${base}/page?x=1&y=%2f`));
    expect(open).toMatch(/^http:\/\/localhost:\d+\/my-devices\/open\?host=dev1&nonce=[\w-]{22}&to=/);
    const code = to(await browser.get(open));
    expect(code).toMatch(/^http:\/\/dev1\.localhost:\d+\/\.rm-reflector\/session\?code=[\w-]{43}&to=/);
    const back = to(await browser.get(code));
    expect(back).toBe(`${base}/page?x=1&y=%2f`);
    const answer = await browser.get(back);
    expect([answer.status, answer.text]).toEqual([200, 'device /page?x=1&y=%2f']);
    expect([...(browser.cookies.get('localhost') ?? [])].map(([name]) => name)).toEqual(['rm-session']);
    // Another port of the device is another host.
    to(await browser.get(base.replace('dev1', 'dev1-80')));
  });

  test('leads over the log-in page, which names the device', async () => {
    const stranger = new CookieBrowser(stage.port);
    const open = to(await stranger.get(`${base}/page`));
    const logIn = new URL(to(await stranger.get(open)), own);
    expect([logIn.pathname, new URL(logIn.searchParams.get('next') ?? '', own).href]).toEqual([
      '/log-in',
      open,
    ]);
    const shown = (await stranger.get(logIn.href)).text;
    expect(shown).toContain(`To <strong>dev1.localhost:${stage.port}</strong>`);
  });

  test('takes from the browser what a former device of the same id has left in it', async () => {
    const arrive = async (visitor: CookieBrowser) => {
      const answer = await visitor.get(to(await visitor.get(to(await visitor.get(`${base}/`)))));
      expect(to(answer)).toBe(`${base}/`);
      return [answer.headers['clear-site-data'], answer.headers.nel];
    };
    const renew = async () => {
      const { devices } = stage.reflector.store;
      await devices.remove(device.id, 0);
      const secrets = await deviceSecrets(device.id, device.domain, device.password, false);
      await devices.add({ id: device.id, domain: device.domain, secrets }, 0, null);
    };
    const clean = [undefined, undefined];
    const cleared = ['"cache", "storage"', '{"max_age":0}'];
    expect(await arrive(browser)).toEqual(clean);
    browser.put('dev1.localhost', 'theme=dark');
    expect((await browser.get(`${base}/`)).status).toBe(200);
    await renew();
    // The session is over as well: no page of the new device comes before this.
    expect(await arrive(browser)).toEqual(cleared);
    expect([...(browser.cookies.get('dev1.localhost') ?? [])].map(([name]) => name).sort()).toEqual([
      'rm-device-nonce',
      'rm-device-record',
      'rm-device-session',
    ]);
    // Once.
    browser.cookies.get('dev1.localhost')?.delete('rm-device-session');
    expect(await arrive(browser)).toEqual(clean);
    // A browser of which nothing is known may have been there before.
    const other = new CookieBrowser(stage.port);
    other.put('localhost', session.ownCookie);
    expect(await arrive(other)).toEqual(cleared);
    expect(other.cookies.get('dev1.localhost')?.has('rm-device-record')).toBe(true);
  });

  test('ends with the log-out on the own host, at once', async () => {
    await browser.get(to(await browser.get(to(await browser.get(`${base}/`)))));
    expect((await browser.get(`${base}/`)).status).toBe(200);
    await session.logOut();
    to(await browser.get(`${base}/`));
  });

  test('a code is good once, and not on another host', async () => {
    const code = to(await browser.get(to(await browser.get(`${base}/`))));
    browser.put(
      'dev2.localhost',
      `rm-device-nonce=${browser.cookies.get('dev1.localhost')?.get('rm-device-nonce')}`,
    );
    expect((await browser.get(code.replace('dev1', 'dev2'))).status).toBe(403);
    expect((await browser.get(code)).status).toBe(403);
  });

  test('who reads a code has no use for it, and nobody is logged in with that of another', async () => {
    const victim = browser;
    const attacker = new CookieBrowser(stage.port);
    attacker.put('localhost', (await BrowserSession.open(stage)).ownCookie);
    const stolen = to(await victim.get(to(await victim.get(`${base}/`))));
    await attacker.get(`${base}/`);
    expect((await attacker.get(stolen)).status).toBe(403);
    const planted = to(await attacker.get(to(await attacker.get(`${base}/`))));
    const refused = await victim.get(planted);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('<a href="/">');
    // Nor in a browser that has not asked at all.
    expect((await new CookieBrowser(stage.port).get(planted)).status).toBe(403);
  });

  test('a nonce put beside the own one is trusted as little', async () => {
    const code = to(await browser.get(to(await browser.get(`${base}/`))));
    const nonce = browser.cookies.get('dev1.localhost')?.get('rm-device-nonce');
    const Cookie = `rm-device-nonce=${'x'.repeat(22)}; rm-device-nonce=${nonce}`;
    expect((await browser.get(code, { Cookie })).status).toBe(403);
  });

  test('tabs that open at the same time share the nonce', async () => {
    const opened = [await browser.get(`${base}/1`), await browser.get(`${base}/2`)].map(to);
    for (const [i, open] of opened.entries()) {
      expect(to(await browser.get(to(await browser.get(open))))).toBe(`${base}/${i + 1}`);
    }
  });

  test('leads nowhere else: hosts and targets that are no device', async () => {
    const nonce = 'n'.repeat(22);
    const open = (query: Record<string, string>) =>
      browser.get(`${own}/my-devices/open?${new URLSearchParams({ nonce, ...query })}`);
    for (const host of ['', 'nobody', 'evil.example.com', 'dev1.evil', 'dev1@evil', 'dev1/..', 'localhost']) {
      expect([host, (await open({ host })).status]).toEqual([host, 404]);
    }
    expect((await open({ host: 'dev1', nonce: 'short' })).status).toBe(403);
    for (const target of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      '/\t/evil',
      '/.rm-reflector/x',
      `/${'x'.repeat(3000)}`,
    ]) {
      const code = to(await open({ host: 'dev1', to: target }));
      expect([target, new URL(code).searchParams.get('to')]).toEqual([target, '/']);
    }
    const code = new URL(to(await browser.get(to(await browser.get(`${base}/`)))));
    code.searchParams.set('to', '//evil.example/');
    expect(to(await browser.get(code.href))).toBe(`${base}/`);
  });

  test('is for people: programs, pictures, frames and forms are refused, and no browser is asked for a password', async () => {
    const asked = async (headers: Record<string, string>, method = 'GET') => {
      const answer = await ask(stage.port, '/', { method, headers: { Authorization: [], ...headers } });
      return [answer.status, answer.headers['www-authenticate']?.split(' ')[0]];
    };
    expect(await asked({})).toEqual([401, 'Basic']);
    expect(await asked({ 'User-Agent': 'Mozilla/5.0' })).toEqual([401, 'Bearer']);
    expect(await asked({ ...page, 'Sec-Fetch-Dest': 'image', 'Sec-Fetch-Site': 'same-site' })).toEqual([
      401,
      'Bearer',
    ]);
    expect(await asked({ ...page, 'Sec-Fetch-Dest': 'iframe', 'Sec-Fetch-Site': 'same-site' })).toEqual([
      401,
      'Bearer',
    ]);
    expect(await asked(page, 'POST')).toEqual([401, 'Bearer']);
  });

  test('a form sent after the session has ended leads back to the device', async () => {
    const answer = await browser.ask(`${base}/form`, {
      method: 'POST',
      body: 'x',
      headers: { Origin: base },
    });
    expect([answer.status, answer.text]).toEqual([
      401,
      expect.stringContaining('<a href="/">Open the device again, and log in.</a>'),
    ]);
  });

  test('what begins with /.rm-reflector/ never reaches the device', async () => {
    await browser.get(to(await browser.get(to(await browser.get(`${base}/`)))));
    for (const path of ['/.rm-reflector', '/.rm-reflector/', '/.rm-reflector/x', '/.rm-reflector?x']) {
      expect([path, (await browser.get(`${base}${path}`)).status]).toEqual([path, 404]);
    }
    expect((await browser.get(`${base}/.rm-reflector-not`)).text).toBe('device /.rm-reflector-not');
  });
});

test('deviceCodeMs: a code is good for a short time', async () => {
  const clock = new ManualClock();
  const stage = await Stage.open({ clock, limits: { deviceCodeMs: 1_000 } });
  const browser = new CookieBrowser(stage.port);
  browser.put('localhost', (await BrowserSession.open(stage, clock)).ownCookie);
  const open = await browser.get(`http://dev1.localhost:${stage.port}/`);
  const code = String((await browser.get(String(open.headers.location))).headers.location);
  clock.advance(1_000);
  expect((await browser.get(code)).status).toBe(403);
  await stage.close();
});
