import { totpCode } from 'rm-reflector/accounts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiAnswer } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';

const password = 'a long enough secret';
let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server.close());

const field = ({ body }: ApiAnswer) => (body as { errors?: { field: string }[] }).errors?.[0]?.field;
const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** As an authenticator app does (RFC 4648 section 6). */
function bytesOf(base32: string): Buffer {
  const bits = [...base32].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  );
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

const codeNow = (secret: string, steps = 0) =>
  totpCode(bytesOf(secret), Math.floor(Date.now() / 30_000) + steps);

test('the password is changed by who knows it, and everything else is logged out', async () => {
  const bob = await server.signedIn('bob');
  const change = (body: object) => bob.post('/account/password', body);
  expect(field(await change({ password, newPassword: 'short' }))).toBe('/newPassword');
  expect(field(await change({ password: 'wrong', newPassword: 'three blue horses' }))).toBe('/password');
  expect((await bob.get('/account')).status).toBe(200);
  expect((await change({ password, newPassword: 'three blue horses' })).status).toBe(204);
  expect((await bob.get('/account')).status).toBe(401);
  expect((await server.as('bob', 'three blue horses').get('/account')).status).toBe(200);
});

test('whoever changes the password in a browser stays logged in there, and nowhere else', async () => {
  const cookie = await server.cookieOf('bob');
  const elsewhere = server.client({ cookie: await server.cookieOf('bob') });
  const host = `http://localhost:${server.reflector.port}`;
  const browser = { cookie, origin: host, 'sec-fetch-site': 'same-origin' };
  const bob = server.client(browser);
  const changed = await bob.post('/account/password', { password, newPassword: 'three blue horses' });
  expect(changed.status).toBe(204);
  expect((await bob.get('/account')).status).toBe(401);
  expect((await elsewhere.get('/account')).status).toBe(401);
  const lines = changed.headers['set-cookie'] as string[];
  const again = lines.map((line) => line.split(';', 1)[0]).join('; ');
  const { body } = await server.client({ ...browser, cookie: again }).get('/account');
  expect(body).toMatchObject({ user: { name: 'bob' } });
});

test('what a user has chosen for pages is kept for this user, and nothing else is', async () => {
  const alice = await server.signedIn('alice');
  const bob = await server.signedIn('bob');
  expect((await bob.get('/account/preferences')).body).toEqual({});
  const chosen = {
    language: 'de',
    theme: 'dark',
    screenReader: true,
    columns: ['state', 'property:site'],
    views: [{ name: 'Off line', query: '?status=offline' }],
  };
  expect((await bob.put('/account/preferences', chosen)).body).toEqual(chosen);
  expect((await bob.put('/account/preferences', { theme: 'pink' })).status).toBe(400);
  expect((await bob.put('/account/preferences', { other: 1 })).status).toBe(400);
  const view = { name: 'n', query: '' };
  expect((await bob.put('/account/preferences', { views: Array(31).fill(view) })).status).toBe(400);
  expect((await bob.get('/account/preferences')).body).toEqual(chosen);
  expect((await alice.get('/account/preferences')).body).toEqual({});
  expect((await bob.put('/account/preferences', {})).body).toEqual({});
  expect((await bob.get('/server')).body).toMatchObject({
    domain: 'localhost',
    cookieHost: null,
    mail: false,
  });
});

test('choices made in two browsers at once do not undo each other', async () => {
  const [one, other] = [await server.signedIn('bob'), await server.signedIn('bob')];
  const read = await one.get('/account/preferences');
  const version = { 'if-match': String(read.headers.etag) };
  const columns = await other.put('/account/preferences', { columns: ['state'] }, version);
  expect(columns.status).toBe(200);
  expect((await one.put('/account/preferences', { theme: 'dark' }, version)).status).toBe(412);
  const again = { 'if-match': String(columns.headers.etag) };
  const both = { columns: ['state'], theme: 'dark' };
  expect((await one.put('/account/preferences', both, again)).body).toEqual(both);
});

test('wrong passwords are throttled, as at the log-in page', async () => {
  const bob = await server.signedIn('bob');
  let answer: ApiAnswer | null = null;
  for (let n = 0; n < 30 && answer?.status !== 429; n++) {
    answer = await bob.post('/account/password', {
      password: `wrong ${n}`,
      newPassword: 'three blue horses',
    });
  }
  expect([answer?.status, Number(answer?.headers['retry-after']) > 0]).toEqual([429, true]);
});

describe('one-time passwords', () => {
  test('are set up by the user alone, with recovery codes, and asked for from then on', async () => {
    const bob = await server.signedIn('bob');
    const begin = (body: object) => bob.post('/account/one-time-passwords', body);
    expect(field(await begin({ password: 'wrong' }))).toBe('/password');
    const { secret, uri, ticket } = (await begin({ password })).body as Record<string, string>;
    expect(uri).toContain(`secret=${secret}`);
    const confirm = (body: object) => bob.put('/account/one-time-passwords', { ticket, ...body });
    expect(field(await confirm({ code: '000000x' }))).toBe('/code');
    expect(field(await confirm({ ticket: 'forged', code: codeNow(secret ?? '') }))).toBe('/ticket');
    const alice = await server.signedIn('alice');
    // A ticket is of one user.
    expect(
      field(await alice.put('/account/one-time-passwords', { ticket, code: codeNow(secret ?? '') })),
    ).toBe('/ticket');
    const confirmed = await confirm({ code: codeNow(secret ?? '') });
    const { recoveryCodes } = confirmed.body as { recoveryCodes: string[] };
    expect(recoveryCodes).toHaveLength(10);
    // What was open before has not proven the second factor.
    expect((await bob.get('/account')).status).toBe(401);
    expect((await server.as('bob').get('/account')).status).toBe(401);
    const body = new URLSearchParams({ username: 'bob', password, totp: recoveryCodes[0] ?? '' });
    const token = (await server.client().call('POST', '/token', String(body), form)).body as {
      token: string;
    };
    const again = server.withToken(token.token);
    expect((await again.get('/account')).body).toMatchObject({ user: { oneTimePasswords: true } });
    // Another phone needs a code of the old one, too: a stolen token locks nobody out.
    expect(field(await again.post('/account/one-time-passwords', { password }))).toBe('/code');
    expect(field(await again.post('/account/one-time-passwords', { password, code: '000000' }))).toBe(
      '/password',
    );
    const withCode = { password, code: codeNow(secret ?? '', 1) };
    expect((await again.post('/account/one-time-passwords', withCode)).status).toBe(200);
    // Each is good once.
    expect(field(await again.post('/account/one-time-passwords', withCode))).toBe('/password');
    expect((await alice.delete('/users/bob/one-time-passwords')).status).toBe(204);
    expect((await server.as('bob').get('/account')).status).toBe(200);
  });
});

test('whoever switches one-time passwords on in a browser stays logged in there, and nowhere else', async () => {
  const cookie = await server.cookieOf('bob');
  const elsewhere = server.client({ cookie: await server.cookieOf('bob') });
  const host = `http://localhost:${server.reflector.port}`;
  const browser = { cookie, origin: host, 'sec-fetch-site': 'same-origin' };
  const bob = server.client(browser);
  const begun = await bob.post('/account/one-time-passwords', { password });
  const { secret, ticket } = begun.body as Record<string, string>;
  const code = codeNow(secret ?? '');
  const confirmed = await bob.put('/account/one-time-passwords', { ticket, code });
  expect(confirmed.status).toBe(200);
  expect((await bob.get('/account')).status).toBe(401);
  expect((await elsewhere.get('/account')).status).toBe(401);
  const lines = confirmed.headers['set-cookie'] as string[];
  const again = lines.map((line) => line.split(';', 1)[0]).join('; ');
  const { body } = await server.client({ ...browser, cookie: again }).get('/account');
  expect(body).toMatchObject({ user: { name: 'bob', oneTimePasswords: true } });
});

test('sessions are listed and ended by their user', async () => {
  const [one, other] = [await server.signedIn('bob'), await server.signedIn('bob')];
  const { items } = (await one.get('/account/sessions')).body as {
    items: { id: string; current: boolean; kind: string }[];
  };
  expect(items.map(({ kind, current }) => [kind, current]).sort()).toEqual([
    ['token', false],
    ['token', true],
  ]);
  const theirs = items.find(({ current }) => !current)?.id ?? '';
  const alice = await server.signedIn('alice');
  expect((await alice.delete(`/account/sessions/${theirs}`)).status).toBe(404);
  expect((await one.delete(`/account/sessions/${theirs}`)).status).toBe(204);
  expect((await other.get('/account')).status).toBe(401);
  expect((await one.get('/account')).status).toBe(200);
  expect((await alice.delete('/users/bob/sessions')).status).toBe(204);
  expect((await one.get('/account')).status).toBe(401);
});
