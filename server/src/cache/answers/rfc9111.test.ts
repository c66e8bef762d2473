import { expect, test } from 'vitest';
import { type Ask, CacheStage, type DeviceAnswer, type Head } from '../../testing/cache-stage.ts';

/*
 * RFC 9111, by its sections: a first request, some seconds, and a second request of the same user. Does the cache answer it (`kept`),
 * ask the device whether its answer still holds (`checked`), or leave it to the device (`device`)?
 */

const image = 'Content-Type: image/png';
const control = (value: string): Head => [image, `Cache-Control: ${value}`];
const day = 86_400;
const date = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + 1000 * seconds).toUTCString();

interface Row {
  readonly name: string;
  readonly first?: Ask;
  readonly answer: DeviceAnswer;
  readonly after?: number;
  readonly second?: Ask;
  readonly expected: 'kept' | 'checked' | 'device';
}

const rows: readonly Row[] = [
  // 3: storing
  { name: '3: a fresh answer', answer: { head: control('max-age=60') }, expected: 'kept' },
  {
    name: '3: one of another method',
    first: { method: 'HEAD' },
    answer: { head: control('max-age=60') },
    expected: 'device',
  },
  {
    name: '3: POST is never answered',
    answer: { head: control('max-age=60') },
    second: { method: 'POST' },
    expected: 'device',
  },
  ...[203, 206, 300, 301, 302, 404, 410, 500].map(
    (status): Row => ({
      name: `3: status ${status}, of which we keep none`,
      answer: { status, head: control('public, max-age=60') },
      expected: 'device',
    }),
  ),
  { name: '3: no-store', answer: { head: control('max-age=60, no-store') }, expected: 'device' },
  { name: '3: private', answer: { head: control('private, max-age=60') }, expected: 'device' },
  {
    name: '3: private of a field, which we take for all of it',
    answer: { head: control('max-age=60, private="x-user, y"') },
    expected: 'device',
  },
  {
    name: '3: no validator and no time: it would be of no use',
    answer: { head: [image] },
    expected: 'device',
  },
  // 3.1: what is stored
  {
    name: '3.1: a field of the connection does not matter',
    answer: { head: [...control('max-age=60'), 'Connection: x-a', 'X-A: 1'] },
    expected: 'kept',
  },
  // 3.3: incomplete
  {
    name: '3.3: an answer that was cut',
    answer: { head: control('max-age=60'), cutAfter: 3 },
    expected: 'device',
  },
  {
    name: '3.3: one that is shorter than it said',
    answer: { head: control('max-age=60'), length: 8 },
    expected: 'device',
  },
  {
    name: '3.3: one that is longer than it said',
    answer: { head: control('max-age=60'), length: 6 },
    expected: 'device',
  },
  {
    name: '3.3: one that ends with the connection may have been cut',
    answer: { head: control('max-age=60'), framing: 'close' },
    expected: 'device',
  },
  {
    name: '3.3: chunks say where the end is',
    answer: { head: control('max-age=60'), framing: 'chunked' },
    expected: 'kept',
  },
  {
    name: '3.4: a part',
    first: { head: ['Range: bytes=0-2'] },
    answer: { status: 206, head: [...control('max-age=60'), 'Content-Range: bytes 0-2/7'] },
    expected: 'device',
  },
  {
    name: '3.4: a part that calls itself whole',
    answer: { head: [...control('max-age=60'), 'Content-Range: bytes 0-6/70'] },
    expected: 'device',
  },
  {
    name: '3.4: a part is not taken from the whole',
    answer: { head: control('max-age=60') },
    second: { head: ['Range: bytes=0-2'] },
    expected: 'device',
  },
  // 3.5: Authorization
  {
    name: '3.5: with Authorization',
    first: { head: ['Authorization: Basic eDp5'] },
    answer: { head: control('max-age=60') },
    second: { head: ['Authorization: Basic eDp5'] },
    expected: 'device',
  },
  ...['public', 'must-revalidate', 's-maxage=60'].map(
    (directive): Row => ({
      name: `3.5: with Authorization, where ${directive} allows it`,
      first: { head: ['Authorization: Basic eDp5'] },
      answer: { head: control(`max-age=60, ${directive}`) },
      second: { head: ['Authorization: Basic eDp5'] },
      expected: 'kept',
    }),
  ),
  // 4: constructing responses
  {
    name: '4: of another target',
    answer: { head: control('max-age=60') },
    second: { target: '/logo.png?' },
    expected: 'device',
  },
  {
    name: '4: of another port',
    answer: { head: control('max-age=60') },
    second: { port: 81 },
    expected: 'device',
  },
  {
    name: '4: of another host name',
    answer: { head: control('max-age=60') },
    second: { origin: 'https://PUMP.example' },
    expected: 'device',
  },
  // 4.1: Vary
  {
    name: '4.1: Vary with the same field',
    first: { head: ['Accept-Language: de'] },
    answer: { head: [...control('max-age=60'), 'Vary: accept-language'] },
    second: { head: ['Accept-Language: de'] },
    expected: 'kept',
  },
  {
    name: '4.1: Vary with another field',
    first: { head: ['Accept-Language: de'] },
    answer: { head: [...control('max-age=60'), 'Vary: Accept-Encoding', 'Vary: accept-language'] },
    second: { head: ['Accept-Language: en'] },
    expected: 'device',
  },
  {
    name: '4.1: Vary with a field that is missing',
    first: { head: ['Cookie: a=1'] },
    answer: { head: [...control('max-age=60'), 'Vary: Cookie'] },
    expected: 'device',
  },
  {
    name: '4.1: Vary: *',
    answer: { head: [...control('max-age=60'), 'Vary: accept, *'] },
    expected: 'device',
  },
  {
    name: '4.1: an encoding counts as Vary where the device forgets it',
    first: { head: ['Accept-Encoding: gzip'] },
    answer: { head: [...control('max-age=60'), 'Content-Encoding: gzip'] },
    expected: 'device',
  },
  // 4.2: freshness
  { name: '4.2: at its last second', answer: { head: control('max-age=60') }, after: 59, expected: 'kept' },
  { name: '4.2: after it', answer: { head: control('max-age=60') }, after: 60, expected: 'device' },
  {
    name: '4.2.1: s-maxage before max-age',
    answer: { head: control('max-age=60, s-maxage=10') },
    after: 11,
    expected: 'device',
  },
  {
    name: '4.2.1: max-age before Expires',
    answer: { head: [...control('max-age=10'), `Date: ${date(0)}`, `Expires: ${date(day)}`] },
    after: 11,
    expected: 'device',
  },
  {
    name: '4.2.1: Expires counts from Date, whatever our clock says',
    answer: { head: [image, `Date: ${date(-20 * 365 * day)}`, `Expires: ${date(60 - 20 * 365 * day)}`] },
    after: 59,
    expected: 'kept',
  },
  {
    name: '4.2.1: Expires of the past',
    answer: { head: [image, `Date: ${date(0)}`, 'Expires: 0'] },
    expected: 'device',
  },
  {
    name: '4.2.1: two values',
    answer: { head: control('max-age=60, max-age=600') },
    expected: 'device',
  },
  { name: '4.2.1: not a number', answer: { head: control('max-age=-1') }, expected: 'device' },
  { name: '4.2.1: a quoted number', answer: { head: control('max-age="60"') }, expected: 'kept' },
  {
    name: '4.2.2: a tenth of the time since the last change',
    answer: { head: [image, `Date: ${date(1000)}`, `Last-Modified: ${date(0)}`] },
    after: 99,
    expected: 'kept',
  },
  {
    name: '4.2.2: and no more',
    answer: { head: [image, `Date: ${date(1000)}`, `Last-Modified: ${date(0)}`] },
    after: 101,
    expected: 'checked',
  },
  {
    name: '4.2.2: a clock in 1970 gives no time',
    answer: { head: [image, `Date: ${date(-20_000 * day)}`, `Last-Modified: ${date(0)}`] },
    expected: 'checked',
  },
  {
    name: '4.2.3: Age counts',
    answer: { head: [...control('max-age=60'), 'Age: 50'] },
    after: 11,
    expected: 'device',
  },
  {
    name: '4.2.3: an Age that is none does not',
    answer: { head: [...control('max-age=60'), 'Age: -1000'] },
    after: 61,
    expected: 'device',
  },
  // 4.2.4: stale
  {
    name: '4.2.4: never stale, whatever the user would take',
    answer: { head: [...control('max-age=60'), 'ETag: "1"'] },
    after: 61,
    second: { head: ['Cache-Control: max-stale'] },
    expected: 'checked',
  },
  {
    name: '4.2.4: never stale, whatever the device offers (RFC 5861)',
    answer: { head: [...control('max-age=60, stale-while-revalidate=600, stale-if-error=600'), 'ETag: "1"'] },
    after: 61,
    expected: 'checked',
  },
  // 4.3: validation
  {
    name: '4.3: no-cache is asked about each time',
    answer: { head: [...control('no-cache, max-age=60'), 'ETag: "1"'] },
    expected: 'checked',
  },
  {
    name: '4.3: no-cache without a validator is not kept',
    answer: { head: control('no-cache, max-age=60') },
    expected: 'device',
  },
  {
    name: '5.2.2.2: must-revalidate is kept while it is fresh',
    answer: { head: control('must-revalidate, max-age=60') },
    expected: 'kept',
  },
  {
    name: '4.3: the conditions of the user go to the device',
    answer: { head: [...control('max-age=60'), 'ETag: "1"'] },
    after: 61,
    second: { head: ['If-None-Match: "2"'] },
    expected: 'device',
  },
  // 5.2: directives
  { name: '5.2: words in capitals', answer: { head: control('MAX-AGE=60, No-Store') }, expected: 'device' },
  { name: '5.2: what cannot be read', answer: { head: control('max-age=60; public') }, expected: 'device' },
  {
    name: '5.2: in several lines',
    answer: { head: [...control('max-age=60'), 'Cache-Control: no-store'] },
    expected: 'device',
  },
  {
    name: '5.2.1: no-cache of a request',
    answer: { head: control('max-age=60') },
    second: { head: ['Cache-Control: no-cache', 'Pragma: no-cache'] },
    expected: 'kept',
  },
  {
    name: '5.2.1: no-store of a request',
    first: { head: ['Cache-Control: no-store'] },
    answer: { head: control('max-age=60') },
    expected: 'kept',
  },
  {
    name: '5.4: Pragma where there is no Cache-Control',
    answer: { head: [image, 'Pragma: no-cache', `Expires: ${date(day)}`, `Date: ${date(0)}`] },
    expected: 'device',
  },
];

test.each(rows)('RFC 9111 section $name: $expected', ({ first, answer, after = 0, second, expected }) => {
  const stage = new CacheStage();
  stage.ask(first, answer);
  stage.clock.advance(1000 * after);
  const still = { status: 304, head: [] };
  const outcome = stage.ask(second, expected === 'checked' ? still : { body: 'another' });
  expect(outcome.by).toBe(expected);
  expect(outcome.body).toBe(expected === 'device' ? 'another' : 'picture');
});

test('4.2.3: the time until the answer came is part of its age', () => {
  const stage = new CacheStage();
  const use = stage.cache.use({
    ...{
      device: { id: 'pump', uid: 'uid of pump', properties: {} },
      port: 80,
      user: 'alice',
      hasBody: false,
    },
    ...{ origin: 'https://pump.example', method: 'GET', target: '/logo.png', headers: [], deviceHeaders: [] },
  });
  stage.clock.advance(50_000);
  const headers = ['Content-Type', 'image/png', 'Cache-Control', 'max-age=60', 'Content-Length', '0'];
  use?.answered({
    status: 200,
    reason: '',
    headers,
    framing: 'length',
    length: 0,
    connectionAuthenticated: false,
  });
  use?.whole();
  use?.closed();
  const device = { id: 'pump', uid: 'uid of pump', properties: {} };
  expect(stage.ask({ device }).head.get('age')).toBe('50');
  stage.clock.advance(10_000);
  expect(stage.ask({ device }).by).toBe('device');
});

test('5.1: Age is that of the answer, and only where the device was not asked', () => {
  const stage = new CacheStage();
  const answer = { head: [...control('max-age=60'), 'ETag: "1"'] };
  expect(stage.ask({}, answer).head.has('age')).toBe(false);
  stage.clock.advance(30_000);
  expect(stage.ask().head.get('age')).toBe('30');
  stage.clock.advance(31_000);
  const checked = stage.ask({}, { status: 304, head: ['ETag: "1"', 'Cache-Control: max-age=10'] });
  expect([checked.by, checked.head.get('age'), checked.head.get('cache-control')]).toEqual([
    'checked',
    undefined,
    'max-age=10',
  ]);
  stage.clock.advance(5_000);
  expect(stage.ask().head.get('age')).toBe('5');
});

test('RFC 9211: Cache-Status says what was done', () => {
  const stage = new CacheStage();
  const answer = { head: [...control('max-age=60'), 'ETag: "1"'] };
  const status = (ask: Ask, given: DeviceAnswer) => stage.ask(ask, given).head.get('cache-status');
  expect(status({}, answer)).toBe('rm-server; fwd=uri-miss; stored');
  stage.clock.advance(10_000);
  expect(status({}, answer)).toBe('rm-server; hit; ttl=50');
  stage.clock.advance(60_000);
  expect(status({}, { status: 304, head: [] })).toBe('rm-server; fwd=stale; fwd-status=304; ttl=60');
  stage.clock.advance(60_000);
  expect(status({}, { head: control('no-store') })).toBe('rm-server; fwd=stale');
  expect(status({ target: '/page' }, { head: ['Content-Type: text/html'] })).toBeUndefined();
});

const modified = 'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT';

test.each([
  ['an entity tag', ['ETag: "1"'], ['If-None-Match', '"1"']],
  ['a weak one', ['ETag: W/"1"'], ['If-None-Match', 'W/"1"']],
  ['a date', [modified], ['If-Modified-Since', 'Thu, 01 Jan 2026 00:00:00 GMT']],
  [
    'both',
    ['ETag: "1"', modified],
    ['If-None-Match', '"1"', 'If-Modified-Since', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ],
] as const)('4.3.1: the device is asked by %s', (_name, head, asked) => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('no-cache'), ...head] });
  expect(stage.ask({}, { status: 304, head: [] }).asked).toEqual(asked);
});

test.each([
  ['the same tag', ['If-None-Match: "1"'], 304],
  ['a weak one', ['If-None-Match: W/"1"'], 304],
  ['one of several', ['If-None-Match: "0", "1"'], 304],
  ['any', ['If-None-Match: *'], 304],
  ['another', ['If-None-Match: "2"'], 200],
  ['another, beside a date that would do', ['If-None-Match: "2"', `If-Modified-Since: ${date(day)}`], 200],
  ['a later date', [`If-Modified-Since: ${date(day)}`], 304],
  ['an earlier date', [`If-Modified-Since: ${date(-day)}`], 200],
  ['no date', ['If-Modified-Since: yesterday'], 200],
] as const)('4.3.2: a user who has %s gets %3$s', (_name, head, status) => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('max-age=60'), 'ETag: "1"', modified] });
  const { by, status: got, body, head: answer } = stage.ask({ head });
  expect([by, got, body]).toEqual(['kept', status, status === 304 ? '' : 'picture']);
  expect(answer.get('etag')).toBe('"1"');
});

test('4.3.3: another answer takes the place of what was kept', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('no-cache'), 'ETag: "1"'] });
  expect(stage.ask({}, { head: [...control('max-age=60'), 'ETag: "2"'], body: 'new' }).by).toBe('device');
  expect(stage.ask()).toMatchObject({ by: 'kept', body: 'new' });
});

test('4.3.3: a device in trouble does not lose what is kept, and the user learns of it', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('no-cache'), 'ETag: "1"'] });
  expect(stage.ask({}, { status: 503, body: 'busy' })).toMatchObject({ by: 'device', status: 503 });
  expect(stage.ask({}, { status: 304, head: [] })).toMatchObject({ by: 'checked', body: 'picture' });
});

test.each([
  ['says no-store', ['Cache-Control: no-store']],
  ['says private', ['Cache-Control: private']],
  ['sets a cookie', ['Set-Cookie: a=b']],
  ['says Vary: *', ['Vary: *']],
] as const)('4.3.4: a 304 that %s is the last use', (_name, head) => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('no-cache'), 'ETag: "1"'] });
  expect(stage.ask({}, { status: 304, head })).toMatchObject({ by: 'checked', status: 200, body: 'picture' });
  expect([stage.ask({}, { status: 304, head: [] }).by, stage.cache.used]).toEqual(['device', 0]);
});

test('4.3.4: fields of a 304 are added and take the place of others, but those of the body stay', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('no-cache'), 'ETag: "1"', 'X-A: 1'] });
  const head = [
    'X-A: 2',
    'X-B: 3',
    'Content-Type: text/html',
    'Content-Length: 999',
    'Content-Encoding: gzip',
  ];
  const { head: got } = stage.ask({}, { status: 304, head: ['ETag: "1"', ...head] });
  expect(Object.fromEntries(got)).toMatchObject({
    'x-a': '2',
    'x-b': '3',
    'content-type': 'image/png',
    'content-length': '7',
  });
  expect(got.has('content-encoding')).toBe(false);
});

test('4.3.4: a 304 of another answer is none of ours', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('no-cache'), 'ETag: "1"'] });
  expect(stage.ask({}, { status: 304, head: ['ETag: "2"'] })).toMatchObject({ status: 502 });
  expect(stage.ask({}, { body: 'asked again' })).toMatchObject({ by: 'device', asked: [] });
});

test('4.3.4: a 304 for what the user has renews what is kept', () => {
  const stage = new CacheStage();
  stage.ask({}, { head: [...control('max-age=60'), 'ETag: "1"'] });
  stage.clock.advance(61_000);
  const has = { head: ['If-None-Match: "1"'] };
  expect(stage.ask(has, { status: 304, head: ['ETag: "1"'] })).toMatchObject({ by: 'device', status: 304 });
  expect(stage.ask()).toMatchObject({ by: 'kept', body: 'picture' });
  stage.clock.advance(61_000);
  // Without a validator nobody knows what it is about.
  expect(stage.ask(has, { status: 304, head: [] })).toMatchObject({ by: 'device', status: 304 });
  expect(stage.ask({}, { status: 304, head: [] }).by).toBe('checked');
});

test.each([
  ['POST', 200, 'device'],
  ['DELETE', 204, 'device'],
  ['PUT', 303, 'device'],
  ['POST', 403, 'kept'],
  ['POST', 500, 'kept'],
  ['OPTIONS', 200, 'kept'],
] as const)('4.4: after %s with %i it is %s', (method, status, expected) => {
  const stage = new CacheStage();
  stage.ask({}, { head: control('max-age=60') });
  stage.ask({ user: 'bob', method }, { status });
  expect(stage.ask().by).toBe(expected);
});
