import { describe, expect, it } from 'vitest';
import { ascii, concat, pattern } from '../../../protocol/src/testing/bytes.ts';
import { AttemptStage } from '../../simulation/attempt-stage.ts';
import { SimulatedReflector } from '../../simulation/reflector.ts';

describe('an answer', () => {
  const answers: [string, string | Uint8Array, 'fault' | 'refusal', string | RegExp][] = [
    [
      '503',
      'HTTP/1.1 503 Service Unavailable\r\n\r\n',
      'fault',
      'r.example answered 503 Service Unavailable',
    ],
    ['429', 'HTTP/1.1 429 \r\n\r\n', 'fault', 'r.example answered 429'],
    ['500', 'HTTP/1.1 500 Oops\r\n\r\n', 'fault', 'r.example answered 500 Oops'],
    ...[401, 403, 410, 451].map((status): [string, string, 'refusal', string] => [
      String(status),
      `HTTP/1.1 ${status} No\r\n\r\n`,
      'refusal',
      `r.example answered ${status} No`,
    ]),
    ...[400, 404, 405, 426].map((status): [string, string, 'fault', string] => [
      `${status}, as of a proxy that drops Upgrade,`,
      `HTTP/1.1 ${status} No\r\n\r\n`,
      'fault',
      `r.example answered ${status} No; does the proxy in front of it pass "Upgrade" on?`,
    ]),
    [
      '426 that says why',
      'HTTP/1.1 426 Upgrade Required\r\nX-PTTH-Error: The proxy drops Upgrade\r\n\r\n',
      'fault',
      'r.example answered 426 Upgrade Required (The proxy drops Upgrade)',
    ],
    [
      '403 with a reason',
      'HTTP/1.1 403 Forbidden\r\nX-PTTH-Error: Device is locked\r\n\r\n',
      'refusal',
      'r.example answered 403 Forbidden (Device is locked)',
    ],
    [
      'one that would move the cursor of whoever reads it',
      'HTTP/1.1 403 \x1b[2J\x9b1mNo\r\nX-PTTH-Error: \x1b]0;owned\x07\r\n\r\n',
      'refusal',
      'r.example answered 403  [2J 1mNo ( ]0;owned )',
    ],
    [
      'a captive portal with a page',
      'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>',
      'fault',
      'r.example answered 200 OK',
    ],
    ['garbage', pattern(300), 'fault', /^r\.example: (not an HTTP|malformed)/],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'fault', 'r.example: not an HTTP/1.1 response'],
    [
      'a head too large',
      `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(20_000)}`,
      'fault',
      'r.example: head of more than 16384 bytes',
    ],
    [
      'endless interim responses',
      `HTTP/1.1 100 ${'x'.repeat(17_000)}`,
      'fault',
      'r.example: head of more than 16384 bytes',
    ],
    [
      '101 without Upgrade',
      'HTTP/1.1 101 x\r\n\r\n',
      'refusal',
      'r.example: 101 without "Upgrade: websocket"',
    ],
    [
      '101 with a wrong proof',
      'HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
      'refusal',
      'r.example: 101 with a wrong Sec-WebSocket-Accept',
    ],
    [
      'a redirect to nowhere',
      'HTTP/1.1 302 Found\r\n\r\n',
      'fault',
      'r.example redirects to "", which is no http: or https: URI',
    ],
    [
      'a redirect to a file',
      'HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n',
      'fault',
      'r.example redirects to "file:///etc/passwd", which is no http: or https: URI',
    ],
    [
      'a redirect to nowhere, at length',
      `HTTP/1.1 302 Found\r\nLocation: x:${'y'.repeat(300)}\r\n\r\n`,
      'fault',
      `r.example redirects to "x:${'y'.repeat(198)}", which is no http: or https: URI`,
    ],
    [
      '401 that offers Digest',
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest nonce="x"\r\n\r\n',
      'refusal',
      'r.example answered 401 No; it offers Digest: see device.auth',
    ],
  ];

  it.each(answers)('%s fails', (_name, answer, kind, message) => {
    const stage = new AttemptStage();
    const bytes = typeof answer === 'string' ? ascii(answer) : answer;
    stage.plain.answer = () => (typeof answer === 'string' ? answer : concat(bytes, ascii('\r\n\r\n')));
    const failure = stage.fails();
    expect([failure.step, failure.kind]).toEqual(['upgrade', kind]);
    if (typeof message === 'string') expect(failure.message).toBe(message);
    else expect(failure.message).toMatch(message);
  });

  it('401 that offers Digest to a device that is to send Basic is the last word', () => {
    const stage = new AttemptStage();
    stage.plain.answer = () => 'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="x"\r\n\r\n';
    expect(stage.fails().message).toBe('r.example answered 401 No; it offers Digest: see device.auth');
    expect(stage.plain.connections).toHaveLength(1);
  });

  it.each([401, 429, 503])('%i with Retry-After sets the wait', (status) => {
    const stage = new AttemptStage();
    stage.plain.answer = () => `HTTP/1.1 ${status} x\r\nRetry-After: 120\r\n\r\n`;
    expect(stage.fails().retryAfterMs).toBe(120_000);
  });
});

describe('a redirect', () => {
  const to = (location: string) => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`;

  it('is followed, with a look-up and a connection of its own', () => {
    const stage = new AttemptStage();
    stage.host.network.names.set('other.example', ['192.0.2.2']);
    const other = new SimulatedReflector(stage.host.network, '192.0.2.2', 8080);
    stage.plain.answer = () => to('http://other.example:8080/t');
    const { uri } = stage.succeeds();
    expect(uri).toMatchObject({ host: 'other.example', port: 8080, target: '/t' });
    expect(other.last.requests[0]?.headers.get('host')).toBe('other.example:8080');
    stage.host.clock.advance(100);
    expect(stage.plain.last.isClosed).toBe(true);
  });

  it.each([301, 302, 303, 307, 308])('of status %i to a path of the same host', (status) => {
    const stage = new AttemptStage();
    stage.plain.answer = ({ target }) =>
      target === '/' ? `HTTP/1.1 ${status} x\r\nLocation: /new\r\n\r\n` : 'accept';
    expect(stage.succeeds().uri.target).toBe('/new');
  });

  it('to itself ends after five', () => {
    const stage = new AttemptStage();
    stage.plain.answer = () => to('/');
    expect(stage.fails()).toMatchObject({ kind: 'fault', message: 'r.example: more than 5 redirects' });
    expect(stage.plain.connections).toHaveLength(6);
  });

  it('from http to https is followed, from https to http is not', () => {
    const up = new AttemptStage();
    up.plain.answer = () => to('https://r.example/');
    expect(up.succeeds().uri.secure).toBe(true);
    const down = new AttemptStage();
    down.secure.answer = () => to('http://r.example/');
    expect(down.fails('https://r.example/').message).toBe(
      'r.example redirects from https: to http://r.example/; that is not followed',
    );
    expect(down.plain.connections).toEqual([]);
  });

  it('starts the next attempt at the reflector that is configured', () => {
    const stage = new AttemptStage();
    stage.plain.answer = () => to('http://gone.example/');
    expect(stage.fails().message).toBe('gone.example: name not found');
    const again = stage;
    again.failure = null;
    again.plain.answer = () => 'accept';
    expect(again.succeeds().uri.host).toBe('r.example');
  });
});

describe('Digest', () => {
  const challenge =
    'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256\r\n\r\n';

  it('answers the challenge over a new connection', () => {
    const stage = new AttemptStage();
    stage.plain.answer = ({ headers }) => (headers.get('authorization') ? 'accept' : challenge);
    stage.succeeds('http://r.example/p', { auth: 'digest' });
    expect(stage.plain.connections).toHaveLength(2);
    const [first, second] = stage.plain.connections.map(({ requests }) =>
      requests[0]?.headers.get('authorization'),
    );
    expect(first).toBeUndefined();
    expect(second).toMatch(
      /^Digest username="id@domain", realm="r", nonce="n", uri="\/p", response="[0-9a-f]{64}"/,
    );
  });

  it('answers each reflector of a redirect its own challenge', () => {
    const stage = new AttemptStage();
    stage.host.network.names.set('b.example', ['192.0.2.2']);
    const other = new SimulatedReflector(stage.host.network, '192.0.2.2', 80);
    const challengeOf = (nonce: string) =>
      `HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="${nonce}"\r\n\r\n`;
    stage.plain.answer = ({ headers }) =>
      headers.get('authorization')
        ? 'HTTP/1.1 302 x\r\nLocation: http://b.example/\r\n\r\n'
        : challengeOf('first');
    other.answer = ({ headers }) => (headers.get('authorization') ? 'accept' : challengeOf('second'));
    stage.succeeds('http://r.example/', { auth: 'digest' });
    const sent = [...stage.plain.connections, ...other.connections].map(
      ({ requests }) => /nonce="(\w+)"/.exec(requests[0]?.headers.get('authorization') ?? '')?.[1],
    );
    expect(sent).toEqual([undefined, 'first', undefined, 'second']);
  });

  it('that is not accepted is a refusal, not asked for a third time', () => {
    const stage = new AttemptStage();
    stage.plain.answer = () => challenge;
    expect(stage.fails('http://r.example/', { auth: 'digest' })).toMatchObject({
      kind: 'refusal',
      message: 'r.example answered 401 Unauthorized',
    });
    expect(stage.plain.connections).toHaveLength(2);
  });

  it.each(['Basic realm="x"', 'Digest realm="x"', '"', ''])('cannot answer the challenge %j', (offer) => {
    const stage = new AttemptStage();
    stage.plain.answer = () => `HTTP/1.1 401 No\r\nWWW-Authenticate: ${offer}\r\n\r\n`;
    expect(stage.fails('http://r.example/', { auth: 'digest' }).kind).toBe('refusal');
    expect(stage.plain.connections).toHaveLength(1);
  });
});
