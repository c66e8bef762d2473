import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

const example = fileURLToPath(new URL('../../../examples/branding', import.meta.url));

let folder: string;
let server: TestServer;
let logged: string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-branding-'));
  cpSync(example, folder, { recursive: true });
  logged = [];
  server = await TestServer.start({ own: { branding: folder }, logged });
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`http://localhost:${server.reflector.port}${path}`, { redirect: 'manual', headers });
const logInPage = async (headers: Readonly<Record<string, string>> = {}) =>
  (await get('/log-in', headers)).text();
const change = (json: object) => writeFileSync(join(folder, 'branding.json'), JSON.stringify(json));

describe('read again', () => {
  test('what is right counts at once, and pages that were sent before find their files', async () => {
    const before = await logInPage();
    const logo = /src="(\/branding\/[\w-]+\.svg)"/.exec(before)?.[1] ?? '';
    expect((await get(logo)).status).toBe(200);
    change({ name: 'Something new' });
    rmSync(join(folder, 'domains'), { recursive: true });
    server.reload();
    const after = await logInPage();
    expect([before.includes('Tidewater Remote'), after.includes('Something new')]).toEqual([true, true]);
    expect((await get(logo)).status).toBe(200);
    expect(logged.filter((line) => line.includes('branding read again'))).toHaveLength(1);
  });

  test('what is wrong leaves the former one, and is one line of the log', async () => {
    change({ name: 'New', colors: { light: { text: '#bbbbbb' } } });
    server.reload();
    expect(await logInPage()).toContain('Tidewater Remote');
    const lines = logged.filter((line) => line.includes('"level":50'));
    expect(lines).toHaveLength(1);
    expect((JSON.parse(lines[0] ?? '{}') as { msg: string }).msg).toMatch(
      /^branding unusable; the former one stays: .*branding\.json: colors\.light\.text: text \(#bbbbbb\) on page/,
    );
  });
});

test('a fault at the start ends it', async () => {
  change({ nam: 'x' });
  await expect(TestServer.start({ own: { branding: folder } })).rejects.toThrow(
    `${folder}/branding.json: nam: is unknown`,
  );
  await expect(TestServer.start({ own: { branding: join(folder, 'none') } })).rejects.toThrow(
    `${folder}/none: no such file or directory`,
  );
});

test('an image runs nothing, even opened by itself', async () => {
  const logo = /src="(\/branding\/[\w-]+\.svg)"/.exec(await logInPage())?.[1] ?? '';
  const { headers } = await get(logo);
  expect(headers.get('content-type')).toBe('image/svg+xml');
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; /);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  for (const path of [
    '/branding/x.svg',
    '/branding/branding.json',
    '/branding/..%2fbranding.json',
    '/branding/logo.svg',
  ]) {
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  }
});

test('the policy of a page allows its style and its images, and nothing unsafe', async () => {
  for (const path of ['/log-in', '/pages/imprint', '/pages/none']) {
    const { headers } = await get(path, { accept: 'text/html' });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'; img-src 'self'; style-src 'sha256-[^']+' 'sha256-[^']+'; /);
    expect(policy).not.toContain('unsafe');
  }
});

describe('the language is that of the reader', () => {
  test.each([
    ['de-AT,de;q=0.9,en;q=0.5', 'de', 'Anmelden bei Ihren Pumpen'],
    ['fr', 'fr', 'Connexion à vos pompes'],
    ['it, fr;q=0.2, de;q=0.1', 'fr', 'Mot de passe'],
    ['it', 'en', 'Log in to your pumps'],
    ['de;q=0, en', 'en', 'Log in to your pumps'],
    [';;q=,,=x', 'en', 'Log in to your pumps'],
  ])('%s', async (accepted, language, words) => {
    const page = await logInPage({ 'accept-language': accepted });
    expect(page).toContain(`<html lang="${language}">`);
    expect(page).toContain(words);
  });
});

describe('the brand of a domain', () => {
  test('is that of whoever came by its link, and of no other domain', async () => {
    const answer = await get('/for/harbour');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toBe('rm-brand=harbour; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax');
    expect(await logInPage({ cookie: 'rm-brand=harbour' })).toContain('Lindholm Harbour');
    // Only a trusted proxy decides by which of the two cookies.
    const forged = { cookie: 'rm-brand=harbour', 'x-forwarded-proto': 'https' };
    expect(await logInPage(forged)).toContain('Lindholm Harbour');
    expect((await get('/for/none')).headers.get('set-cookie')).toContain('rm-brand=; Path=/; Max-Age=0');
    for (const name of ['none', '../..', '__proto__', 'constructor']) {
      expect(await logInPage({ cookie: `rm-brand=${name}` })).toContain('Tidewater Remote');
    }
  });

  test.each([
    ['same-site', 'no-cors', 'image', false],
    ['same-site', 'navigate', 'document', false],
    ['cross-site', 'no-cors', 'image', false],
    ['cross-site', 'navigate', 'iframe', false],
    ['cross-site', 'navigate', 'document', true],
    ['same-origin', 'navigate', 'document', true],
    ['none', 'navigate', 'document', true],
  ])('comes by a link that a person opens: %s, %s, %s', async (site, mode, dest, comes) => {
    // Not by fetch(), which says itself what it is for.
    const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest };
    const asked = request(`http://localhost:${server.reflector.port}/for/harbour`, { headers }).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(303);
    expect(answer.headers['set-cookie'] !== undefined).toBe(comes);
  });

  test('is shown to those who see this domain only, and about devices to those who see them', async () => {
    await addDevice(server, 'crane-1', 'harbour');
    await addDevice(server, 'pump-1', 'acme');
    await server.addUser('harry', 'harbour');
    await server.addUser('both', 'harbour', 'acme');
    const nameFor = async (user: string) =>
      ((await server.as(user).get('/branding')).body as { readonly name: string }).name;
    expect(await Promise.all(['alice', 'bob', 'harry', 'both'].map(nameFor))).toEqual([
      'Tidewater Remote',
      'Tidewater Remote',
      'Lindholm Harbour',
      'Tidewater Remote',
    ]);
    const page = async (device: string, user: string) => {
      const { port } = server.reflector;
      const authorization = `Basic ${Buffer.from(`${user}:a long enough secret`).toString('base64')}`;
      const headers = { host: `${device}.localhost:${port}`, accept: 'text/html', authorization };
      const call = request({ host: '127.0.0.1', port, headers }).end();
      const [answer] = (await once(call, 'response')) as [IncomingMessage];
      const text = Buffer.concat(await answer.toArray()).toString('utf8');
      return [
        answer.statusCode,
        /<title>.* – (.*)<\/title>/.exec(text)?.[1],
        /src="([^"]*)branding/.exec(text)?.[1],
      ];
    };
    const own = `//localhost:${server.reflector.port}/`;
    expect(await page('crane-1', 'alice')).toEqual([503, 'Lindholm Harbour', own]);
    expect(await page('pump-1', 'alice')).toEqual([503, 'Tidewater Remote', own]);
    // Whether there is such a device, the look does not tell.
    expect(await page('crane-1', 'bob')).toEqual([404, 'Tidewater Remote', own]);
    expect(await page('crane-2', 'bob')).toEqual([404, 'Tidewater Remote', own]);
  });
});

describe('passwords', () => {
  test('follow the rules when they are set, and present ones stay good', async () => {
    change({ name: 'A', passwords: { minLength: 30, refuse: ['pumps'] } });
    server.reload();
    const bob = server.as('bob');
    expect((await bob.get('/account')).status).toBe(200);
    const set = async (newPassword: string) =>
      bob.post('/account/password', { password: 'a long enough secret', newPassword });
    const short = await set('quite long but not enough');
    expect([short.status, short.text]).toEqual([
      422,
      expect.stringContaining('must have at least 30 characters'),
    ]);
    const wanted = { password: 'a long enough secret', newPassword: 'quite long but not enough' };
    const german = await bob.call('POST', '/account/password', wanted, {
      'accept-language': 'de-AT, en;q=0.5',
    });
    expect(german.text).toContain('muss mindestens 30 Zeichen haben');
    expect((await set('all of these pumps go round and round')).text).toContain(
      'must not have “pumps” in it',
    );
    expect((await set('all of these wheels go round and round')).status).toBe(204);
    const made = await server.as('alice').post('/users', { name: 'carol', password: 'a long enough secret' });
    expect([made.status, made.text]).toEqual([422, expect.stringContaining('at least 30 characters')]);
  });

  test('are those of the domain of the user', async () => {
    writeFileSync(
      join(folder, 'domains', 'harbour', 'branding.json'),
      JSON.stringify({ passwords: { minLength: 40 } }),
    );
    server.reload();
    await server.addUser('harry', 'harbour');
    const set = (name: string) =>
      server
        .as('alice')
        .patch(`/users/${name}`, { password: 'all of these wheels go round' }, { 'if-match': '*' });
    expect([(await set('harry')).status, (await set('bob')).status]).toEqual([422, 200]);
  });
});
