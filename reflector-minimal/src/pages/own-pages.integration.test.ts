import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { Stage } from '../testing/stage.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open({ trustProxy: ['127.0.0.1'] });
});
afterEach(() => stage.close());

const own = { host: 'localhost' };

test.each(['/', '/log-in', '/account', '/nothing'])(
  '%s runs no script, takes one style, and stands in no frame',
  async (path) => {
    const Cookie = path === '/log-in' ? '' : (await BrowserSession.open(stage)).ownCookie;
    const headers = { Cookie, Authorization: [], Accept: 'text/html' };
    const answer = await ask(stage.port, path, { ...own, headers });
    const style = /<style>(.*?)<\/style>/s.exec(answer.text)?.[1] ?? '';
    const policy = answer.headers['content-security-policy'] ?? '';
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toMatch(
      /^default-src 'none'; .*frame-ancestors 'none'; base-uri 'none'; form-action 'self'/,
    );
    expect(policy).not.toContain('unsafe');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['referrer-policy']).toBe('same-origin');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['strict-transport-security']).toBeUndefined();
    expect(answer.text).not.toMatch(/<script|<[^>]* (?:style|on[a-z]+)=/i);
  },
);

test('over TLS it is to stay so, on this host alone', async () => {
  const headers = { 'X-Forwarded-Proto': 'https' };
  const answer = await ask(stage.port, '/healthz', { ...own, headers });
  expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
});

test('a page of a device gets nothing out of it, and changes nothing', async () => {
  const session = await BrowserSession.open(stage);
  const Origin = `http://dev1.localhost:${stage.port}`;
  const headers = { Cookie: session.ownCookie, Authorization: [], Origin };
  for (const [method, path] of [
    ['GET', '/my-devices/api/devices'],
    ['OPTIONS', '/my-devices/api/devices'],
    ['GET', '/my-devices/open?host=dev1'],
    ['GET', '/'],
    ['POST', '/log-out'],
    ['POST', '/account/end'],
  ] as const) {
    const answer = await ask(stage.port, path, { ...own, method, headers });
    expect([path, answer.status, answer.headers['access-control-allow-origin']]).toEqual([
      path,
      403,
      undefined,
    ]);
  }
  const still = await ask(stage.port, '/my-devices/api/devices', {
    ...own,
    headers: { Cookie: session.ownCookie, Authorization: [] },
  });
  expect(still.status).toBe(200);
});

test('a device is told of by itself, to a user who sees it', async () => {
  const { store } = stage.reflector;
  const seen = await store.users.get('alice');
  await store.users.add('bob', seen?.password ?? '', 0, 'user');
  const properties = [
    { name: 'targetPorts', value: '80, 2222' },
    { name: 'sshPort', value: '2222' },
  ];
  await stage.agent({ properties });
  const get = (id: string, user = 'alice') =>
    ask(stage.port, `/my-devices/api/devices/${id}`, {
      ...own,
      headers: { Authorization: `Basic ${Buffer.from(`${user}:wonderland`).toString('base64')}` },
    });
  const answer = await get('DEV1');
  expect(JSON.parse(answer.text)).toEqual({
    id: 'dev1',
    online: true,
    lastSeen: null,
    ports: [80, 2222],
    name: null,
    version: null,
    sshPort: 2222,
    vncPort: null,
    rdpPort: null,
  });
  for (const [id, user] of [['dev1', 'bob'], ['dev2'], ['%64ev1'], ['__proto__']] as const) {
    const { status, headers } = await get(id, user);
    expect([status, headers['x-ptth-error']]).toEqual([404, `There is no device "${id}"`]);
  }
});

test.each(['reflector', 'www'])(
  '%s.DOMAIN serves programs, and leads a browser to the domain',
  async (label) => {
    const host = `${label}.localhost`;
    expect((await ask(stage.port, '/my-devices/health.json', { host })).text).toBe('{"status":"ok"}\n');
    expect((await ask(stage.port, '/my-devices/api/devices', { host })).status).toBe(200);
    const headers = { Authorization: [], Accept: 'text/html', 'User-Agent': 'Mozilla/5.0' };
    const answer = await ask(stage.port, '/log-in?to=%2F', { host, headers });
    expect([answer.status, answer.headers.location]).toEqual([
      303,
      `http://localhost:${stage.port}/log-in?to=%2F`,
    ]);
    // A path that looks like another host stays a path.
    const odd = await ask(stage.port, '//evil.example/', { host, headers });
    expect(odd.headers.location).toBe(`http://localhost:${stage.port}//evil.example/`);
  },
);

test('an agent may know the reflector by these names', async () => {
  for (const host of ['reflector.localhost', 'www.localhost']) {
    const agent = await stage.agent({ host });
    agent.destroy();
  }
});
