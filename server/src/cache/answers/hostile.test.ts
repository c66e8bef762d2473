import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../limits.ts';
import { type Ask, CacheStage, type DeviceAnswer, deviceOf } from '../../testing/cache-stage.ts';

import type { AnswerCache } from './answer-cache.ts';

/*
 * Devices and users who want the cache to give others what is not for them, to believe what is not so, or to take more than their
 * share. A table says what is sent first; what a second request gets must be from the device.
 */

const image = 'Content-Type: image/png';
const fresh = [image, 'Cache-Control: max-age=600'];
const shared = [image, 'Cache-Control: public, max-age=600'];
const script = {
  target: '/app.js',
  answer: ['Content-Type: text/javascript', 'Cache-Control: public, max-age=600'],
};

interface Row {
  readonly name: string;
  readonly first?: Ask;
  readonly answer?: DeviceAnswer;
  readonly second?: Ask;
}

const notGiven: readonly Row[] = [
  // What one user gets, another does not.
  { name: 'a fresh answer for another user', second: { user: 'bob' } },
  { name: 'a fresh answer of another device', second: { device: deviceOf('valve', '1.0') } },
  {
    name: 'an answer for all, of another device',
    answer: { head: shared },
    second: { device: deviceOf('valve', '1.0') },
  },
  {
    name: 'an answer for all, of the next device with this name',
    answer: { head: shared },
    second: { device: deviceOf('pump', '1.0', 'another') },
  },
  { name: 'an answer of another version of the device', second: { device: deviceOf('pump', '1.1') } },
  { name: 'an answer of a device that no longer tells its version', second: { device: deviceOf('pump') } },
  { name: 'an answer with a cookie', answer: { head: [...shared, 'Set-Cookie: session=1'] } },
  {
    name: 'an answer with a cookie of the old kind',
    answer: { head: [...shared, 'Set-Cookie2: session=1'] },
  },
  {
    name: 'an answer with a cookie and `immutable`',
    answer: { head: [image, 'Cache-Control: public, immutable, max-age=600', 'set-cookie: session=1'] },
  },
  {
    name: 'an answer of a connection that has authenticated',
    answer: { head: shared, connectionAuthenticated: true },
  },
  {
    name: 'an answer that goes on authenticating',
    answer: { head: [...shared, 'WWW-Authenticate: Negotiate abc'] },
  },
  {
    name: 'an answer with credentials, for another user, where it must be asked about',
    first: { head: ['Authorization: Basic eDp5'] },
    answer: { head: [image, 'Cache-Control: must-revalidate, max-age=600'] },
    second: { user: 'bob', head: ['Authorization: Basic eDp5'] },
  },
  {
    name: 'an answer for all, with other credentials',
    first: { head: ['Authorization: Basic eDp5'] },
    answer: { head: shared },
    second: { user: 'bob' },
  },
  {
    name: 'what somebody who shares the account sees after a log-in at the device',
    first: { head: ['Cookie: session=1'] },
    answer: { head: fresh },
    second: { head: ['Cookie: session=2'] },
  },
  {
    name: 'what somebody who shares the account sees with credentials for the device',
    first: { head: ['Authorization: Basic eDp5'] },
    answer: { head: [image, 'Cache-Control: must-revalidate, max-age=600'] },
    second: { head: ['Authorization: Basic eDp6'] },
  },
  {
    name: 'an answer whose Vary has more names than anybody needs',
    answer: { head: [...fresh, `Vary: ${Array.from({ length: 17 }, (_, i) => `x-${i}`).join(', ')}`] },
  },
  { name: 'an answer whose Vary is endless', answer: { head: [...fresh, `Vary: ${'x, '.repeat(400)}`] } },
  // Types that lie.
  { name: 'a page', answer: { head: ['Content-Type: text/html', 'Cache-Control: public, max-age=600'] } },
  {
    name: 'data',
    answer: { head: ['Content-Type: application/json', 'Cache-Control: public, max-age=600'] },
  },
  { name: 'an answer without a type', answer: { head: ['Cache-Control: public, max-age=600'] } },
  { name: 'an answer with two types', answer: { head: [...shared, 'Content-Type: text/html'] } },
  {
    name: 'a type with something in it',
    answer: { head: ['Content-Type: image/png, text/html', 'Cache-Control: max-age=600'] },
  },
  {
    name: 'a page that is asked for as an image',
    first: { head: ['Sec-Fetch-Dest: image'] },
    answer: { head: ['Content-Type: text/html', 'Cache-Control: max-age=600'] },
  },
  {
    name: 'an image that is asked for as a script',
    first: { head: ['Sec-Fetch-Dest: script'] },
    answer: { head: fresh },
  },
  { name: 'an image, to a page that wants a script', second: { head: ['Sec-Fetch-Dest: script'] } },
  { name: 'an image, to a page that is opened', second: { head: ['Sec-Fetch-Dest: document'] } },
  { name: 'what a page fetches by itself', first: { head: ['Sec-Fetch-Dest: empty'] } },
  {
    name: 'a service worker',
    first: { head: ['Sec-Fetch-Dest: serviceworker'] },
    answer: { head: script.answer },
  },
  { name: 'two destinations', first: { head: ['Sec-Fetch-Dest: image', 'Sec-Fetch-Dest: document'] } },
  // Into the place of another.
  { name: 'a request with a body', first: { hasBody: true } },
  { name: 'an answer to a request with a body', second: { hasBody: true } },
  { name: 'an upgrade', first: { head: ['Upgrade: h2c'] } },
  { name: 'a target with another host in it', first: { target: 'http://other.example/logo.png' } },
  { name: 'a target in capitals', first: { target: '/LOGO.png' } },
  { name: 'a target with an escape', first: { target: '/%6cogo.png' } },
  { name: 'a target with a fragment', first: { target: '/logo.png#x' } },
  { name: 'a redirect', answer: { status: 200, head: [...shared, 'Location: https://elsewhere.example/'] } },
  { name: 'a refresh', answer: { head: [...shared, 'Refresh: 0;url=https://elsewhere.example/'] } },
  {
    name: 'an answer that clears the data of the site',
    answer: { head: [...shared, 'Clear-Site-Data: "*"'] },
  },
];

test.each(notGiven)('$name: from the device', ({ first, answer, second }) => {
  const stage = new CacheStage();
  stage.ask(first, { head: fresh, ...answer });
  // A request that the cache would answer, had anything been kept for it.
  const outcome = stage.ask(
    second ?? { head: first?.head?.filter((line) => line.startsWith('Authorization')) ?? [] },
    { body: 'another' },
  );
  expect(outcome).toMatchObject({ by: 'device', body: 'another' });
});

/** What a hostile user can write, and a device may repeat in an answer for all. */
const unkeyed = [
  'Accept: text/evil',
  'Accept-Encoding: evil',
  'Accept-Language: evil',
  'Authorization: Basic ZXZpbA==',
  'Cookie: theme=evil',
  'Forwarded: host=evil',
  'Host: PUMP.example',
  'If-None-Match: "evil"',
  'Origin: https://evil.example',
  'Pragma: evil',
  'Cache-Control: evil',
  'Referer: https://evil.example/',
  'User-Agent: evil',
  'X-Forwarded-Host: evil.example',
  'X-HTTP-Method-Override: POST',
  'X-Original-URL: /evil',
];

describe.each(unkeyed)('a hostile user who sends "%s"', (line) => {
  test('does not choose what others get', () => {
    const stage = new CacheStage();
    stage.ask({ user: 'mallory', head: [line], ...script }, { head: script.answer, body: 'evil' });
    expect(stage.ask({ user: 'bob', ...script }, { body: 'good' })).toMatchObject({
      by: 'device',
      body: 'good',
    });
  });

  test('does not choose what others get who send the same but for that', () => {
    const stage = new CacheStage();
    const head = ['User-Agent: browser', 'Accept: */*'];
    stage.ask({ user: 'mallory', head: [...head, line], ...script }, { head: script.answer, body: 'evil' });
    expect(stage.ask({ user: 'bob', head, ...script }, { body: 'good' })).toMatchObject({
      by: 'device',
      body: 'good',
    });
  });
});

test('what is for all is given to all whose request is the same', () => {
  const stage = new CacheStage();
  const head = ['User-Agent: browser', 'Cookie: theme=dark', 'X-Forwarded-For: 192.0.2.1'];
  stage.ask({ head }, { head: shared });
  const other = [
    'user-agent: browser',
    'cookie: theme=dark',
    'X-Forwarded-For: 192.0.2.2',
    'Cache-Control: no-cache',
  ];
  expect(stage.ask({ user: 'bob', head: other })).toMatchObject({ by: 'kept', body: 'picture' });
  expect(stage.ask({ user: 'bob', head: ['user-agent: another', 'cookie: theme=dark'] }).by).toBe('device');
});

test('an answer for all stays so only while the device says that it may be', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: [image, 'Cache-Control: public, no-cache', 'ETag: "1"'] });
  expect(stage.ask({ user: 'bob' }, { status: 304, head: ['Cache-Control: max-age=600'] }).by).toBe(
    'checked',
  );
  expect(stage.ask({ user: 'carol' }).by).toBe('device');
});

test('what was kept of a device goes when it says another version', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: fresh });
  stage.ask({ target: '/other.png' }, { head: fresh });
  expect([stage.cache.kept, stage.ask({ device: deviceOf('pump', '1.1') }).by]).toEqual([2, 'device']);
  expect([stage.cache.kept, stage.cache.used]).toEqual([0, 0]);
});

test.each<[string, (version: { version: string }, cache: AnswerCache) => void]>([
  ['the device changed its version', (properties) => Object.assign(properties, { version: '1.1' })],
  ['somebody emptied the cache of the device', (_properties, cache) => cache.clearDevice('pump')],
])('an answer that was under way when %s is not kept', (_what, change) => {
  const stage = new CacheStage();
  const properties = Object.assign(Object.create(null), { version: '1.0' });
  const device = { id: 'pump', uid: 'uid of pump', properties };
  const use = stage.cache.use({
    ...{ device, port: 80, user: 'alice', origin: 'https://pump.example', method: 'GET', hasBody: false },
    ...{ target: '/logo.png', headers: [], deviceHeaders: [] },
  });
  const headers = ['Content-Type', 'image/png', 'Cache-Control', 'max-age=600'];
  use?.answered({
    status: 200,
    reason: '',
    headers,
    framing: 'chunked',
    length: 0,
    connectionAuthenticated: false,
  });
  use?.body(Buffer.from('old'));
  change(properties, stage.cache);
  use?.whole();
  use?.closed();
  expect([stage.ask({ device }).by, stage.cache.used]).toEqual(['device', 0]);
});

describe('what is too much', () => {
  const bytes = 1 << 20;

  test('cacheShare: one answer takes at most an eighth', () => {
    const stage = new CacheStage(bytes);
    const most = bytes / defaultLimits.cacheShare;
    for (const framing of ['length', 'chunked'] as const) {
      stage.ask({ target: `/${framing}` }, { head: fresh, framing, body: Buffer.alloc(most - 20_000) });
      expect(stage.ask({ target: `/${framing}` }, { head: fresh }).by).toBe('kept');
      stage.ask({ target: `/${framing}+` }, { head: fresh, framing, body: Buffer.alloc(most + 1) });
      expect(stage.ask({ target: `/${framing}+` }, { head: ['Content-Type: image/png'] }).by).toBe('device');
    }
    expect(stage.cache.kept).toBe(2);
  });

  test('cacheReadingShare: a user who reads nothing keeps a part only from going', () => {
    const stage = new CacheStage(bytes);
    const body = Buffer.alloc(bytes / defaultLimits.cacheShare - 20_000);
    const targets = Array.from({ length: 7 }, (_, i) => `/${i}`);
    for (const target of targets) stage.ask({ target, user: 'mallory' }, { head: shared, body });
    const url = { device: deviceOf('pump', '1.0'), port: 80, origin: 'https://pump.example', method: 'GET' };
    const stalled = targets.map((target) =>
      stage.cache.use({ ...url, user: 'mallory', hasBody: false, target, headers: [], deviceHeaders: [] }),
    );
    const read = stalled.filter((use) => use?.stored);
    expect(read.length * body.length).toBeLessThanOrEqual(bytes / defaultLimits.cacheReadingShare);
    expect(read).not.toEqual([]);
    expect(stalled.filter((use) => use === null)).toHaveLength(targets.length - read.length);
    // Others read what is kept, and have room for theirs.
    expect(stage.ask({ target: '/6', user: 'bob' }).by).toBe('kept');
    const room = (n: number) => stage.ask({ target: `/bob/${n}`, user: 'bob' }, { head: fresh, body }).by;
    for (let n = 0; n < 4; n++) room(n);
    for (let n = 0; n < 4; n++) expect(room(n)).toBe('kept');
    for (const use of read) use?.closed();
    expect(stage.ask({ target: '/0', user: 'mallory' }).by).toBe('kept');
  });

  test('an answer that promises more than it sends takes only what it sends, and nothing once it is cut', () => {
    const stage = new CacheStage(bytes);
    const use = stage.cache.use(request());
    use?.answered({
      status: 200,
      reason: '',
      headers: [...lines],
      framing: 'length',
      length: bytes / 8,
      connectionAuthenticated: false,
    });
    use?.body(Buffer.from('x'));
    expect(stage.cache.used).toBeLessThan(2 * defaultLimits.cacheBlockBytes);
    use?.closed();
    expect([stage.cache.used, stage.cache.kept]).toEqual([0, 0]);
  });

  test('cacheBlockBytes: pieces of one byte cost no more than their bytes', () => {
    const stage = new CacheStage(bytes);
    const use = stage.cache.use(request());
    use?.answered({
      status: 200,
      reason: '',
      headers: [...lines],
      framing: 'chunked',
      length: 0,
      connectionAuthenticated: false,
    });
    for (let i = 0; i < 20_000; i++) use?.body(Buffer.from('x'));
    use?.whole();
    use?.closed();
    expect(stage.cache.used - 20_000).toBeLessThan(2_000);
    expect(stage.ask().body).toBe('x'.repeat(20_000));
  });

  test('cacheOverheadBytes: empty answers fill the cache too, and their heads', () => {
    const stage = new CacheStage(bytes);
    for (let i = 0; i < 5_000; i++) stage.ask({ target: `/${i}` }, { head: fresh, body: '' });
    expect(stage.cache.kept).toBeLessThanOrEqual(bytes / defaultLimits.cacheOverheadBytes);
    const long = [...fresh, `X-Long: ${'x'.repeat(60_000)}`];
    for (let i = 0; i < 100; i++) stage.ask({ target: `/long/${i}` }, { head: long, body: '' });
    expect(stage.cache.used).toBeLessThanOrEqual(bytes);
    expect(stage.cache.kept).toBeLessThan(20);
  });

  test('cacheFreshMs, cacheHeuristicMs: no answer is believed for longer, whatever it says', () => {
    const stage = new CacheStage(bytes);
    const { cacheFreshMs, cacheHeuristicMs } = defaultLimits;
    stage.ask({}, { head: [image, 'Cache-Control: max-age=99999999999999999999, immutable'] });
    stage.clock.advance(cacheFreshMs - 1_000);
    expect(stage.ask().by).toBe('kept');
    stage.clock.advance(1_000);
    expect(
      stage.ask(
        {},
        {
          head: [
            image,
            'Date: Fri, 01 Jan 2100 00:00:00 GMT',
            'Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT',
          ],
        },
      ).by,
    ).toBe('device');
    stage.clock.advance(cacheHeuristicMs - 1_000);
    expect(stage.ask().by).toBe('kept');
    stage.clock.advance(1_000);
    expect(stage.ask({}, { status: 304, head: [] }).by).toBe('checked');
  });
});

const lines = ['Content-Type', 'image/png', 'Cache-Control', 'max-age=600'] as const;

function request() {
  const device = deviceOf('pump', '1.0');
  return {
    ...{ device, port: 80, user: 'alice', origin: 'https://pump.example', method: 'GET', hasBody: false },
    ...{ target: '/logo.png', headers: [], deviceHeaders: [] },
  };
}

test('nothing is kept where there is no cache', () => {
  const stage = new CacheStage(0);
  expect(stage.ask({}, { head: fresh }).head.has('cache-status')).toBe(false);
  expect(stage.ask().by).toBe('device');
});

test('another size empties the cache', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: fresh });
  stage.cache.resize(1 << 21);
  expect([stage.cache.used, stage.cache.kept, stage.ask({}, { head: fresh }).by, stage.ask().by]).toEqual([
    0,
    0,
    'device',
    'kept',
  ]);
});

test('emptied for one device, it keeps what others have', () => {
  const stage = new CacheStage();
  const valve = deviceOf('valve', '1.0');
  stage.ask({}, { head: fresh });
  stage.ask({ device: valve }, { head: fresh });
  expect([
    stage.cache.clearDevice('pump'),
    stage.cache.clearDevice('pump'),
    stage.cache.clearDevice('none'),
  ]).toEqual([1, 0, 0]);
  expect([stage.ask().by, stage.ask({ device: valve }).by, stage.cache.clear(), stage.cache.used]).toEqual([
    'device',
    'kept',
    1,
    0,
  ]);
});
