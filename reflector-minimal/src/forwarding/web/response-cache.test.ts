import { beforeEach, describe, expect, test } from 'vitest';
import type { AnswerUse, StoredAnswer, WebAnswer, WebRequest } from '../../ports/response-cache.ts';
import { ForwardingStage, requestHead } from '../../testing/forwarding-stage.ts';

let stage: ForwardingStage;
/** What the cache was asked and told, in order. */
let told: string[];
let requests: WebRequest[];
let answers: WebAnswer[];
let stored: StoredAnswer | null;
let added: string[];
let use: AnswerUse;

beforeEach(() => {
  stage = new ForwardingStage();
  told = [];
  requests = [];
  answers = [];
  stored = null;
  added = [];
  use = { instead: null, added: ['X-Cache', 'seen'] };
  stage.cache = {
    use(request) {
      requests.push(request);
      return {
        stored,
        added,
        answered(answer) {
          answers.push(answer);
          return use;
        },
        body: (piece) => void told.push(piece.toString()),
        whole: () => void told.push('whole'),
        closed: () => void told.push('closed'),
      };
    },
  };
});

const bodyOf = (received: string) => received.slice(received.indexOf('\r\n\r\n') + 4);
const kept = (body: readonly string[], headers: readonly string[] = ['X-Kept', '1']): StoredAnswer => ({
  status: 200,
  reason: 'OK',
  headers,
  body: body.map((piece) => Buffer.from(piece)),
});

describe('a cache', () => {
  test('is told of a request as the user sent it and as the device gets it', async () => {
    await stage.user(
      requestHead('GET /a?b HTTP/1.1', 'Authorization: Bearer ours', 'Connection: x-y', 'X-Y: 1', 'X-Z: 2'),
    );
    expect(requests).toMatchObject([
      {
        port: 80,
        user: 'uid of alice',
        origin: 'https://dev1.r.example',
        method: 'GET',
        target: '/a?b',
        hasBody: false,
      },
    ]);
    const [{ headers = [], deviceHeaders = [], device } = {}] = requests;
    expect([
      headers.includes('X-Y'),
      deviceHeaders.includes('X-Y'),
      deviceHeaders.includes('Bearer ours'),
    ]).toEqual([true, false, false]);
    expect(device?.uid).toBe('uid of dev1');
  });

  test('sees the answer of the device, which the user gets with its lines', async () => {
    added = ['If-None-Match', '"1"'];
    const user = await stage.user(requestHead());
    expect(stage.tunnel.ends[0]?.received).toContain('If-None-Match: "1"\r\n');
    await stage.answer('HTTP/1.1 200 OK\r\nX-A: 1\r\nCache-Control: public\r\nContent-Length: 5\r\n\r\nhel');
    expect(told).toEqual(['hel']);
    await stage.answer('lo');
    expect(told).toEqual(['hel', 'lo', 'whole', 'closed']);
    expect(answers).toMatchObject([
      { status: 200, framing: 'length', length: 5, connectionAuthenticated: false },
    ]);
    expect(answers[0]?.headers).toContain('public');
    expect(user.received).toContain('X-Cache: seen\r\n');
    expect(user.received).toContain('Cache-Control: private\r\n');
    expect([bodyOf(user.received), stage.carried]).toEqual(['hello', [{ bytesFrom: 5, bytesTo: 0 }]]);
  });

  test('answers without the device, with a head for this user and as fast as they take it', async () => {
    const piece = 'x'.repeat(60_000);
    stored = kept(Array(20).fill(piece), [
      'Cache-Control',
      'public, max-age=9',
      'Content-Length',
      String(20 * piece.length),
    ]);
    added = ['Age', '3'];
    const user = await stage.user();
    user.end.pause();
    await stage.send(user, requestHead());
    expect([stage.tunnel.ends.length, told]).toEqual([0, []]);
    user.end.resume();
    await stage.idle();
    await stage.idle();
    expect(user.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(user.received).toContain('Cache-Control: private, max-age=9\r\n');
    expect(user.received).toContain('Age: 3\r\n');
    expect([bodyOf(user.received).length, told]).toEqual([20 * piece.length, ['closed']]);
    expect(stage.carried).toEqual([{ bytesFrom: 0, bytesTo: 0 }]);
    expect(await stage.forwarded[0]).toEqual({ endless: false });
    // The connection goes on.
    stored = null;
    await stage.send(user, requestHead());
    expect(stage.tunnel.ends.length).toBe(1);
  });

  test.each([
    ['nothing', [], ''],
    ['an empty piece', [''], ''],
    ['one', ['hello'], 'hello'],
  ] as const)('answers with a body of %s', async (_name, body, expected) => {
    stored = kept(body, ['Content-Length', String(expected.length)]);
    const user = await stage.user(requestHead());
    expect([bodyOf(user.received), told]).toEqual([expected, ['closed']]);
  });

  test('answers 304 without a body', async () => {
    stored = { ...kept([]), status: 304, reason: 'Not Modified', headers: ['ETag', '"1"'] };
    const user = await stage.user(requestHead());
    expect(user.received).toMatch(/^HTTP\/1\.1 304 Not Modified\r\nETag: "1"\r\n/);
    expect([bodyOf(user.received), told]).toEqual(['', ['closed']]);
  });

  test('answers in the place of the device once that is through', async () => {
    use = { instead: kept(['kept'], ['X-Kept', '1', 'Content-Length', '4']), added: ['X-Cache', 'checked'] };
    const user = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 304 Not Modified\r\nX-Device: 1\r\n\r\n');
    expect(user.received).toMatch(/^HTTP\/1\.1 200 OK\r\nX-Kept: 1\r\n/);
    expect([
      bodyOf(user.received),
      user.received.includes('X-Cache: checked'),
      user.received.includes('X-Device'),
    ]).toEqual(['kept', true, false]);
    expect(told).toEqual(['closed']);
  });

  test('does not take a transfer for whole that is not', async () => {
    const user = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel');
    stage.tunnel.ends[0]?.channel.destroy();
    await stage.idle();
    expect([told, user.closed]).toEqual([['hel', 'closed'], true]);
  });

  test('learns that the user has gone', async () => {
    const user = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel');
    user.end.destroy();
    await stage.idle();
    expect(told).toEqual(['hel', 'closed']);
  });

  test('learns that the device does not answer', async () => {
    await stage.user(requestHead());
    stage.tunnel.ends[0]?.channel.destroy();
    await stage.idle();
    expect([answers, told]).toEqual([[], ['closed']]);
  });

  test('does not hold the user back, nor the device beyond what the user does', async () => {
    const user = await stage.user();
    user.end.pause();
    await stage.send(user, requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 240000\r\n\r\n');
    for (let n = 0; n < 4; n++) await stage.answer('x'.repeat(60_000));
    // What the user does not take stays where it is: the cache is not told of it either.
    expect([told.join('').length < 240_000, told.includes('whole')]).toEqual([true, false]);
    user.end.resume();
    await stage.idle();
    await stage.idle();
    expect(told).toEqual([...Array(4).fill('x'.repeat(60_000)), 'whole', 'closed']);
  });

  test('ends with the access of the user', async () => {
    const piece = 'x'.repeat(100_000);
    stored = kept([piece, piece, piece, piece], ['Content-Length', '400000']);
    const user = await stage.user();
    user.end.pause();
    await stage.send(user, requestHead());
    for (const access of [...stage.access]) access.end('revoked');
    user.end.resume();
    await stage.idle();
    expect([user.closed, bodyOf(user.received).length < 400_000, told]).toEqual([true, true, ['closed']]);
  });
});

describe('a cache is not asked', () => {
  const answer = kept(['secret'], ['Content-Length', '6']);
  test.each<[string, (stage: ForwardingStage) => void]>([
    ['for a stranger', (one) => (one.verdict = { denied: 'refused' })],
    ['for a device that went off line', (one) => (one.online = false)],
    ['for a port that the user may not open', (one) => (one.ports = [22])],
    ['for a device without a web interface', (one) => (one.properties = {})],
    ['for a user whose access has ended meanwhile', (one) => (one.keepsAccess = () => false)],
  ])('%s', async (_name, change) => {
    stored = answer;
    change(stage);
    const user = await stage.user(requestHead());
    expect(user.received).not.toContain('secret');
    expect(requests).toEqual([]);
  });

  test('for a user who has too much under way', async () => {
    const { cache } = stage;
    stage = new ForwardingStage({ exchangesPerDevice: 1 });
    stage.cache = cache;
    await stage.user(requestHead());
    stored = answer;
    const second = await stage.user(requestHead());
    expect([second.received.includes('secret'), requests.length]).toEqual([false, 1]);
  });

  test('for a page of another device', async () => {
    stored = answer;
    const user = await stage.user(
      requestHead(
        'GET / HTTP/1.1',
        'Sec-Fetch-Site: cross-site',
        'Sec-Fetch-Mode: no-cors',
        'Sec-Fetch-Dest: image',
        'Origin: https://dev2.r.example',
      ),
    );
    expect([user.received.includes('secret'), requests]).toEqual([false, []]);
  });

  test('for a WebSocket', async () => {
    stored = answer;
    await stage.user(requestHead('GET / HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'));
    expect(requests).toEqual([]);
  });
});
