import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import { Store } from '../store/store.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { claimedBy, DeviceAuthentication } from './authentication.ts';
import { type ClientCertificate, clientCertificateOf, isOf, namesIn } from './client-certificate.ts';
import { deviceSecrets } from './digest-secrets.ts';
import { Door } from './door.ts';

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
    ['', '', []],
  ])('%j and %j are %j', (subject, subjectAltName, names) => {
    expect(namesIn({ subject, subjectAltName })).toEqual(names);
  });

  it('are those of a device whole or not at all', () => {
    const names = ['dev1', 'dev2@acme', '*', '*.acme', 'dev3.acme'];
    expect(isOf({ names }, 'dev1', 'any')).toBe(true);
    expect(isOf({ names }, 'dev2', 'Acme')).toBe(true);
    for (const [id, domain] of [
      ['dev2', 'other'],
      ['dev', 'acme'],
      ['dev3', 'acme'],
      ['dev11', 'acme'],
    ] as const) {
      expect(isOf({ names }, id, domain), id).toBe(false);
    }
  });

  it('are asked of TLS only', () => {
    expect(clientCertificateOf(new Duplex(), 0)).toBeNull();
  });
});

describe('a device with a certificate', () => {
  let store: Store;
  let authentication: DeviceAuthentication;
  const domain = 'acme';

  beforeEach(async () => {
    store = Store.open(':memory:');
    for (const id of ['dev1', 'dev2']) {
      store.devices.add(id, domain, await deviceSecrets(id, domain, `${id} password`, false), 0);
    }
    authentication = new DeviceAuthentication({
      store,
      verifier: new PasswordVerifier(defaultLimits),
      limits: defaultLimits,
      clock: new ManualClock(),
      door: new Door(defaultLimits, 0),
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
      expect(await verdict({ names: [name] }, basic('dev1@acme'))).toBe('dev1');
      expect(await verdict({ names: ['fleet', name] })).toBe('dev1');
    }
    const digest =
      'Digest username="dev1@acme", realm="r", nonce="n", uri="/", response="r", qop=auth, nc=00000001, cnonce="c"';
    expect(await verdict({ names: ['dev1'] }, digest)).toBe('dev1');
  });

  it('is no other device, whatever it says', async () => {
    expect(await verdict({ names: ['dev1'] }, basic('dev2@acme'))).toMatch(
      /^401 .*; the client certificate is of no such device$/,
    );
    expect(await verdict({ names: ['dev1@other'] }, basic('dev1@acme'))).toMatch(/^401 /);
    expect(await verdict({ names: ['dev1'] }, basic('dev1@other'))).toMatch(/^401 /);
    expect(await verdict({ names: ['dev9'] })).toMatch(/^401 no credentials; the client certificate/);
    expect(await verdict({ names: [''] }, 'Basic !')).toMatch(/^401 /);
  });

  it('may use a password all the same, as may one without', async () => {
    expect(await verdict({ names: ['dev1'] }, basic('dev2@acme', 'dev2 password'))).toBe('dev2');
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

  it('waits for being claimed as any other', async () => {
    expect(await verdict(null, basic('dev3@acme', 'first'))).toMatch(/^403 /);
    expect(await verdict({ names: ['dev3'] }, basic('dev3@acme'))).toMatch(/^403 .*claimed/);
  });

  it('is named in the audit log by its password, else by its certificate', () => {
    const certificate = { names: ['dev1', 'dev2'] };
    expect(claimedBy({ authorization: basic('dev2@acme'), certificate })).toBe('dev2@acme');
    expect(claimedBy({ authorization: undefined, certificate })).toBe('dev1');
    expect(
      claimedBy({ authorization: undefined, certificate: { fault: 'CERT_HAS_EXPIRED' } }),
    ).toBeUndefined();
    expect(claimedBy({ authorization: 'Basic !', certificate: null })).toBeUndefined();
  });
});
