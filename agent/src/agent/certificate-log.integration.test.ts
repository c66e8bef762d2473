import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../../../test/certificates/authority.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { attemptSettingsFor } from '../../simulation/attempt-settings.ts';
import { buildDate } from '../config/version.ts';
import { certificateExpiry, expiryWarning } from './certificate-expiry.ts';
import { CertificateLog } from './certificate-log.ts';

const day = 86_400_000;
const ends = Date.UTC(2030, 0, 1);

let authority: Authority;
let pem: Uint8Array;
beforeAll(() => {
  authority = new Authority();
  pem = readFileSync(authority.issue({ names: 'DNS:device', until: 2030 }).certFile);
});
afterAll(() => authority.remove());

/** A device whose certificate expires at the beginning of 2030, and its log. */
function device(now: number) {
  const host = new AgentHost();
  host.files.content.set('/c.pem', pem);
  host.clock.wallOffset = now - host.clock.now();
  const { tls } = host.configure({ tls: { cert: '/c.pem' } });
  return { host, tls, certificateLog: new CertificateLog(host, tls, host.log) };
}

describe('the certificate log has', () => {
  it('what is trusted, at the first attempt and when it changes', () => {
    const { host, certificateLog } = device(buildDate);
    for (const trusted of ['a', 'a', null, 'a', 'b', 'b']) {
      certificateLog.attempt(attemptSettingsFor('https://r/', { trusted }));
    }
    expect(host.lines).toEqual(['info trusted: a', 'info trusted: a', 'info trusted: b']);
  });

  it('once that the clock is not set, and once that it is', () => {
    const { host, certificateLog } = device(0);
    const { tls } = attemptSettingsFor('https://r/');
    const attempt = (judgedAt: number | null, uri = 'https://r/') =>
      certificateLog.attempt(attemptSettingsFor(uri, { tls: { ...tls, judgedAt } }));
    attempt(buildDate, 'http://r/');
    expect(host.lines).toEqual([]);
    attempt(buildDate);
    attempt(buildDate);
    const built = new Date(buildDate).toISOString().slice(0, 10);
    expect(host.lines.splice(0)).toEqual([
      `warning the clock shows 1970-01-01, before this agent was built: the end of certificates is judged by ${built}`,
    ]);
    host.clock.wallOffset = ends;
    attempt(null);
    attempt(null);
    expect(host.lines).toEqual(['info the clock is set: 2030-01-01; dates of certificates are judged by it']);
  });

  it('of an end of the own certificate within 30 days, at each connect and daily while connected, never more', () => {
    const { host, certificateLog } = device(ends - 31.5 * day);
    certificateLog.connected();
    host.clock.advance(1.4 * day);
    expect(host.lines).toEqual([]);
    host.clock.advance(0.7 * day);
    expect(host.lines).toEqual(['warning tls.cert: /c.pem expires in 29 days, on 2030-01-01']);
    for (let round = 0; round < 5; round++) {
      certificateLog.ended();
      certificateLog.connected();
    }
    expect(host.lines).toHaveLength(1);
    host.clock.advance(day);
    expect(host.lines.slice(1)).toEqual(['warning tls.cert: /c.pem expires in 28 days, on 2030-01-01']);
    host.clock.wallOffset += 29 * day;
    host.clock.advance(day);
    expect(host.lines.slice(2)).toEqual(['warning tls.cert: /c.pem has expired 1 day ago, on 2030-01-01']);
    certificateLog.ended();
    expect(host.clock.pending).toBe(0);
  });

  it('the days that are left by the day of the build while the clock is not set, and by the clock from then on', () => {
    const { host, certificateLog } = device(0);
    const { tls } = attemptSettingsFor('https://r/');
    certificateLog.attempt(attemptSettingsFor('https://r/', { tls: { ...tls, judgedAt: buildDate } }));
    expect(certificateLog.daysUntil(buildDate + 12.5 * day)).toBe(12);
    expect(certificateLog.daysUntil(buildDate - 0.5 * day)).toBe(-1);
    expect(certificateLog.daysUntil(null)).toBeNull();
    certificateLog.connected();
    host.lines.length = 0;
    host.clock.wallOffset = ends - 10 * day - host.clock.now();
    expect(certificateLog.daysUntil(ends)).toBe(10);
    host.clock.advance(day);
    expect(host.lines).toEqual(['warning tls.cert: /c.pem expires in 9 days, on 2030-01-01']);
    certificateLog.ended();
  });

  it('nothing of a certificate that was renewed meanwhile', () => {
    const { host, certificateLog } = device(ends - 10 * day);
    certificateLog.connected();
    host.files.content.set(
      '/c.pem',
      readFileSync(authority.issue({ names: 'DNS:device', until: 2040 }).certFile),
    );
    host.clock.advance(2 * day);
    expect(host.lines).toHaveLength(1);
    certificateLog.ended();
  });

  it('nothing where there is none', () => {
    const host = new AgentHost();
    const certificateLog = new CertificateLog(host, host.configure().tls, host.log);
    certificateLog.connected();
    expect(host.clock.pending).toBe(0);
  });
});

describe('certificateExpiry', () => {
  it('is that of the first certificate of the chain to end', () => {
    const { host, tls } = device(0);
    expect(certificateExpiry(host, tls)).toBe(ends);
    const signer = readFileSync(authority.issue({ names: 'DNS:ca', until: 2028 }).certFile);
    host.files.content.set('/c.pem', Buffer.concat([pem, signer]));
    expect(certificateExpiry(host, tls)).toBe(Date.UTC(2028, 0, 1));
  });

  it('is unknown without a certificate that can be read', () => {
    const { host, tls } = device(0);
    expect(certificateExpiry(host, host.configure().tls)).toBeNull();
    host.files.content.set('/c.pem', new Uint8Array(3));
    expect(certificateExpiry(host, tls)).toBeNull();
    host.files.content.set('/c.pem', new Uint8Array(65_537));
    expect(certificateExpiry(host, tls)).toBeNull();
    host.files.content.delete('/c.pem');
    expect(certificateExpiry(host, tls)).toBeNull();
  });
});

describe('expiryWarning', () => {
  it.each([
    [null, null],
    [30 * day + 1, null],
    [30 * day, 'expires in 30 days, on 2030-01-01'],
    [day, 'expires in 1 day, on 2030-01-01'],
    [0, 'expires in 0 days, on 2030-01-01'],
    [-1, 'has expired 0 days ago, on 2030-01-01'],
  ])('%d ms before the end says %s', (left, words) => {
    expect(expiryWarning(left === null ? null : ends, ends - (left ?? 0))).toBe(words);
  });
});
