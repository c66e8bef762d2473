import { describe, expect, it } from 'vitest';
import type { HostErrorCode, TlsOptions } from '../host/host.ts';
import { ascii, concat, hex, pattern } from '../host/simulated/bytes.ts';
import { dialSettingsFor } from '../host/simulated/dial-settings.ts';
import { noHandles, SimulatedHost } from '../host/simulated/host.ts';
import { type Name, type Place, refused, timedOut, unreachable } from '../host/simulated/network.ts';
import { SimulatedReflector } from '../host/simulated/reflector.ts';
import type { TlsAnswer } from '../host/simulated/socket.ts';
import { base64Encode, type Credentials, parseHttpUri } from '../protocol/index.ts';
import { Attempt, type AttemptFailure, type Upgraded } from './attempt.ts';
import type { DialSettings } from './settings.ts';

const SESSION = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', publicKeyDigest: pattern(32) };
const ADDRESS = '192.0.2.1';

/** A host on whose network `r.example` is the reflector, with and without TLS. */
class Dialling {
  readonly host = new SimulatedHost();
  readonly plain: SimulatedReflector;
  readonly secure: SimulatedReflector;
  readonly tlsAsked: TlsOptions[] = [];
  tls: TlsAnswer = () => SESSION;
  readonly steps: string[] = [];
  readonly passed: string[] = [];
  upgraded: Upgraded | null = null;
  failure: AttemptFailure | null = null;
  attempt: Attempt | null = null;

  constructor() {
    const { network } = this.host;
    network.names.set('r.example', [ADDRESS]);
    this.plain = new SimulatedReflector(network, ADDRESS, 80);
    this.secure = new SimulatedReflector(network, ADDRESS, 443, (options) => {
      this.tlsAsked.push(options);
      return this.tls(options);
    });
  }

  start(uri = 'http://r.example/', given: Partial<DialSettings> = {}): this {
    this.attempt = new Attempt(this.host, dialSettingsFor(uri, given), {
      step: (step, detail) => this.steps.push(`${step} ${detail}`),
      passed: (step, detail) => this.passed.push(`${step} ${detail}`),
      upgraded: (connection) => {
        expect(this.over).toBe(false);
        this.upgraded = connection;
      },
      failed: (failure) => {
        expect(this.over).toBe(false);
        this.failure = failure;
      },
    });
    return this;
  }

  get over(): boolean {
    return this.upgraded !== null || this.failure !== null;
  }

  /** Dials, waits for the end and expects a failure that leaves nothing behind. */
  fails(uri?: string, given?: Partial<DialSettings>): AttemptFailure {
    this.start(uri, given);
    this.host.clock.until('the end of the attempt', () => this.over);
    if (!this.failure) throw new Error('has not failed');
    expect(this.host.handles).toEqual(noHandles);
    this.host.clock.advance(100_000);
    return this.failure;
  }

  succeeds(uri?: string, given?: Partial<DialSettings>): Upgraded {
    this.start(uri, given);
    this.host.clock.until('the end of the attempt', () => this.over);
    if (!this.upgraded) throw new Error(`has failed: ${this.failure?.message}`);
    expect(this.host.handles).toEqual({ ...noHandles, sockets: 1 });
    return this.upgraded;
  }
}

describe('an attempt', () => {
  it('goes through its steps to the upgrade', () => {
    const dialling = new Dialling();
    const { uri, response, early } = dialling.succeeds('http://r.example/x?y');
    expect(dialling.steps).toEqual([
      'resolving r.example',
      `connecting ${ADDRESS} port 80`,
      'upgrade http://r.example/x?y',
    ]);
    expect([response.status, early.length, uri.target]).toEqual([101, 0, '/x?y']);
    const { method, target, headers } = dialling.plain.last.requests[0] ?? {};
    expect([method, target]).toEqual(['GET', '/x?y']);
    expect(headers?.get('host')).toBe('r.example');
    expect(headers?.get('authorization')).toBe('Basic aWRAZG9tYWluOnMzY3JldA==');
    expect(headers?.get('user-agent')).toBe('rm-agent/test');
  });

  it('secures the connection first, with the name of the host', () => {
    const dialling = new Dialling();
    dialling.succeeds('https://r.example/');
    expect(dialling.steps[2]).toBe('tls r.example');
    expect(dialling.tlsAsked).toMatchObject([{ serverName: 'r.example', verify: true, minVersion: '1.2' }]);
    expect(dialling.passed).toContain('tls TLSv1.3 TLS_AES_128_GCM_SHA256');
  });

  it('asks with POST where it is told to', () => {
    const dialling = new Dialling();
    dialling.succeeds('http://r.example/', { method: 'POST' });
    expect(dialling.plain.last.requests[0]?.method).toBe('POST');
  });

  it('needs no look-up for an address', () => {
    const dialling = new Dialling();
    dialling.succeeds(`http://${ADDRESS}/`);
    expect(dialling.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('hands over what came behind the head', () => {
    const dialling = new Dialling();
    dialling.plain.answer = (request, connection) => {
      connection.accept(request, hex('89 00'));
      return 'silent';
    };
    const connection = dialling.succeeds();
    const seen: number[] = [...connection.early];
    connection.deliverTo({
      data: (bytes, start, end) => seen.push(...bytes.subarray(start, end)),
      taken: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    });
    dialling.host.clock.advance(100);
    expect(seen).toEqual([0x89, 0]);
  });

  it('leaves interim responses alone', () => {
    const dialling = new Dialling();
    dialling.plain.answer = (request, connection) => {
      connection.socket.write(ascii('HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n'.repeat(8)));
      connection.accept(request);
      return 'silent';
    };
    expect(dialling.succeeds().response.status).toBe(101);
  });

  it('has enough of interim responses in the end', () => {
    const dialling = new Dialling();
    dialling.host.network.bufferBytes = 1 << 20;
    dialling.plain.answer = () => 'HTTP/1.1 100 \r\n\r\n'.repeat(50_000);
    expect(dialling.fails().message).toBe('r.example: more than 16 interim responses');
  });

  it('that is cancelled in any step leaves nothing and says nothing', () => {
    for (let ms = 0; ms < 12; ms++) {
      const dialling = new Dialling();
      dialling.start('https://r.example/');
      dialling.host.clock.advance(ms);
      if (dialling.over) break;
      dialling.attempt?.cancel();
      expect(dialling.host.handles).toEqual(noHandles);
      dialling.host.clock.advance(100_000);
      expect(dialling.over).toBe(false);
      expect(ms).toBeLessThan(11);
    }
  });
});

describe('each step has its time limit:', () => {
  const limited: [string, (dialling: Dialling) => void, string, string][] = [
    [
      'resolving',
      ({ host }) => host.network.names.set('r.example', 'silent'),
      'resolving',
      'r.example port 443: no answer within 10 s',
    ],
    [
      'connecting',
      ({ host }) => host.network.places.set(`${ADDRESS}:443`, 'silent'),
      'connecting',
      'r.example port 443: no answer within 10 s',
    ],
    [
      'tls',
      (dialling) => {
        dialling.tls = () => 'silent';
      },
      'tls',
      'r.example port 443: no answer within 10 s',
    ],
    [
      'upgrade',
      ({ secure }) => {
        secure.answer = () => 'silent';
      },
      'upgrade',
      'r.example port 443: no answer within 10 s',
    ],
  ];

  it.each(limited)('%s', (_name, set, step, message) => {
    const dialling = new Dialling();
    set(dialling);
    const start = dialling.host.clock.now();
    dialling.start('https://r.example/');
    dialling.host.clock.until('failure', () => dialling.failure !== null);
    expect(dialling.failure).toMatchObject({ step, message, kind: 'fault' });
    expect(dialling.host.clock.now() - start).toBeLessThan(10_100);
    expect(dialling.host.handles).toEqual(noHandles);
  });

  it('bytes that trickle do not prolong it', () => {
    const dialling = new Dialling();
    dialling.plain.answer = (_request, { socket }) => {
      const drip = () => {
        socket.write(ascii('x'));
        dialling.host.clock.defer(1000, drip);
      };
      drip();
      return 'silent';
    };
    const { message } = dialling.fails();
    expect(message).toContain('no answer within 10 s');
  });
});

describe('a name', () => {
  const failures: [string, Name, string][] = [
    ['does not exist', { code: 'name-not-found', message: 'name not found' }, 'r.example: name not found'],
    [
      'cannot be looked up',
      { code: 'name-failure', message: 'name server does not answer' },
      'r.example: name server does not answer',
    ],
    ['has no address', [], 'r.example: no address'],
  ];

  it.each(failures)('that %s is a fault of the step resolving', (_name, answer, message) => {
    const dialling = new Dialling();
    dialling.host.network.names.set('r.example', answer);
    expect(dialling.fails()).toEqual({ step: 'resolving', kind: 'fault', message, askedMs: null });
  });

  it('with several addresses has each of them tried, in order', () => {
    const dialling = new Dialling();
    const { network } = dialling.host;
    network.names.set('r.example', ['2001:db8::1', '198.51.100.7', '198.51.100.8', ADDRESS, '198.51.100.9']);
    network.places.set('2001:db8::1:80', { error: unreachable });
    network.places.set('198.51.100.8:80', 'silent');
    dialling.succeeds();
    expect(network.dialled).toEqual([
      '2001:db8::1:80',
      '198.51.100.7:80',
      '198.51.100.8:80',
      `${ADDRESS}:80`,
    ]);
  });

  it('of which no address works fails with the last error', () => {
    const dialling = new Dialling();
    dialling.host.network.names.set('r.example', ['198.51.100.7', '198.51.100.8']);
    dialling.host.network.places.set('198.51.100.8:80', { error: timedOut });
    expect(dialling.fails()).toMatchObject({
      step: 'connecting',
      message: 'r.example port 80: connection timed out',
    });
  });
});

describe('TCP', () => {
  it.each([
    ['refused', refused, 'connection refused'],
    ['timed out', timedOut, 'connection timed out'],
    ['unreachable', unreachable, 'network is unreachable'],
  ])('%s is a fault', (_name, error, message) => {
    const dialling = new Dialling();
    dialling.host.network.places.set(`${ADDRESS}:80`, { error } satisfies Place);
    expect(dialling.fails()).toMatchObject({
      step: 'connecting',
      kind: 'fault',
      message: `r.example port 80: ${message}`,
    });
  });

  it('closed before an answer is a fault', () => {
    for (const way of ['end', 'destroy'] as const) {
      const dialling = new Dialling();
      dialling.plain.answer = (_request, { socket }) => {
        socket[way]();
        return 'silent';
      };
      const { step, kind, message } = dialling.fails();
      expect([step, kind]).toEqual(['upgrade', 'fault']);
      expect(message).toBe(
        way === 'end'
          ? 'r.example port 80: connection closed before an answer'
          : 'r.example port 80: connection reset',
      );
    }
  });
});

describe('TLS', () => {
  const codes: HostErrorCode[] = [
    'tls-untrusted',
    'tls-expired',
    'tls-not-yet-valid',
    'tls-host-name',
    'tls-client-certificate',
    'tls-protocol',
    'tls-files',
    'reset',
  ];

  it.each(codes)('error %s is a fault that says so', (code) => {
    const dialling = new Dialling();
    dialling.tls = () => ({ code, message: `because of ${code}` });
    expect(dialling.fails('https://r.example/')).toEqual({
      step: 'tls',
      kind: 'fault',
      message: `r.example port 443: because of ${code}`,
      askedMs: null,
    });
    expect(dialling.secure.last.requests).toEqual([]);
  });

  it('takes a key that is pinned and sends no credentials to another', () => {
    const dialling = new Dialling();
    const pin = base64Encode(SESSION.publicKeyDigest);
    dialling.succeeds('https://r.example/', { pins: ['AAAA', pin] });
    const other = new Dialling();
    const { message, step } = other.fails('https://r.example/', { pins: ['AAAA'] });
    expect([step, message]).toEqual(['tls', `r.example: its public key (sha256/${pin}) is none of tls.pins`]);
    expect(other.secure.last.requests).toEqual([]);
  });

  it('is demanded by pins', () => {
    const dialling = new Dialling();
    expect(dialling.fails('http://r.example/', { pins: ['AAAA'] }).message).toBe(
      'tls.pins demands an https: reflector',
    );
    expect(dialling.plain.last.requests).toEqual([]);
  });
});

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
    ...[400, 401, 403, 404, 405, 410, 426, 451].map((status): [string, string, 'refusal', string] => [
      String(status),
      `HTTP/1.1 ${status} No\r\n\r\n`,
      'refusal',
      `r.example answered ${status} No`,
    ]),
    [
      '403 with a reason',
      'HTTP/1.1 403 Forbidden\r\nX-PTTH-Error: Device is locked\r\n\r\n',
      'refusal',
      'r.example answered 403 Forbidden (Device is locked)',
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
      '401 that offers Digest',
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest nonce="x"\r\n\r\n',
      'refusal',
      'r.example answered 401 No; it offers Digest: see device.auth',
    ],
  ];

  it.each(answers)('%s fails', (_name, answer, kind, message) => {
    const dialling = new Dialling();
    const bytes = typeof answer === 'string' ? ascii(answer) : answer;
    dialling.plain.answer = () => (typeof answer === 'string' ? answer : concat(bytes, ascii('\r\n\r\n')));
    const failure = dialling.fails();
    expect([failure.step, failure.kind]).toEqual(['upgrade', kind]);
    if (typeof message === 'string') expect(failure.message).toBe(message);
    else expect(failure.message).toMatch(message);
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['999999', 999_999_000],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
    ['-1', null],
    ['1e9', null],
    ['10000000', null],
  ])('with Retry-After: %s asks for %d ms', (value, askedMs) => {
    const dialling = new Dialling();
    dialling.plain.answer = () => `HTTP/1.1 503 x\r\nRetry-After: ${value}\r\n\r\n`;
    expect(dialling.fails().askedMs).toBe(askedMs);
  });
});

describe('a redirect', () => {
  const to = (location: string) => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`;

  it('is followed, with a look-up and a connection of its own', () => {
    const dialling = new Dialling();
    dialling.host.network.names.set('other.example', ['192.0.2.2']);
    const other = new SimulatedReflector(dialling.host.network, '192.0.2.2', 8080);
    dialling.plain.answer = () => to('http://other.example:8080/t');
    const { uri } = dialling.succeeds();
    expect(uri).toMatchObject({ host: 'other.example', port: 8080, target: '/t' });
    expect(other.last.requests[0]?.headers.get('host')).toBe('other.example:8080');
    dialling.host.clock.advance(100);
    expect(dialling.plain.last.isClosed).toBe(true);
  });

  it.each([301, 302, 303, 307, 308])('of status %i to a path of the same host', (status) => {
    const dialling = new Dialling();
    dialling.plain.answer = ({ target }) =>
      target === '/' ? `HTTP/1.1 ${status} x\r\nLocation: /new\r\n\r\n` : 'accept';
    expect(dialling.succeeds().uri.target).toBe('/new');
  });

  it('to itself ends after five', () => {
    const dialling = new Dialling();
    dialling.plain.answer = () => to('/');
    expect(dialling.fails()).toMatchObject({ kind: 'fault', message: 'r.example: more than 5 redirects' });
    expect(dialling.plain.connections).toHaveLength(6);
  });

  it('from http to https is followed, from https to http is not', () => {
    const up = new Dialling();
    up.plain.answer = () => to('https://r.example/');
    expect(up.succeeds().uri.secure).toBe(true);
    const down = new Dialling();
    down.secure.answer = () => to('http://r.example/');
    expect(down.fails('https://r.example/').message).toBe(
      'r.example redirects from https: to http://r.example/; that is not followed',
    );
    expect(down.plain.connections).toEqual([]);
  });

  it('starts the next attempt at the reflector that is configured', () => {
    const dialling = new Dialling();
    dialling.plain.answer = () => to('http://gone.example/');
    expect(dialling.fails().message).toBe('gone.example: name not found');
    const again = dialling;
    again.failure = null;
    again.plain.answer = () => 'accept';
    expect(again.succeeds().uri.host).toBe('r.example');
  });
});

describe('Digest', () => {
  const challenge =
    'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256\r\n\r\n';

  it('answers the challenge over a new connection', () => {
    const dialling = new Dialling();
    dialling.plain.answer = ({ headers }) => (headers.get('authorization') ? 'accept' : challenge);
    dialling.succeeds('http://r.example/p', { auth: 'digest' });
    expect(dialling.plain.connections).toHaveLength(2);
    const [first, second] = dialling.plain.connections.map(({ requests }) =>
      requests[0]?.headers.get('authorization'),
    );
    expect(first).toBeUndefined();
    expect(second).toMatch(
      /^Digest username="id@domain", realm="r", nonce="n", uri="\/p", response="[0-9a-f]{64}"/,
    );
  });

  it('answers each reflector of a redirect its own challenge', () => {
    const dialling = new Dialling();
    dialling.host.network.names.set('b.example', ['192.0.2.2']);
    const other = new SimulatedReflector(dialling.host.network, '192.0.2.2', 80);
    const challengeOf = (nonce: string) =>
      `HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="${nonce}"\r\n\r\n`;
    dialling.plain.answer = ({ headers }) =>
      headers.get('authorization')
        ? 'HTTP/1.1 302 x\r\nLocation: http://b.example/\r\n\r\n'
        : challengeOf('first');
    other.answer = ({ headers }) => (headers.get('authorization') ? 'accept' : challengeOf('second'));
    dialling.succeeds('http://r.example/', { auth: 'digest' });
    const sent = [...dialling.plain.connections, ...other.connections].map(
      ({ requests }) => /nonce="(\w+)"/.exec(requests[0]?.headers.get('authorization') ?? '')?.[1],
    );
    expect(sent).toEqual([undefined, 'first', undefined, 'second']);
  });

  it('that is not accepted is a refusal, not asked for a third time', () => {
    const dialling = new Dialling();
    dialling.plain.answer = () => challenge;
    expect(dialling.fails('http://r.example/', { auth: 'digest' })).toMatchObject({
      kind: 'refusal',
      message: 'r.example answered 401 Unauthorized',
    });
    expect(dialling.plain.connections).toHaveLength(2);
  });

  it.each(['Basic realm="x"', 'Digest realm="x"', '"', ''])('cannot answer the challenge %j', (offer) => {
    const dialling = new Dialling();
    dialling.plain.answer = () => `HTTP/1.1 401 No\r\nWWW-Authenticate: ${offer}\r\n\r\n`;
    expect(dialling.fails('http://r.example/', { auth: 'digest' }).kind).toBe('refusal');
    expect(dialling.plain.connections).toHaveLength(1);
  });
});

describe('a proxy', () => {
  const proxyOf = (text: string, credentials: Credentials | null = null) => {
    const uri = parseHttpUri(text);
    if (!uri) throw new Error(text);
    return { uri, credentials };
  };

  /** A proxy at `p.example` that answers CONNECT, and behind it the reflector. */
  function withProxy(
    answer = 'HTTP/1.1 200 Connected\r\n\r\n',
    port = 3128,
  ): Dialling & { proxy: SimulatedReflector } {
    const dialling = new Dialling();
    const { network } = dialling.host;
    network.names.set('p.example', ['203.0.113.1']);
    const proxy = new SimulatedReflector(network, '203.0.113.1', port, (options) => {
      dialling.tlsAsked.push(options);
      return dialling.tls(options);
    });
    proxy.answer = ({ method }) => (method === 'CONNECT' ? answer : 'accept');
    return Object.assign(dialling, { proxy });
  }

  it('is asked to CONNECT, and the reflector is reached through it', () => {
    const dialling = withProxy();
    dialling.succeeds('https://r.example/', {
      proxy: proxyOf('http://p.example:3128', { user: 'u', password: 'p' }),
    });
    expect(dialling.steps).toEqual([
      'resolving p.example',
      'connecting 203.0.113.1 port 3128',
      'proxy p.example:3128',
      'tls r.example',
      'upgrade https://r.example/',
    ]);
    const [connect, upgrade] = dialling.proxy.last.requests;
    expect([connect?.method, connect?.target]).toEqual(['CONNECT', 'r.example:443']);
    expect(connect?.headers.get('host')).toBe('r.example:443');
    expect(connect?.headers.get('proxy-authorization')).toBe('Basic dTpw');
    expect(connect?.headers.get('authorization')).toBeUndefined();
    expect(upgrade?.headers.get('proxy-authorization')).toBeUndefined();
    // The name of the reflector is looked up by the proxy alone.
    expect(dialling.host.network.dialled).toEqual(['203.0.113.1:3128']);
  });

  it('over TLS has TLS within TLS', () => {
    const dialling = withProxy(undefined, 443);
    dialling.succeeds('https://r.example/', { proxy: proxyOf('https://p.example') });
    expect(dialling.tlsAsked.map(({ serverName }) => serverName)).toEqual(['p.example', 'r.example']);
  });

  it('is asked for an IPv6 address in brackets', () => {
    const dialling = withProxy();
    dialling.succeeds('http://[2001:db8::7]:81/', { proxy: proxyOf('http://p.example:3128') });
    expect(dialling.proxy.last.requests[0]?.target).toBe('[2001:db8::7]:81');
  });

  it.each([
    ['407', 'refusal', 'proxy p.example:3128 answered 407 x'],
    ['403', 'refusal', 'proxy p.example:3128 answered 403 x'],
    ['502', 'fault', 'proxy p.example:3128 answered 502 x'],
    ['302', 'fault', 'proxy p.example:3128 answered 302 x'],
  ])('that answers %s', (status, kind, message) => {
    const dialling = withProxy(`HTTP/1.1 ${status} x\r\nLocation: http://evil.example/\r\n\r\n`);
    expect(dialling.fails('https://r.example/', { proxy: proxyOf('http://p.example:3128') })).toMatchObject({
      step: 'proxy',
      kind,
      message,
    });
  });

  it('that answers garbage is named', () => {
    const dialling = withProxy('SSH-2.0\r\n\r\n');
    expect(dialling.fails('https://r.example/', { proxy: proxyOf('http://p.example:3128') }).message).toBe(
      'p.example:3128: not an HTTP/1.1 response',
    );
  });

  it.each<[string, (dialling: Dialling) => void, string]>([
    [
      'resolving',
      ({ host }) => host.network.names.set('p.example', 'silent'),
      'p.example port 443: no answer within 10 s',
    ],
    [
      'connecting',
      ({ host }) => host.network.places.set('203.0.113.1:443', { error: refused }),
      'p.example port 443: connection refused',
    ],
    [
      'tls',
      (dialling) => {
        dialling.tls = ({ serverName }) => (serverName === 'p.example' ? 'silent' : SESSION);
      },
      'p.example port 443: no answer within 10 s',
    ],
    [
      'tls',
      (dialling) => {
        dialling.tls = ({ serverName }) => (serverName === 'r.example' ? 'silent' : SESSION);
      },
      'r.example port 443: no answer within 10 s',
    ],
  ])('is named by what fails on the way to it, step %s', (step, set, message) => {
    const dialling = withProxy(undefined, 443);
    set(dialling);
    expect(dialling.fails('https://r.example/', { proxy: proxyOf('https://p.example') })).toMatchObject({
      step,
      message,
    });
  });

  it.each([
    ['http', 3128],
    ['https', 443],
  ])('of scheme %s is used for a redirect too', (scheme, port) => {
    const dialling = withProxy(undefined, port);
    dialling.proxy.answer = ({ method, headers }) => {
      if (method === 'CONNECT') return 'HTTP/1.1 200 Connected\r\n\r\n';
      return headers.get('host') === 'b.example'
        ? 'accept'
        : 'HTTP/1.1 302 Found\r\nLocation: https://b.example/\r\n\r\n';
    };
    dialling.succeeds('https://r.example/', { proxy: proxyOf(`${scheme}://p.example:${port}`) });
    expect(dialling.proxy.connections.map(({ requests }) => requests[0]?.target)).toEqual([
      'r.example:443',
      'b.example:443',
    ]);
  });
});
