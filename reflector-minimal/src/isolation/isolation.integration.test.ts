import { type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { authorization, device, extensions, Stage, user } from '../testing/stage.ts';

/** What passes between a browser with a session and a device; what the device saw. */

const own = { host: 'localhost' };
const label = device.id;

function basicOf(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

describe('with a session', () => {
  let stage: Stage;
  let browser: BrowserSession;
  let seen: IncomingMessage[];
  let cookie: string;
  beforeEach(async () => {
    stage = await Stage.open();
    browser = await BrowserSession.open(stage);
    cookie = await browser.deviceCookie(label);
    seen = [];
    await stage.web((request, response) => {
      seen.push(request);
      response.setHeader('Set-Cookie', ['a=1; Domain=localhost; Path=/x', 'rm-session=evil', 'b=2']);
      response.setHeader('Clear-Site-Data', '"*"');
      response.setHeader('WWW-Authenticate', 'Basic realm="Pump"');
      response.end('device');
    });
  });
  afterEach(() => stage.close());

  const seenHeaders = (name: string) => seen[0]?.rawHeaders.filter((_, i, all) => all[i - 1] === name);

  test("the device gets its own cookies, and none of the reflector's", async () => {
    const headers = { Cookie: [`a="1; ${cookie}; b=2"`, `${cookie}; RM-SESSION=x; c=3`], Authorization: [] };
    const answer = await ask(stage.port, '/', { headers });
    expect([answer.status, answer.text]).toEqual([200, 'device']);
    expect(seenHeaders('Cookie')?.join('|')).toMatch(/^a="1;\s+b=2"(; |\|)\s*c=3$/);
    expect(JSON.stringify(seen[0]?.rawHeaders)).not.toContain(cookie.split('=')[1]);
  });

  test('what the device sets is for its own host, and its challenges pass; nothing of ours is added', async () => {
    const answer = await ask(stage.port, '/', { headers: { Cookie: cookie } });
    expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/x', 'b=2']);
    expect(answer.headers['clear-site-data']).toBe('"cache", "storage"');
    expect(answer.headers['www-authenticate']).toBe('Basic realm="Pump"');
    expect(answer.headers['content-security-policy']).toBeUndefined();
    expect(answer.headers['x-content-type-options']).toBeUndefined();
  });

  /** A token of the user, as `Authorization` has it. */
  async function bearer(): Promise<string> {
    const form = new URLSearchParams({
      ...{ username: user.name, password: user.password, application: 'test' },
    });
    const headers = { Authorization: [], 'Content-Type': 'application/x-www-form-urlencoded' };
    const { text } = await ask(stage.port, '/my-devices/api/token', {
      ...{ ...own, method: 'POST', headers, body: form.toString() },
    });
    return `Bearer ${JSON.parse(text).token}`;
  }

  const theirs = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
  const digest = 'Digest username="x", realm="Pump", nonce="n", uri="/", response="r"';

  test('Authorization belongs to the device, also with the name and password of the user', async () => {
    // As often as the user likes: nothing counts them, and none is left out.
    const guesses = Array.from({ length: 20 }, (_, i) => basicOf(user.name, `guess ${i}`));
    const sent = [theirs, digest, 'Bearer of.the.device', authorization, ...guesses, authorization];
    for (const Authorization of [...sent, await bearer()]) {
      await ask(stage.port, '/', { headers: { Cookie: cookie, Authorization } });
    }
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([...sent, undefined]);
    // Those were no attempts to log in.
    expect((await ask(stage.port, '/')).status).toBe(200);
  });

  test('by a password or a token it is never passed', async () => {
    await ask(stage.port, '/');
    await ask(stage.port, '/', { headers: { Authorization: await bearer() } });
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test.each(['X-PTTH-Authorization', 'Proxy-Authorization'])(
    'a program that logs in by %s has Authorization for the device',
    async (header) => {
      const token = await bearer();
      for (const [ours, Authorization] of [
        [authorization, theirs],
        [authorization, digest],
        [token, theirs],
        [token, authorization],
        [token, token],
      ] as const) {
        const alias = { [header.replaceAll('-', '_')]: ours };
        const answer = await ask(stage.port, '/', { headers: { [header]: ours, ...alias, Authorization } });
        expect(answer.status).toBe(200);
      }
      expect(seen.map(({ headers }) => headers.authorization)).toEqual([
        theirs,
        digest,
        theirs,
        authorization,
        undefined,
      ]);
      const all = JSON.stringify(seen.map(({ rawHeaders }) => rawHeaders));
      expect(all).not.toMatch(/(ptth|proxy)[-_]authorization/i);
      expect(all).not.toContain(token);
    },
  );

  test.each([
    ['X-PTTH-Authorization', 401, 'www-authenticate'],
    ['Proxy-Authorization', 407, 'proxy-authenticate'],
  ])(
    'what does not let in by %s is refused, and Authorization is no second try',
    async (header, status, challenge) => {
      for (const wrong of [basicOf(user.name, 'wrong'), 'Bearer x', 'nonsense']) {
        for (const host of [`${label}.localhost`, 'localhost']) {
          const headers = { [header]: wrong, Authorization: authorization, Accept: 'text/html' };
          const answer = await ask(stage.port, '/', { host, headers });
          expect([answer.status, answer.headers[challenge]]).toEqual([
            status,
            'Basic realm="Reflector", charset="UTF-8"',
          ]);
        }
      }
      // In a browser neither is taken: a page could have sent it.
      const headers = { [header]: authorization, Authorization: [], 'Sec-Fetch-Site': 'same-origin' };
      expect((await ask(stage.port, '/', { headers })).status).toBe(401);
      expect(seen).toEqual([]);
    },
  );

  test('a session of one host is none on another: other ports, other devices, the reflector', async () => {
    const status = async (host: string, Cookie: string) =>
      (await ask(stage.port, '/', { host, headers: { Cookie, Authorization: '' } })).status;
    const asOwn = cookie.replace('rm-device-session', 'rm-session');
    const ownAsDevice = browser.ownCookie.replace('rm-session', 'rm-device-session');
    expect(await status(`${label}.localhost`, cookie)).toBe(200);
    for (const host of [`${label}-80.localhost`, 'dev2.localhost', 'localhost']) {
      expect([host, await status(host, cookie)]).toEqual([host, 401]);
      expect([host, await status(host, asOwn)]).toEqual([host, 401]);
    }
    for (const stolen of [browser.ownCookie, ownAsDevice]) {
      expect(await status(`${label}.localhost`, stolen)).toBe(401);
    }
    expect(
      (await ask(stage.port, '/my-devices/api/devices', { ...own, headers: { Cookie: browser.ownCookie } }))
        .status,
    ).toBe(200);
  });

  test('a page of another host acts by no cookie, and a page of this one does', async () => {
    const post = async (headers: Record<string, string>) =>
      (
        await ask(stage.port, '/', {
          method: 'POST',
          headers: { Cookie: cookie, Authorization: '', ...headers },
        })
      ).status;
    expect(await post({ Origin: `http://dev2.localhost:${stage.port}` })).toBe(403);
    expect(await post({})).toBe(403);
    expect(await post({ Origin: `http://${label}.localhost:${stage.port}` })).toBe(200);
    expect(seen).toHaveLength(1);
  });

  test('a cookie opens no TCP connection', async () => {
    const answer = await ask(stage.port, '/', {
      headers: {
        Cookie: cookie,
        Authorization: '',
        Origin: `http://${label}.localhost:${stage.port}`,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Protocol': 'com.appinf.webtunnel.client/1.0',
        'X-WebTunnel-RemotePort': '22',
      },
    });
    expect([answer.status, answer.headers['x-ptth-error']]).toEqual([
      403,
      'TCP connections are for programs, with a token or a password',
    ]);
  });
});

test('101 sets no cookie beyond their host either', async () => {
  const stage = await Stage.open();
  const { server } = await stage.web((_request, response) => response.end(), { extensions });
  server.on('upgrade', (_request, socket) => {
    socket.end(
      'HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: a=1; Domain=localhost\r\nSet-Cookie: rm-session=1\r\n\r\n',
    );
  });
  const head = await new Promise<string[]>((resolve) => {
    const asking = request({
      port: stage.port,
      headers: {
        Host: `${label}.localhost:${stage.port}`,
        Authorization: authorization,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
      },
    });
    asking.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.headers['set-cookie'] ?? []);
    });
    asking.end();
  });
  expect(head).toEqual(['a=1']);
  await stage.close();
});
