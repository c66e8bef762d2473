import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { claimedBy, DeviceAuthentication } from './authentication.ts';
import { ClientAuthorities } from './client-authorities.ts';
import {
  type ClientCertificate,
  certificateFault,
  clientCertificateOf,
  isOf,
  namesIn,
  type ProvenCertificate,
} from './client-certificate.ts';
import { DeviceAdmission } from './device-admission.ts';
import { deviceSecrets } from './digest-secrets.ts';

describe('the names of a certificate', () => {
  it.each([
    ['C=DE\nO=Acme\nCN=Dev1', '', ['dev1']],
    [
      'O=Acme',
      'DNS:dev1, email:Dev1@Acme, URI:device:dev2, URI:https://dev3/, IP Address:10.0.0.1',
      ['dev1', 'dev1@acme', 'dev2'],
    ],
    // Two common names: which would be meant?
    ['CN=dev1\nCN=dev2', 'DNS:dev3', ['dev3']],
    // What Node has to quote was made to be taken for something else.
    ['CN=dev1', 'DNS:"evil\\u0000, DNS:dev2", DNS:dev3', ['dev1']],
    ['O=CN=dev1', '', []],
    // Only ASCII letters have a lower case: U+212A (Kelvin sign) is no k.
    ['CN=\u212Aiosk-K', 'DNS:Pump-\u212A', ['\u212Aiosk-k', 'pump-\u212A']],
    ['', '', []],
  ])('%j and %j are %j', (subject, subjectAltName, names) => {
    expect(namesIn({ subject, subjectAltName })).toEqual(names);
  });

  it('are those of a device whole or not at all', () => {
    const names = ['dev1', 'dev2@acme', '*', '*.acme', 'dev3.acme'];
    expect(isOf({ names }, { id: 'dev1', domain: 'any' })).toBe(true);
    expect(isOf({ names }, { id: 'dev2', domain: 'Acme' })).toBe(true);
    for (const [id, domain] of [
      ['dev2', 'other'],
      ['dev', 'acme'],
      ['dev3', 'acme'],
      ['dev11', 'acme'],
    ] as const) {
      expect(isOf({ names }, { id, domain }), id).toBe(false);
    }
  });

  it('are asked of TLS only', () => {
    expect(clientCertificateOf(new Duplex(), 0, new ClientAuthorities())).toBeNull();
  });
});

describe('the certificates that count for a device', () => {
  const day = 24 * 3600_000;
  const now = Date.UTC(2026, 5, 1, 12, 0, 0, 500);
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  let store: SqliteStore;
  beforeEach(() => {
    store = SqliteStore.open(':memory:');
  });
  afterEach(() => store.close());

  const fault = async (issued: number) => {
    const device = await store.devices.credentials('dev1');
    if (!device) throw new Error('no device');
    return certificateFault({ issued, until: now + day, trusted: () => true }, device, now);
  };

  it('are those of the day before it was added, so that a factory may do either first', async () => {
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, now, 'default');
    expect(await fault(now - day)).toBeNull();
    expect(await fault(now - day - 1_000)).toMatch(/^was issued at/);
  });

  it('are none of a former device of the same id, however young', async () => {
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, now - 3_000, 'default');
    await store.devices.remove('dev1', now - 1_000);
    await store.devices.add({ id: 'dev1', domain: 'other', secrets }, now, 'default');
    expect(await fault(now - 2_000)).toMatch(/^was issued at/);
    // A certificate has its time in whole seconds.
    expect(await fault(Math.floor((now - 1_000) / 1000) * 1000)).toBeNull();
  });

  it('are those from the time that the operator names', async () => {
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, now, now - 900 * day);
    expect(await fault(now - 900 * day)).toBeNull();
    expect(await fault(now - 901 * day)).toMatch(/^was issued at/);
  });

  it('are none beside a password, and none that has expired', async () => {
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, now, null);
    expect(await fault(now)).toMatch(/without --certificate$/);
    await store.devices.setSecrets('dev1', secrets, 0, 0);
    expect(await fault(now)).toBeNull();
    const device = await store.devices.credentials('dev1');
    if (!device) throw new Error('no device');
    expect(certificateFault({ issued: 0, until: now, trusted: () => true }, device, now)).toBeNull();
    expect(certificateFault({ issued: 0, until: now - 1, trusted: () => true }, device, now)).toBe(
      'has expired',
    );
  });
});

describe('a device with a certificate', () => {
  let store: SqliteStore;
  let authentication: DeviceAuthentication;
  const domain = 'acme';
  const clock = new ManualClock();
  const added = clock.date();
  /** One of the day on which the devices were added. */
  const of = (...names: string[]): ProvenCertificate => ({
    names,
    issued: added,
    until: added + 3600_000,
    trusted: () => true,
  });

  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    for (const [id, since] of [
      ['dev1', added],
      ['dev2', null],
    ] as const) {
      const secrets = await deviceSecrets(id, domain, `${id} password`, false);
      await store.devices.add({ id, domain, secrets }, 0, since);
    }
    authentication = new DeviceAuthentication({
      store,
      fingerprintKey: Buffer.alloc(32, 1),
      verifier: new PasswordVerifier(defaultLimits),
      limits: defaultLimits,
      clock,
      admission: new DeviceAdmission(defaultLimits, 0),
      acceptUnclaimed: true,
    });
  });
  afterEach(() => store.close());

  const basic = (user: string, password = '') =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

  async function verdict(certificate: ClientCertificate | null, authorization?: string): Promise<unknown> {
    const request = { method: 'GET', target: '/', address: '192.0.2.1', authorization, certificate };
    const found = await authentication.authenticate(request);
    return 'device' in found ? found.device.id : `${found.refusal.status} ${found.refusal.error}`;
  }

  it('needs no password, and not even a name', async () => {
    for (const name of ['dev1', 'dev1@acme']) {
      expect(await verdict(of(name), basic('dev1@acme'))).toBe('dev1');
      expect(await verdict(of('fleet', name))).toBe('dev1');
    }
    const digest =
      'Digest username="dev1@acme", realm="r", nonce="n", uri="/", response="r", qop=auth, nc=00000001, cnonce="c"';
    expect(await verdict(of('dev1'), digest)).toBe('dev1');
  });

  it('is no other device, whatever it says', async () => {
    expect(await verdict(of('dev1'), basic('dev2@acme'))).toMatch(
      /^401 .*; the client certificate is of no such device$/,
    );
    expect(await verdict(of('dev1@other'), basic('dev1@acme'))).toMatch(/^401 /);
    expect(await verdict(of('dev1'), basic('dev1@other'))).toMatch(/^401 /);
    expect(await verdict(of('dev9'))).toMatch(/^401 no credentials; the client certificate/);
    expect(await verdict(of(''), 'Basic !')).toMatch(/^401 /);
  });

  it('may use a password all the same, as may one without', async () => {
    expect(await verdict(of('dev1'), basic('dev2@acme', 'dev2 password'))).toBe('dev2');
    expect(await verdict(null, basic('dev1@acme', 'dev1 password'))).toBe('dev1');
    expect(await verdict(null, basic('dev1@acme'))).toMatch(/^401 unknown device or wrong password$/);
  });

  it('gets nothing for one that is not accepted, and is told why', async () => {
    const fault = { fault: 'CERT_HAS_EXPIRED' };
    expect(await verdict(fault, basic('dev1@acme'))).toBe(
      '401 unknown device or wrong password; the client certificate is not accepted (CERT_HAS_EXPIRED)',
    );
    expect(await verdict(fault, basic('dev1@acme', 'dev1 password'))).toBe('dev1');
  });

  it('is not proven by one where it was added with a password', async () => {
    expect(await verdict(of('dev2'), basic('dev2@acme'))).toBe(
      '401 unknown device or wrong password; the client certificate does not count, because this device was added without --certificate',
    );
    expect(await verdict(of('dev2'))).toMatch(/^401 .* without --certificate$/);
  });

  it('is not proven by one from before its record', async () => {
    const early = { ...of('dev1'), issued: added - 1_000 };
    expect(await verdict(early)).toBe(
      '401 no credentials; the client certificate was issued at 2025-12-31T23:59:59Z, and this device takes those from 2026-01-01T00:00:00Z on',
    );
    // Of two names the second may be good.
    expect(await verdict({ ...early, names: ['dev9', 'dev1'] })).toMatch(/was issued at/);
  });

  it('is told what is wrong with it for the first device that it names', async () => {
    const early = { ...of('dev1', 'dev2'), issued: added - 1_000 };
    expect(await verdict(early)).toMatch(/was issued at/);
    expect(await verdict({ ...early, names: ['dev2', 'dev1'] })).toMatch(/without --certificate$/);
  });

  it('is not proven by what looks like its name', async () => {
    const secrets = await deviceSecrets('kiosk', domain, 'password', false);
    await store.devices.add({ id: 'kiosk', domain, secrets }, 0, added);
    expect(await verdict(of('kiosk'))).toBe('kiosk');
    expect(await verdict(of(...namesIn({ subject: 'CN=\u212Aiosk', subjectAltName: '' })))).toMatch(/^401 /);
    expect(await verdict(null, basic('\u212Aiosk@acme', 'password'))).toMatch(/^401 /);
  });

  it('waits for being claimed as any other', async () => {
    expect(await verdict(null, basic('dev3@acme', 'first'))).toMatch(/^403 /);
    expect(await verdict(of('dev3'), basic('dev3@acme'))).toMatch(/^403 .*claimed/);
  });

  it('is named in the audit log by its password, else by its certificate', () => {
    const certificate = of('dev1', 'dev2');
    expect(claimedBy({ authorization: basic('DEV2@acme'), certificate })).toBe('dev2');
    expect(claimedBy({ authorization: basic('dev 2@acme'), certificate })).toBe('dev 2@acme');
    expect(claimedBy({ authorization: undefined, certificate })).toBe('dev1');
    expect(
      claimedBy({ authorization: undefined, certificate: { fault: 'CERT_HAS_EXPIRED' } }),
    ).toBeUndefined();
    expect(claimedBy({ authorization: 'Basic !', certificate: null })).toBeUndefined();
  });
});
