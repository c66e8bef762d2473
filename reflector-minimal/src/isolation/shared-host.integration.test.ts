import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { hashPassword } from '../passwords/scrypt.ts';
import type { Answer } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { CookieBrowser } from '../testing/cookie-browser.ts';
import { domain, Stage } from '../testing/stage.ts';

const secrets = deviceSecrets('dev2', domain, 's3cret', false);
const bobsPassword = hashPassword('builder');

describe('on the host that devices share', () => {
  let stage: Stage;
  let own: string;
  let shared: string;
  let browser: CookieBrowser;
  let session: BrowserSession;
  let seen: IncomingMessage[];
  beforeEach(async () => {
    stage = await Stage.open({ cookieHost: 'view.example' });
    await stage.reflector.store.devices.add({ id: 'dev2', domain, secrets: await secrets }, 0, null);
    own = `http://localhost:${stage.port}`;
    shared = `http://view.example:${stage.port}`;
    session = await BrowserSession.open(stage);
    browser = new CookieBrowser(stage.port);
    browser.put('localhost', session.ownCookie);
    seen = [];
    const serve = (name: string) =>
      stage.web(
        (request, response) => {
          seen.push(request);
          response.setHeader('Set-Cookie', `of-${name}=1; Path=/deep; Domain=view.example`);
          response.setHeader('WWW-Authenticate', 'Basic realm="x"');
          response.end(name);
        },
        { id: name },
      );
    await serve('dev1');
    await serve('dev2');
  });
  afterEach(() => stage.close());

  const to = (answer: Answer) => {
    expect(answer.status).toBe(303);
    return String(answer.headers.location);
  };
  const choose = (label: string, headers: Record<string, string> = { Origin: own }) =>
    browser.ask(`${own}/my-devices/choose`, {
      method: 'POST',
      body: `device=${label}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    });
  /** All the way from the form to the device; gives the last redirect. */
  async function show(label: string): Promise<Answer> {
    const change = to(await choose(label));
    expect(change).toBe(`${shared}/.rm-reflector/change?to=%2F`);
    const open = to(await browser.get(change));
    expect(open).toMatch(/^http:\/\/localhost:\d+\/my-devices\/open\?host=\*&nonce=/);
    return browser.get(to(await browser.get(open)));
  }

  test('a user has the device chosen with a form of the page of devices', async () => {
    const landing = await browser.get(`${own}/`);
    expect(landing.text).toContain('<button>Show on view.example</button>');
    expect(landing.headers['content-security-policy']).toContain(`form-action 'self' ${shared}`);
    expect(to(await show('dev2'))).toBe(`${shared}/`);
    expect((await browser.get(`${shared}/`)).text).toBe('dev2');
    await show('dev1');
    expect((await browser.get(`${shared}/`)).text).toBe('dev1');
  });

  test('what the device before has left is taken away, and no device sees the cookies of another', async () => {
    await show('dev1');
    const answer = await browser.get(`${shared}/deep/page`);
    expect(answer.headers['set-cookie']).toEqual(['of-dev1=1; Path=/']);
    browser.put('view.example', '__Secure-by-script=1');
    await browser.get(`${shared}/`);
    expect(seen.at(-1)?.headers.cookie).toBe('of-dev1=1; __Secure-by-script=1');
    const changed = await show('dev2');
    expect(changed.headers['clear-site-data']).toBe('"cache", "storage"');
    expect(changed.headers['set-cookie']?.slice(0, -1)).toEqual([
      'of-dev1=; Max-Age=0; Path=/',
      '__Secure-by-script=; Max-Age=0; Path=/; Secure',
    ]);
    await browser.get(`${shared}/`);
    expect(seen.at(-1)?.headers.cookie).toBeUndefined();
  });

  test('no credentials of a device pass, which a browser would send to the next one too', async () => {
    await show('dev1');
    const theirs = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
    const answer = await browser.get(`${shared}/`, { Authorization: theirs });
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(seen.at(-1)?.headers.authorization).toBeUndefined();
  });

  test('the cookie is good for the device it names, and not for another one or another host', async () => {
    await show('dev1');
    const value = browser.cookies.get('view.example')?.get('rm-device-session') ?? '';
    expect(value).toMatch(/^[\w-]{43}\.dev1$/);
    browser.put('view.example', `rm-device-session=${value.replace('dev1', 'dev2')}`);
    expect((await browser.get(`${shared}/`, { Accept: '*/*' })).status).toBe(401);
    for (const forged of [value, value.split('.')[0] ?? '']) {
      browser.put('dev1.localhost', `rm-device-session=${forged}`);
      const answer = await browser.get(`http://dev1.localhost:${stage.port}/`, { Accept: '*/*' });
      expect(answer.status).toBe(401);
    }
    browser.put(
      'view.example',
      `rm-device-session=${(await session.deviceCookie('dev1')).split('=')[1]}.dev1`,
    );
    expect((await browser.get(`${shared}/`, { Accept: '*/*' })).status).toBe(401);
  });

  test('nobody but its own form chooses, and only what the user sees', async () => {
    expect((await choose('dev2', { Origin: shared })).status).toBe(403);
    expect((await choose('dev2', {})).status).toBe(403);
    expect((await choose('nobody')).status).toBe(404);
    await stage.reflector.store.users.add('bob', await bobsPassword, 0, 'user');
    browser.put('localhost', (await BrowserSession.open(stage, undefined, 'bob')).ownCookie);
    expect((await choose('dev1')).status).toBe(404);
    // The page of a device sends the browser round: it comes back to what is chosen, which is nothing.
    const open = to(await browser.get(`${shared}/.rm-reflector/change`));
    expect(to(await browser.get(open))).toBe('/');
  });

  test('choosing another device ends what is open of the one before', async () => {
    await show('dev1');
    const before = browser.cookies.get('view.example')?.get('rm-device-session');
    await show('dev2');
    browser.put('view.example', `rm-device-session=${before}`);
    expect((await browser.get(`${shared}/`, { Accept: '*/*' })).status).toBe(401);
  });

  test('there are no service workers, no programs, and no form of another host', async () => {
    await show('dev1');
    expect((await browser.get(`${shared}/sw.js`, { 'Service-Worker': 'script' })).status).toBe(403);
    const posted = (headers: Record<string, string>) =>
      browser.ask(`${shared}/`, { method: 'POST', body: 'x', headers });
    expect((await posted({ Origin: own })).status).toBe(403);
    expect((await posted({ Origin: shared })).status).toBe(200);
    const anybody = new CookieBrowser(stage.port);
    const Authorization = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
    const program = { Authorization, Accept: '*/*', 'User-Agent': 'curl/8' };
    expect((await anybody.get(`${shared}/`, program)).status).toBe(401);
  });

  test('log-out ends it', async () => {
    await show('dev1');
    await session.logOut();
    expect((await browser.get(`${shared}/`, { Accept: '*/*' })).status).toBe(401);
  });
});

test('without the setting there is no such host, and no such form', async () => {
  const stage = await Stage.open();
  const own = `http://localhost:${stage.port}`;
  const browser = new CookieBrowser(stage.port);
  browser.put('localhost', (await BrowserSession.open(stage)).ownCookie);
  expect((await browser.get(`http://view.example:${stage.port}/`)).status).toBe(404);
  expect((await browser.get(`${own}/my-devices/open?host=*&nonce=${'n'.repeat(22)}`)).status).toBe(404);
  const chosen = await browser.ask(`${own}/my-devices/choose`, { method: 'POST', headers: { Origin: own } });
  expect(chosen.status).toBe(404);
  expect((await browser.get(`${own}/`)).text).not.toContain('Show on');
  await stage.close();
});
