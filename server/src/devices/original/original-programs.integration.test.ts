import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawUser } from '../../../../reflector-minimal/src/testing/raw-user.ts';
import { until } from '../../../../reflector-minimal/src/testing/until.ts';
import { TestServer } from '../../testing/test-server.ts';

/** Requests as the original's programs send them, byte for byte, and the answers as those programs read them. */

let server: TestServer;
let home: string;

beforeAll(async () => {
  server = await TestServer.start({ tokenByGet: true, own: { publicUrl: 'https://fleet.example/' } });
  const alice = await server.signedIn('alice');
  await alice.post('/domains', { id: 'acme' });
  await alice.post('/domains', { id: 'other' });
  await server.addUser('carol', 'acme');
  await server.addUser('carol@example.com', 'acme');
  home = (await alice.get('/users/alice/attributes/domain')).body as string;
});
afterAll(() => server.close());

interface Answered {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Reads as the original's `HTTPClientSession` does: as long a body as the head says. */
async function ask(bytes: string): Promise<Answered> {
  const user = new RawUser(server.reflector.port);
  try {
    user.send(bytes);
    await until(() => user.closed || read(user.received) !== null);
    const answered = read(user.received);
    if (!answered) throw new Error(`no whole answer: ${user.received}`);
    return answered;
  } finally {
    user.destroy();
  }
}

function read(received: string): Answered | null {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = received.slice(0, end);
  const length = Number(header(head, 'Content-Length') ?? 0);
  const body = received.slice(end + 4);
  if (body.length < length) return null;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  return { status, head, body: body.slice(0, length) };
}

const header = (head: string, name: string) =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? null;

/** Of SDK 2.5.0 and of the gateway 2.5.2, for user `carol` and domain `acme`. */
const captured = (file: string, changes: Readonly<Record<string, string>> = {}) => {
  const url = new URL(`../../../../protocol/src/captured/${file}.http`, import.meta.url);
  return Object.entries(changes).reduce(
    (text, [from, to]) => text.replace(from, to),
    readFileSync(url, 'latin1'),
  );
};

/** `token` as text and `expires` in seconds since 1970, as `Poco::Dynamic::Var` and `JSONConfiguration` read them. */
function tokenIn({ status, head, body }: Answered): string {
  expect([status, header(head, 'Content-Type')]).toEqual([200, 'application/json']);
  const { token, expires } = JSON.parse(body) as { readonly token: unknown; readonly expires: unknown };
  expect(token).toEqual(expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/));
  expect(Number.isSafeInteger(expires)).toBe(true);
  expect(Number(expires)).toBeGreaterThan(Date.now() / 1000);
  expect(Number(expires)).toBeLessThan(Date.now() / 1000 + 31 * 86_400);
  return String(token);
}

describe('the gateway', () => {
  const logIn = async () => tokenIn(await ask(captured('gateway-token')));

  test('logs in, and asks for the default domain of its user', async () => {
    const token = await logIn();
    const { status, body } = await ask(captured('gateway-default-domain', { TOKEN: token }));
    expect([status, body]).toEqual([200, '"acme"']);
  });

  test('logs in, and asks whether its user may use the domain that it was configured with', async () => {
    const token = await logIn();
    const statusOf = async (domain: string) =>
      (await ask(captured('gateway-domain', { TOKEN: token, 'domains/acme': `domains/${domain}` }))).status;
    expect(await statusOf('acme')).toBe(200);
    expect(await statusOf('other')).toBe(404);
    expect(await statusOf('none')).toBe(404);
  });

  test('shows the devices as the user’s, once somebody has added them', async () => {
    const token = await logIn();
    const alice = await server.signedIn('alice');
    const id = '65601db7-5083-460b-9514-9befc57dd96b';
    expect((await alice.post('/devices', { id, domain: 'acme' })).status).toBe(201);
    expect((await server.withToken(token).get(`/devices/${id}`)).status).toBe(200);
  });

  test('takes nothing but 200 for a log-in', async () => {
    const wrong = await ask(captured('gateway-token', { 'a%20long%20enough%20secret': 'wrong' }));
    expect(wrong.status).toBe(401);
    const nobody = await ask(captured('gateway-token', { 'username=carol': 'username=nobody' }));
    expect(nobody.status).toBe(401);
  });

  test('writes the name of its user into the path as it is', async () => {
    // It percent-encodes neither `@` nor `.`.
    const name = 'carol@example.com';
    const token = tokenIn(await ask(captured('gateway-token', { 'username=carol': `username=${name}` })));
    const { status, body } = await ask(
      captured('gateway-default-domain', { TOKEN: token, 'users/carol': `users/${name}` }),
    );
    expect([status, body]).toEqual([200, '"acme"']);
  });

  test('gets on without a default domain', async () => {
    const token = tokenIn(await ask(captured('gateway-token', { 'username=carol': 'username=bob' })));
    const { status } = await ask(
      captured('gateway-default-domain', { TOKEN: token, 'users/carol': 'users/bob' }),
    );
    expect(status).toBe(404);
  });

  test('its password is in no record', async () => {
    await logIn();
    expect(server.records.some(({ event }) => event === 'token')).toBe(true);
    expect(JSON.stringify(server.records)).not.toMatch(/long.*enough/);
  });
});

describe('remote-login', () => {
  test('gets a token', async () => {
    const token = tokenIn(await ask(captured('login-token')));
    expect((await server.withToken(token).get('/domains/acme')).status).toBe(200);
  });

  test('is asked for a one-time password, and told when that was wrong', async () => {
    await server.addUser('dora', 'acme');
    const { users } = server.reflector.store;
    const dora = await users.get('dora');
    if (!dora) throw new Error('no dora');
    await users.setTotp(dora, { secret: Buffer.alloc(20, 7), step: 0, recovery: [] });
    const first = await ask(
      captured('login-token', { carol: 'dora', 'Content-Length: 77': 'Content-Length: 76' }),
    );
    expect([first.status, header(first.head, 'X-Authenticate')]).toEqual([401, 'TOTP']);
    const again = captured('login-token', { carol: 'dora', 'Content-Length: 77': 'Content-Length: 88' });
    const wrong = await ask(`${again}&totp=000000`);
    expect([wrong.status, header(wrong.head, 'X-Authenticate')]).toEqual([401, null]);
  });
});

describe('scripts', () => {
  const basic = (name: string) => Buffer.from(`${name}:a long enough secret`).toString('base64');
  /** As curl 7.88.1 sends it with `-u`, or with `-d`, too. */
  const curl = (name: string, path: string, form?: string, accept = '*/*') =>
    [
      `${form === undefined ? 'GET' : 'POST'} /my-devices/api/${path} HTTP/1.1`,
      'Host: reflector.localhost',
      `Authorization: Basic ${basic(name)}`,
      'User-Agent: curl/7.88.1',
      `Accept: ${accept}`,
      ...(form === undefined
        ? []
        : [`Content-Length: ${form.length}`, 'Content-Type: application/x-www-form-urlencoded']),
      '',
      form ?? '',
    ].join('\r\n');
  /** As `PropertyFileConfiguration` reads a file: lines of `key = value`, and comments. */
  const properties = (text: string) =>
    new Map(
      text
        .split('\n')
        .filter((line) => !/^\s*(?:[#!]|$)/.test(line))
        .map((line) => {
          const [, key = '', value = ''] = /^([^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
          return [key, value];
        }),
    );

  test('list all devices', async () => {
    const { status, body } = await ask(curl('carol', 'devices?status=all'));
    expect(status).toBe(200);
    const { items } = JSON.parse(body) as { readonly items: readonly { readonly domain: string }[] };
    expect(items.map(({ domain }) => domain)).toEqual(['acme']);
  });

  test('get a ready file for a new device by GET', async () => {
    const query = 'provision?mac=00:11:22:33:44:55&httpPort=80&sshPort=22&vncPort=5900&rdpPort=3389';
    const { status, head, body } = await ask(curl('alice', query));
    expect([status, header(head, 'Content-Type')]).toEqual([200, 'text/plain; charset=utf-8']);
    const read = properties(body);
    expect(Object.fromEntries(read)).toEqual({
      'webtunnel.domain': home,
      'webtunnel.deviceId': '001122334455',
      'webtunnel.host': 'localhost',
      'webtunnel.ports': '80, 22, 5900, 3389',
      'webtunnel.httpPort': '80',
      'webtunnel.sshPort': '22',
      'webtunnel.vncPort': '5900',
      'webtunnel.rdpPort': '3389',
      'webtunnel.reflectorURI': 'https://fleet.example/',
      'webtunnel.username': `001122334455@${home}`,
      'webtunnel.password': expect.stringMatching(/^\S{20,}$/),
    });
  });

  test('and by POST, in a domain, or as JSON, and again for a device that exists', async () => {
    const made = properties(
      (await ask(curl('alice', 'provision', 'id=pump-9&domain=acme&httpPort=80'))).body,
    );
    expect(made.get('webtunnel.username')).toBe('pump-9@acme');
    const again = await ask(curl('alice', 'provision', 'device=pump-9&httpPort=80'));
    const password = properties(again.body).get('webtunnel.password');
    expect(password).toMatch(/^\S{20,}$/);
    expect(password).not.toBe(made.get('webtunnel.password'));
    const json = await ask(
      curl('alice', 'provision?device=pump-9&httpPort=80', undefined, 'application/json'),
    );
    expect(JSON.parse(json.body)).toMatchObject({
      device: { id: 'pump-9', domain: 'acme' },
      services: [{ port: 80, kind: 'http' }],
    });
  });

  test('are refused with a status of their own', async () => {
    expect((await ask(curl('nobody', 'devices?status=all'))).status).toBe(401);
    expect((await ask(curl('carol', 'provision?id=mine'))).status).toBe(403);
    expect((await ask(curl('alice', 'provision?device=none'))).status).toBe(404);
  });
});

test.each([
  'GET /my-devices/health.json HTTP/1.0\r\n\r\n',
  'GET /my-devices/health.json HTTP/1.1\r\n\r\n',
  'OPTIONS /my-devices/health.json HTTP/1.0\r\n\r\n',
  'GET /my-devices/health.json HTTP/1.1\r\nHost: reflector.localhost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n',
])('a load balancer asks: %j', async (request) => {
  const { status, body } = await ask(request);
  expect([status, JSON.parse(body)]).toEqual([200, { status: 'ok' }]);
});

describe('the form of a page for the original', () => {
  const post = (form: string, origin: string) =>
    [
      'POST / HTTP/1.1',
      `Host: localhost:${server.reflector.port}`,
      'Connection: keep-alive',
      `Content-Length: ${form.length}`,
      'Cache-Control: max-age=0',
      'Upgrade-Insecure-Requests: 1',
      `Origin: ${origin}`,
      'Content-Type: application/x-www-form-urlencoded',
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
      'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
      'Sec-Fetch-Site: same-origin',
      'Sec-Fetch-Mode: navigate',
      'Sec-Fetch-User: ?1',
      'Sec-Fetch-Dest: document',
      '',
      form,
    ].join('\r\n');
  const own = () => `http://localhost:${server.reflector.port}`;
  const fields = 'action=login&username=carol&password=a+long+enough+secret';

  test('logs in and leads on', async () => {
    const { status, head } = await ask(post(`${fields}&onsuccess=%2Faccount`, own()));
    expect([status, header(head, 'Location')]).toEqual([303, `${own()}/account`]);
    expect(header(head, 'Set-Cookie')).toMatch(/HttpOnly/i);
    const plain = await ask(post(fields, own()));
    expect([plain.status, header(plain.head, 'Location')]).toEqual([303, `${own()}/`]);
  });

  test('lets nobody in with a wrong password, or from a page elsewhere', async () => {
    for (const [form, origin] of [
      [fields.replace('secret', 'guess'), own()],
      [fields, 'https://elsewhere.example'],
    ] as const) {
      const { status, head } = await ask(post(form, origin));
      expect([status, header(head, 'Set-Cookie')]).toEqual([403, null]);
    }
  });
});
