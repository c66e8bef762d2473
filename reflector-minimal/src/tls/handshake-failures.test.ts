import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { HandshakeFailures, reasonOf } from './handshake-failures.ts';

function setUp(limits: Partial<Limits> = {}) {
  const clock = new ManualClock();
  const lines: unknown[] = [];
  const log = { warn: (facts: object, message: string) => lines.push([message, facts]) };
  return {
    clock,
    lines,
    failures: new HandshakeFailures(clock, { ...defaultLimits, ...limits }, log as never),
  };
}

const first = 'TLS handshake failed';
const further = 'further TLS handshakes failed in this network';

test('handshakeQuietMs: a line for each network and reason, and one for all that followed', () => {
  const { clock, lines, failures } = setUp({ handshakeQuietMs: 1_000 });
  for (let i = 0; i < 100; i++) failures.add(`::ffff:192.0.2.${i}`, 'alert unknown_ca');
  failures.add('198.51.100.1', 'alert unknown_ca');
  failures.add('192.0.2.7', 'alert certificate_expired');
  expect(lines).toEqual([
    [first, { address: '192.0.2.0', reason: 'alert unknown_ca' }],
    [first, { address: '198.51.100.1', reason: 'alert unknown_ca' }],
    [first, { address: '192.0.2.7', reason: 'alert certificate_expired' }],
  ]);
  clock.advance(1_000);
  expect(lines.slice(3)).toEqual([
    [further, { address: '192.0.2.0', reason: 'alert unknown_ca', times: 99 }],
  ]);
  expect(clock.pending).toBe(0);
  failures.add('192.0.2.9', 'alert unknown_ca');
  expect(lines).toHaveLength(5);
});

test('handshakeKinds: a flood from everywhere fills neither log nor memory', () => {
  const { lines, failures } = setUp({ handshakeKinds: 5 });
  for (let i = 0; i < 1_000; i++) failures.add(`10.${i % 250}.${i >> 3}.1`, 'alert unknown_ca');
  expect(lines).toHaveLength(5);
  failures.stop();
});

test.each([
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'alert unknown_ca'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'alert certificate_expired'],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'alert bad_certificate'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'unsupported protocol'],
  ['ECONNRESET', 'connection closed during the handshake'],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'no handshake in time'],
])('%s is "%s"', (code, reason) => {
  expect(reasonOf(Object.assign(new Error('long text'), { code }))).toBe(reason);
});
