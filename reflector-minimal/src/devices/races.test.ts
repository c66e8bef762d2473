import { createHash } from 'node:crypto';
import { answerDigest, chooseDigest, decodeChallenges } from 'rm-protocol';
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import type { Store } from '../ports/store.ts';
import { RemoteData } from '../testing/remote-store.ts';
import { DeviceAuthentication } from './authentication.ts';
import { DeviceAdmission } from './device-admission.ts';
import { deviceSecrets } from './digest-secrets.ts';

// Between a check and its use the store may take its time: nothing is decided twice.

const limits = { ...defaultLimits, unclaimedDevices: 5, unclaimedPerNetwork: 3 };

let store: Store;
let authentication: DeviceAuthentication;

beforeEach(() => {
  store = new RemoteData().open();
  const clock = new ManualClock();
  authentication = new DeviceAuthentication({
    store,
    fingerprintKey: Buffer.alloc(32, 1),
    verifier: new PasswordVerifier(limits),
    limits,
    clock,
    admission: new DeviceAdmission(limits, clock.now()),
    acceptUnclaimed: true,
  });
});

function come(authorization: string | undefined, address = '192.0.2.1') {
  return authentication.authenticate({
    method: 'POST',
    target: '/',
    address,
    authorization,
    certificate: null,
  });
}

test('of several who bring one answer to a Digest challenge, one is let in', async () => {
  const secrets = await deviceSecrets('dev1', 'acme', 's3cret', true);
  await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 0, null);
  const asked = await come(undefined);
  const challenges = 'refusal' in asked ? asked.refusal.challenges : [];
  const chosen = chooseDigest(decodeChallenges(challenges[0] ?? ''));
  if (!chosen) throw new Error('no challenge');
  const digest = (algorithm: 'sha-256' | 'md5', data: Uint8Array) =>
    createHash(algorithm === 'md5' ? 'md5' : 'sha256')
      .update(data)
      .digest();
  const credentials = { user: 'dev1@acme', password: 's3cret' };
  const answer = answerDigest(digest, chosen, credentials, { method: 'POST', uri: '/' }, 'cnonce', 1);
  const verdicts = await Promise.all([come(answer), come(answer), come(answer)]);
  const outcomes = verdicts.map((verdict) =>
    'device' in verdict ? verdict.device.id : verdict.refusal.reason,
  );
  expect(outcomes.sort()).toEqual(['dev1', 'expired nonce', 'expired nonce']);
});

test('unknown devices that come at once take no more places than there are, in all and of one network', async () => {
  const basic = (id: string) => `Basic ${Buffer.from(`${id}@acme:secret of ${id}`).toString('base64')}`;
  const near = Array.from({ length: 6 }, (_, n) => come(basic(`near${n}`)));
  const far = Array.from({ length: 6 }, (_, n) => come(basic(`far${n}`), `198.51.${n}.1`));
  await Promise.all([...near, ...far]);
  const waiting = await store.devices.page({ domains: null, claimed: false }, '', 100);
  expect(waiting).toHaveLength(5);
  expect(waiting.filter(({ id }) => id.startsWith('near')).length).toBeLessThanOrEqual(3);
});
