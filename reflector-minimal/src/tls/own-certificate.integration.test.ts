import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { selfSigned } from '../../../test/certificates/self-signed.ts';
import { defaultLimits } from '../limits.ts';
import { startReflector } from '../reflector.ts';
import { until } from '../testing/until.ts';
import { inspectCertificate } from './own-certificate.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-own-certificate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const names = { domain: 'r.test', cookieHost: 'view.test' };
const all = 'DNS:r.test,DNS:*.r.test,DNS:view.test';
const made = Date.now();
const dayMs = 86_400_000;

/** What is said of a certificate with these names, days after it was made: it is good for two. */
function findings(
  subjectAltName: string,
  days = 0,
  wanted: typeof names | { domain: string; cookieHost: null } = names,
) {
  const { cert } = selfSigned(folder, 'r.test', { names: subjectAltName });
  return inspectCertificate(readFileSync(cert), wanted, made + days * dayMs).map(
    ({ level, message }) => `${level}: ${message.replace(/\d{4}-\d\d-\d\d/, 'DATE')}`,
  );
}

test('says how long it is good', () => {
  expect(findings(all, 0.5)).toEqual(['warn: the certificate is good for 1 day, until DATE']);
  expect(findings(all, 3)).toEqual(['error: the certificate has expired on DATE']);
  expect(findings(all, -3)).toEqual(['error: the certificate is not valid before DATE']);
});

test('says which names it lacks', () => {
  const [, ...without] = findings('DNS:other.test');
  expect(without).toEqual([
    'warn: the certificate does not name r.test: nobody reaches the reflector itself',
    'warn: the certificate does not name *.r.test: browsers refuse the hosts of devices',
    'warn: the certificate does not name view.test: browsers refuse the --cookie-host',
  ]);
  expect(
    findings('DNS:r.test,DNS:pump-7.r.test', 0, { domain: 'r.test', cookieHost: null }).slice(1),
  ).toEqual(['warn: the certificate does not name *.r.test: browsers refuse the hosts of devices']);
  const address = { domain: 'r.test', cookieHost: '192.0.2.1' } as unknown as typeof names;
  expect(findings('DNS:r.test,DNS:*.r.test,IP:192.0.2.1', 0, address)).toHaveLength(1);
});

test('certificateMs: the log says so at the start, each day, and after a reload; and why a handshake has failed', async () => {
  const clock = new ManualClock();
  const lines: { msg: string; reason?: string; address?: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
  const tls = selfSigned(folder, 'localhost', { names: 'DNS:localhost', file: 'own' });
  const reflector = await startReflector({ tls, clock, log });
  try {
    const missing = 'the certificate does not name *.localhost: browsers refuse the hosts of devices';
    const times = () => lines.filter(({ msg }) => msg === missing).length;
    expect(times()).toBe(1);
    clock.advance(defaultLimits.certificateMs);
    expect(times()).toBe(2);
    reflector.reloadTls();
    expect(times()).toBe(3);
    // A device that does not trust the certificate.
    const device = connect({ port: reflector.port, host: '127.0.0.1', servername: 'localhost', ca: [] });
    await once(device, 'error');
    await until(() => lines.some(({ msg }) => msg === 'TLS handshake failed'));
    expect(lines.at(-1)).toMatchObject({
      address: '127.0.0.1',
      reason: expect.stringMatching(/^(alert|connection)/),
    });
  } finally {
    await reflector.close();
  }
});
