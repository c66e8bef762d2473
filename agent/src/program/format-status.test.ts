import { describe, expect, it } from 'vitest';
import { duration, formatStatus } from './format-status.ts';

describe('duration', () => {
  it.each([
    [-5000, '0 s'],
    [0, '0 s'],
    [499, '0 s'],
    [59_400, '59 s'],
    [59_600, '1 min 0 s'],
    [3_599_000, '59 min 59 s'],
    [3_600_000, '1 h 0 min'],
    [86_399_000, '23 h 59 min'],
    [86_400_000, '1 d 0 h'],
    [1_000_000_000, '11 d 13 h'],
  ])('%i ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe('formatStatus', () => {
  const waiting = {
    state: 'waiting',
    link: 'waiting',
    since: 1_000_000,
    reflector: 'https://r.example/',
    connectedTo: null,
    proxy: null,
    keepAliveMs: null,
    code: null,
    lastError: 'r.example: name not found',
    lastFailure: { reason: 'r.example: name not found', at: 1_060_000 },
    nextAttemptAt: 1_100_000,
    channels: 0,
    access: { waiting: [], sessions: 0 },
    services: [],
    connects: 1,
    received: 10,
    sent: 20,
    residentMemory: 1_572_864,
    certificateExpiresAt: 29.5 * 86_400_000,
    certificateDays: 29,
    version: '0.1.0',
    persisted: null,
  } as const;

  it('has a line for each thing a person asks for', () => {
    expect(formatStatus(waiting, 1_065_000).split('\n')).toEqual([
      'state:        waiting for 1 min 5 s',
      'reflector:    https://r.example/',
      'last error:   r.example: name not found',
      'next attempt: in 35 s',
      'certificate:  29 days left, 1970-01-30',
      'channels:     0',
      'connected:    1 time',
      'bytes:        10 received, 20 sent',
      'memory:       1536 KiB resident',
      'version:      0.1.0',
      '',
    ]);
  });

  it('has a line for each service', () => {
    const service = { port: 80, name: null, kind: 'http', result: null };
    const at = 1_060_000;
    const services = [
      service,
      { ...service, port: 22, name: 'Shell', result: { ok: true, reason: null, at } },
      { ...service, port: 5900, result: { ok: false, reason: 'connection refused', at } },
    ];
    expect(formatStatus({ ...waiting, services }, 1_065_000)).toContain(
      [
        'service:      port 80: not used yet',
        'service:      port 22 (Shell): worked 5 s ago',
        'service:      port 5900: connection refused, 5 s ago',
        '',
      ].join('\n'),
    );
  });

  it('names the reflector to which a redirect has led, and the proxy', () => {
    const live = {
      state: 'connected',
      link: 'live',
      since: 1_000_000,
      reflector: 'https://r.example/',
      connectedTo: 'https://r7.example/',
      proxy: 'http://p.example:3128',
      keepAliveMs: 60_000,
      code: null,
      lastError: null,
      lastFailure: { reason: 'link is dead', at: 1_005_000 },
      nextAttemptAt: null,
      channels: 2,
      access: { waiting: [], sessions: 0 },
      services: [],
      connects: 3,
      received: 10,
      sent: 20,
      residentMemory: 1_572_864,
      certificateExpiresAt: null,
      certificateDays: null,
      version: '0.1.0',
      persisted: null,
    } as const;
    const text = formatStatus(live, 1_065_000);
    expect(text).toContain(
      'connected to: https://r7.example/\nproxy:        http://p.example:3128\nlast error:   none (1 min 0 s ago: link is dead)\nkeep-alive:   every 1 min 0 s\n',
    );
    const asked = [{ port: 22, name: 'SSH', channels: 2, since: 1_060_000, until: 1_100_000 }];
    const text2 = formatStatus(
      { ...live, access: { waiting: asked, sessions: 1 }, persisted: 'disabled' },
      1_065_000,
    );
    expect(text2).toContain(
      'consent:      port 22 (SSH): waits for "rm-agent consent", 35 s left, 2 waiting\nconsent:      given\nchannels:',
    );
    expect(text2).toContain('\nnext start:   disabled\n');
    expect(formatStatus({ ...live, state: 'connecting', link: 'tls' }, 1_065_000)).toMatch(
      /^state: +connecting \(tls\) for 1 min 5 s\n/,
    );
    expect(formatStatus({ ...live, certificateExpiresAt: 0, certificateDays: -1 }, 0)).toContain(
      '\ncertificate:  has expired, 1970-01-01\n',
    );
    expect(formatStatus({ ...live, connectedTo: live.reflector }, 0)).not.toContain('connected to');
  });
});
