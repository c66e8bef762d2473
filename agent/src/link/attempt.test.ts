import { base64Encode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii, hex } from '../../../protocol/src/testing/bytes.ts';
import { ADDRESS, AttemptStage, SESSION } from '../../simulation/attempt-stage.ts';
import { noHandles } from '../../simulation/host.ts';
import { type Endpoint, type Name, refused, timedOut, unreachable } from '../../simulation/network.ts';
import type { HostErrorCode } from '../host.ts';

describe('an attempt', () => {
  it('goes through its steps to the upgrade', () => {
    const stage = new AttemptStage();
    const { uri, response, early } = stage.succeeds('http://r.example/x?y');
    expect(stage.steps).toEqual([
      'resolving r.example',
      `connecting ${ADDRESS} port 80`,
      'upgrade http://r.example/x?y',
    ]);
    expect([response.status, early.length, uri.target]).toEqual([101, 0, '/x?y']);
    const { method, target, headers } = stage.plain.last.requests[0] ?? {};
    expect([method, target]).toEqual(['GET', '/x?y']);
    expect(headers?.get('host')).toBe('r.example');
    expect(headers?.get('authorization')).toBe('Basic aWRAZG9tYWluOnMzY3JldA==');
    expect(headers?.get('user-agent')).toBe('rm-agent/test');
  });

  it('secures the connection first, with the name of the host', () => {
    const stage = new AttemptStage();
    stage.succeeds('https://r.example/');
    expect(stage.steps[2]).toBe('tls r.example');
    expect(stage.tlsAsked).toMatchObject([{ serverName: 'r.example', verify: true, minVersion: '1.2' }]);
    expect(stage.passed).toContain('tls TLSv1.3 TLS_AES_128_GCM_SHA256');
  });

  it('asks with POST if configured', () => {
    const stage = new AttemptStage();
    stage.succeeds('http://r.example/', { method: 'POST' });
    expect(stage.plain.last.requests[0]?.method).toBe('POST');
  });

  it('needs no look-up for an address', () => {
    const stage = new AttemptStage();
    stage.succeeds(`http://${ADDRESS}/`);
    expect(stage.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('hands over what came behind the head', () => {
    const stage = new AttemptStage();
    stage.plain.answer = (request, connection) => {
      connection.accept(request, hex('89 00'));
      return 'silent';
    };
    const connection = stage.succeeds();
    const seen: number[] = [...connection.early];
    connection.deliverTo({
      data: (bytes, start, end) => seen.push(...bytes.subarray(start, end)),
      taken: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    });
    stage.host.clock.advance(100);
    expect(seen).toEqual([0x89, 0]);
  });

  it('leaves interim responses alone', () => {
    const stage = new AttemptStage();
    stage.plain.answer = (request, connection) => {
      connection.socket.write(ascii('HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n'.repeat(8)));
      connection.accept(request);
      return 'silent';
    };
    expect(stage.succeeds().response.status).toBe(101);
  });

  it('has enough of interim responses in the end', () => {
    const stage = new AttemptStage();
    stage.host.network.bufferBytes = 1 << 20;
    stage.plain.answer = () => 'HTTP/1.1 100 \r\n\r\n'.repeat(50_000);
    expect(stage.fails().message).toBe('r.example: more than 16 interim responses');
  });

  it('that is cancelled in any step leaves nothing and reports nothing', () => {
    for (let ms = 0; ms < 12; ms++) {
      const stage = new AttemptStage();
      stage.start('https://r.example/');
      stage.host.clock.advance(ms);
      if (stage.over) break;
      stage.attempt?.cancel();
      expect(stage.host.handles).toEqual(noHandles);
      stage.host.clock.advance(100_000);
      expect(stage.over).toBe(false);
      expect(ms).toBeLessThan(11);
    }
  });
});

describe('each step has its time limit:', () => {
  const limited: [string, (stage: AttemptStage) => void, string, string][] = [
    [
      'resolving',
      ({ host }) => host.network.names.set('r.example', 'silent'),
      'resolving',
      'r.example: no answer within 10 s',
    ],
    [
      'connecting',
      ({ host }) => host.network.endpoints.set(`${ADDRESS}:443`, 'silent'),
      'connecting',
      'r.example port 443: no answer within 10 s',
    ],
    [
      'tls',
      (stage) => {
        stage.tls = () => 'silent';
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
    const stage = new AttemptStage();
    set(stage);
    const start = stage.host.clock.now();
    stage.start('https://r.example/');
    stage.host.clock.until('failure', () => stage.failure !== null);
    expect(stage.failure).toMatchObject({ step, message, kind: 'fault' });
    expect(stage.host.clock.now() - start).toBeLessThan(10_100);
    expect(stage.host.handles).toEqual(noHandles);
  });

  it('bytes that trickle do not prolong it', () => {
    const stage = new AttemptStage();
    stage.plain.answer = (_request, { socket }) => {
      const drip = () => {
        socket.write(ascii('x'));
        stage.host.clock.defer(1000, drip);
      };
      drip();
      return 'silent';
    };
    const { message } = stage.fails();
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
    const stage = new AttemptStage();
    stage.host.network.names.set('r.example', answer);
    expect(stage.fails()).toEqual({ step: 'resolving', kind: 'fault', message, retryAfterMs: null });
  });

  it('with several addresses has each of them tried, in order', () => {
    const stage = new AttemptStage();
    const { network } = stage.host;
    network.names.set('r.example', ['2001:db8::1', '198.51.100.7', '198.51.100.8', ADDRESS, '198.51.100.9']);
    network.endpoints.set('2001:db8::1:80', { error: unreachable });
    network.endpoints.set('198.51.100.8:80', 'silent');
    stage.succeeds();
    expect(network.dialled).toEqual([
      '2001:db8::1:80',
      '198.51.100.7:80',
      '198.51.100.8:80',
      `${ADDRESS}:80`,
    ]);
  });

  it('of which no address works fails with the error of each', () => {
    const stage = new AttemptStage();
    stage.host.network.names.set('r.example', ['198.51.100.7', '198.51.100.8']);
    stage.host.network.endpoints.set('198.51.100.8:80', { error: timedOut });
    expect(stage.fails()).toMatchObject({
      step: 'connecting',
      message: 'r.example port 80: 198.51.100.7: connection refused, 198.51.100.8: connection timed out',
    });
  });
});

describe('TCP', () => {
  it.each([
    ['refused', refused, 'connection refused'],
    ['timed out', timedOut, 'connection timed out'],
    ['unreachable', unreachable, 'network is unreachable'],
  ])('%s is a fault', (_name, error, message) => {
    const stage = new AttemptStage();
    stage.host.network.endpoints.set(`${ADDRESS}:80`, { error } satisfies Endpoint);
    expect(stage.fails()).toMatchObject({
      step: 'connecting',
      kind: 'fault',
      message: `r.example port 80: ${message}`,
    });
  });

  it('closed before an answer is a fault', () => {
    for (const way of ['end', 'destroy'] as const) {
      const stage = new AttemptStage();
      stage.plain.answer = (_request, { socket }) => {
        socket[way]();
        return 'silent';
      };
      const { step, kind, message } = stage.fails();
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

  it.each(codes)('error %s is a fault that names it', (code) => {
    const stage = new AttemptStage();
    stage.tls = () => ({ code, message: `because of ${code}` });
    expect(stage.fails('https://r.example/')).toEqual({
      step: 'tls',
      kind: 'fault',
      message: `r.example port 443: because of ${code}`,
      retryAfterMs: null,
    });
    expect(stage.secure.last.requests).toEqual([]);
  });

  it('takes a key that is pinned and sends no credentials to another', () => {
    const stage = new AttemptStage();
    const pin = base64Encode(SESSION.publicKeyDigest);
    stage.succeeds('https://r.example/', { pins: ['AAAA', pin] });
    const other = new AttemptStage();
    const { message, step } = other.fails('https://r.example/', { pins: ['AAAA'] });
    expect([step, message]).toEqual(['tls', `r.example: its public key (sha256/${pin}) is none of tls.pins`]);
    expect(other.secure.last.requests).toEqual([]);
  });

  it('is demanded by pins', () => {
    const stage = new AttemptStage();
    expect(stage.fails('http://r.example/', { pins: ['AAAA'] }).message).toBe(
      'tls.pins demands an https: reflector',
    );
    expect(stage.plain.last.requests).toEqual([]);
  });
});
