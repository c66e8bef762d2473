import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { DeviceAuthentication } from './authentication.ts';
import { DeviceAdmission } from './device-admission.ts';
import { deviceSecrets } from './digest-secrets.ts';
import { Fingerprints } from './fingerprints.ts';

const domain = 'acme';
const generated = 'k3m9x2q7w5z8r4t6y2u9i3p5a7';

const key = Buffer.alloc(32, 1);
let store: SqliteStore;
let authentication: DeviceAuthentication;
/** What was verified by scrypt: whether against a hash of somebody. */
let work: string[];

beforeEach(async () => {
  store = SqliteStore.open(':memory:');
  const machine = await deviceSecrets('machine', domain, generated, false);
  await store.devices.add({ id: 'machine', domain, secrets: machine }, 0, null);
  await new Fingerprints(store.devices, key).remember(
    { id: 'machine', password: machine.password, fingerprint: null },
    generated,
  );
  await store.devices.add(
    { id: 'person', domain, secrets: await deviceSecrets('person', domain, 'rosebud', true) },
    0,
    null,
  );
  work = [];
  const verifier = new PasswordVerifier(defaultLimits);
  const counting = {
    verify: (...args: Parameters<PasswordVerifier['verify']>) => {
      work.push('scrypt');
      return verifier.verify(...args);
    },
  } as PasswordVerifier;
  const clock = new ManualClock();
  const admission = new DeviceAdmission(defaultLimits, clock.now());
  const options = {
    store,
    fingerprintKey: key,
    verifier: counting,
    limits: defaultLimits,
    clock,
    admission,
    acceptUnclaimed: false,
  };
  authentication = new DeviceAuthentication(options);
});
afterEach(() => store.close());

async function guess(user: string, password: string): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const request = { method: 'GET', target: '/', address: '192.0.2.1', authorization, certificate: null };
  const found = await authentication.authenticate(request);
  return 'device' in found ? found.device.id : { ...found.refusal, reason: '' };
}

test('a wrong password costs the same work, and gets the same answer, whether or not there is such a device', async () => {
  const answers: unknown[] = [];
  for (const user of ['machine@acme', 'person@acme', 'nobody@acme', 'machine@other', 'nobody', '@', '']) {
    work = [];
    answers.push(await guess(user, 'a wrong one'));
    expect([user, work]).toEqual([user, ['scrypt']]);
  }
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
});

test('the right password of a machine costs no scrypt', async () => {
  expect(await guess('machine@acme', generated)).toBe('machine');
  expect(work).toEqual([]);
  expect(await guess('person@acme', 'rosebud')).toBe('person');
  expect(work).toEqual(['scrypt']);
});

test('the fingerprint is computed for every device, and for none', async () => {
  const fingerprints = new Fingerprints(store.devices, key);
  expect(fingerprints.check(await store.devices.credentials('machine'), 'wrong')).toBe(false);
  expect(fingerprints.check(await store.devices.credentials('machine'), generated)).toBe(true);
  expect(fingerprints.check(await store.devices.credentials('person'), 'rosebud')).toBeNull();
  expect(fingerprints.check(null, 'wrong')).toBeNull();
});
