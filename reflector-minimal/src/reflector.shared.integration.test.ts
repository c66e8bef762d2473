import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { answerDigest, chooseDigest, decodeChallenges } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import { deviceSecrets, digestFunction } from './devices/digest-secrets.ts';
import { stepAt, totpCode } from './one-time-password/totp.ts';
import type { Store } from './ports/store.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import { accountOf } from './testing/account-of.ts';
import { type Answer, ask } from './testing/ask.ts';
import { BrowserSession } from './testing/browser-session.ts';
import { CookieBrowser } from './testing/cookie-browser.ts';
import { SharedMemory } from './testing/shared-memory.ts';
import { device, domain, Stage, user } from './testing/stage.ts';

/** The upgrade of a device. */
async function come(
  stage: Stage,
  authorization: string | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }> {
  const upgrade = request({
    ...{ agent: false, host: '127.0.0.1', port: stage.port },
    headers: {
      Host: `localhost:${stage.port}`,
      ...(authorization !== null && { Authorization: authorization }),
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
      'Sec-WebSocket-Protocol': 'com.appinf.webtunnel.server/1.0',
      ...headers,
    },
  });
  upgrade.end();
  const answered = Promise.race([once(upgrade, 'upgrade'), once(upgrade, 'response')]);
  const [response] = (await answered) as [IncomingMessage];
  response.socket.destroy();
  return { status: response.statusCode ?? 0, headers: response.headers };
}

/** Two reflectors on one store, which know together what the port says: any request may reach either. */
describe('two processes', () => {
  let clock: ManualClock;
  let memory: SharedMemory;
  let store: SqliteStore;
  let one: Stage;
  let two: Stage;
  beforeEach(async () => {
    clock = new ManualClock();
    memory = new SharedMemory(clock);
    store = SqliteStore.open(':memory:');
    [one, two] = [await open(), await open()];
  });
  afterEach(async () => {
    for (const stage of [one, two]) await stage.close();
    await store.close();
  });

  /** The last to close the store is the test. */
  function open(): Promise<Stage> {
    const { users, devices, sessions, settings, audit, changes } = store;
    const common: Store = {
      ...{ users, devices, sessions, settings, audit, changes },
      check: () => store.check(),
      close: async () => {},
    };
    return Stage.open({
      ...{ clock, store: () => common, shared: () => memory.join() },
      trustProxy: ['127.0.0.1'],
      cookieHost: 'view.example',
      limits: { logInFailures: 4, secondFactorFailures: 3, slowFailuresPerNetwork: 4 },
    });
  }

  describe('a device that proves itself by Digest', () => {
    beforeEach(async () => {
      const secrets = await deviceSecrets('digest', domain, 'device password', true);
      await store.devices.add({ id: 'digest', domain, secrets }, 0, null);
    });

    async function answered(by: Stage): Promise<string> {
      const refused = await come(by, null);
      expect(refused.status).toBe(401);
      const asked = String(refused.headers['www-authenticate']);
      const chosen = chooseDigest(decodeChallenges(asked));
      if (!chosen) throw new Error(`no challenge: ${asked}`);
      const credentials = { user: `digest@${domain}`, password: 'device password' };
      return answerDigest(digestFunction, chosen, credentials, { method: 'GET', uri: '/' }, 'cnonce', 1);
    }

    test('answers the challenge of one at the other, once', async () => {
      const answer = await answered(one);
      expect((await come(two, answer)).status).toBe(101);
      for (const stage of [one, two]) {
        const again = await come(stage, answer);
        expect([again.status, String(again.headers['www-authenticate'])]).toEqual([
          401,
          expect.stringContaining('stale=true'),
        ]);
      }
    });

    test('is let in once when its answer reaches both at the same time', async () => {
      const answer = await answered(one);
      const statuses = await Promise.all([one, two].map(async (stage) => (await come(stage, answer)).status));
      expect(statuses.sort()).toEqual([101, 401]);
    });

    test('comes again later while what was used cannot be told', async () => {
      const answer = await answered(one);
      memory.isAway = true;
      const refused = await come(two, answer);
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, expect.any(String)]);
      memory.isAway = false;
      expect((await come(two, answer)).status).toBe(101);
    });
  });

  describe('a browser', () => {
    let session: BrowserSession;
    let browsers: readonly [CookieBrowser, CookieBrowser];
    const base = () => `http://${device.id}.localhost`;
    beforeEach(async () => {
      session = await BrowserSession.open(one, clock);
      const first = new CookieBrowser(one.port);
      first.put('localhost', session.ownCookie);
      browsers = [first, new CookieBrowser(two.port, first.cookies)];
      for (const stage of [one, two]) await stage.web((_request, response) => response.end('device'));
    });
    const location = ({ status, headers }: Answer) => {
      expect(status).toBe(303);
      return String(headers.location);
    };

    test('gets a code at one, brings it to the other, and no code is taken twice', async () => {
      const [first, second] = browsers;
      const code = location(await first.get(location(await second.get(`${base()}/page`))));
      expect(code).toMatch(/\/\.rm-reflector\/session\?code=/);
      const nonce = first.cookies.get(`${device.id}.localhost`)?.get('rm-device-nonce') ?? '';
      location(await second.get(code));
      for (const browser of browsers) expect((await browser.get(`${base()}/page`)).text).toBe('device');
      for (const browser of browsers) {
        browser.put(`${device.id}.localhost`, `rm-device-nonce=${nonce}`);
        expect((await browser.get(code)).status).toBe(403);
      }
    });

    test('brings a code in vain to another host, or without its nonce', async () => {
      const [first, second] = browsers;
      const code = location(await first.get(location(await second.get(`${base()}/page`))));
      expect((await new CookieBrowser(two.port).get(code)).status).toBe(403);
      const other = location(await first.get(location(await first.get(`${base()}/page`))));
      const nonce = first.cookies.get(`${device.id}.localhost`)?.get('rm-device-nonce') ?? '';
      second.put('dev1-81.localhost', `rm-device-nonce=${nonce}`);
      expect((await second.get(other.replace('dev1', 'dev1-81'))).status).toBe(403);
      // It is used up in any case.
      expect((await second.get(other)).status).toBe(403);
    });

    test('is told to come again while it cannot be told whether a code was used', async () => {
      const [first, second] = browsers;
      const code = location(await first.get(location(await second.get(`${base()}/page`))));
      memory.isAway = true;
      const refused = await second.get(code);
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, expect.any(String)]);
      memory.isAway = false;
      location(await second.get(code));
    });

    test('has the device that it has chosen at one shown by the other', async () => {
      const [first, second] = browsers;
      const change = location(
        await first.ask('http://localhost/my-devices/choose', {
          method: 'POST',
          body: `device=${device.id}`,
          headers: {
            Origin: `http://localhost:${one.port}`,
            'Content-Type': 'application/x-www-form-urlencoded',
          },
        }),
      );
      const code = location(await second.get(location(await second.get(change))));
      expect(code).toMatch(/^http:\/\/view\.example(?::\d+)?\/\.rm-reflector\/session\?code=/);
      location(await first.get(code));
      for (const browser of browsers) expect((await browser.get('http://view.example/')).text).toBe('device');
    });

    test('that has logged out at one is out at the other', async () => {
      const [, second] = browsers;
      expect((await second.get('http://localhost/')).status).toBe(200);
      await session.logOut();
      expect((await second.get('http://localhost/')).status).toBe(303);
    });
  });

  describe('whoever guesses', () => {
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const basic = (stage: Stage, password: string, address = '192.0.2.1') => {
      const Authorization = `Basic ${Buffer.from(`${user.name}:${password}`).toString('base64')}`;
      return ask(stage.port, '/', { host: 'localhost', headers: { Authorization, ...from(address) } });
    };

    test('waits at both for what failed at both', async () => {
      for (const stage of [one, two, one, two]) expect((await basic(stage, 'guess')).status).toBe(401);
      for (const stage of [one, two]) {
        const refused = await basic(stage, user.password);
        expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
      }
      clock.advance(1_000);
      expect((await basic(two, 'guess')).status).toBe(401);
      expect((await basic(one, 'guess')).headers['retry-after']).toBe('2');
    });

    const secret = Buffer.from('12345678901234567890');

    async function withOneTimePasswords(): Promise<(stage: Stage, totp: string) => Promise<Answer>> {
      await store.users.setTotp(await accountOf(store, user.name), { secret, step: 0, recovery: [] });
      return (stage, totp) =>
        ask(stage.port, '/my-devices/api/token', {
          host: 'localhost',
          method: 'POST',
          body: new URLSearchParams({
            username: user.name,
            password: user.password,
            totp,
            application: 'test',
          }).toString(),
          headers: {
            Authorization: [],
            'Content-Type': 'application/x-www-form-urlencoded',
            ...from('192.0.2.1'),
          },
        });
    }

    test('a one-time password is taken by one of both', async () => {
      const token = await withOneTimePasswords();
      const code = totpCode(secret, stepAt(clock.date()));
      const twice = await Promise.all([token(one, code), token(two, code)]);
      expect(twice.map(({ status }) => status).sort()).toEqual([200, 401]);
    });

    test('one-time passwords wait at both', async () => {
      const token = await withOneTimePasswords();
      for (const stage of [one, two, one]) expect((await token(stage, '000000')).status).toBe(401);
      for (const stage of [one, two]) expect((await token(stage, '000000')).status).toBe(429);
    });

    test('the password of a device waits at both', async () => {
      const guess = `Basic ${Buffer.from(`dev1@${domain}:guess`).toString('base64')}`;
      const here = from('192.0.2.1');
      for (const stage of [one, two, one, two]) expect((await come(stage, guess, here)).status).toBe(401);
      for (const stage of [one, two]) expect((await come(stage, guess, here)).status).toBe(503);
      expect((await come(two, guess, from('198.51.100.1'))).status).toBe(401);
    });
  });
});
