import { createHash } from 'node:crypto';
import { answerDigest, chooseDigest, decodeChallenges } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { type PasswordVerifier, VerifierBusy } from '../passwords/verifier.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { DeviceAuthentication, type DeviceRefusal, type DeviceVerdict } from './authentication.ts';
import { DeviceAdmission } from './device-admission.ts';
import { deviceSecrets, digestFunction } from './digest-secrets.ts';
import { type DigestNonces, Nonces } from './nonces.ts';

const address = '192.0.2.1';
const hashOf = (password: string) => `hash of ${password}`;
const stored = hashOf('s3cret');
const basicChallenge = 'Basic realm="WebTunnel", charset="UTF-8"';
const told = 'unknown device or wrong password';

/** Passwords that were hashed for a new device. */
let hashed: string[];
/** Without scrypt, whose time and bounds are tested beside `passwords/verifier.ts`. */
const cheap = {
  verify: async ({ password }: { readonly password: string }, hash: string | null) =>
    hash === hashOf(password),
  hash: async (_kind: string, password: string) => {
    hashed.push(password);
    return hashOf(password);
  },
} as unknown as PasswordVerifier;

let store: SqliteStore;
let clock: ManualClock;
let authentication: DeviceAuthentication;

beforeEach(async () => {
  store = SqliteStore.open(':memory:');
  clock = new ManualClock();
  hashed = [];
  const { digestMd5, digestSha256 } = await deviceSecrets('dev1', 'acme', 's3cret', true, 'generated');
  const secrets = { password: stored, digestMd5, digestSha256 };
  await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 0, null);
  await add('plain');
  authentication = make();
});
afterEach(() => store.close());

async function add(id: string, certificatesSince: number | null = null): Promise<void> {
  const secrets = { password: stored, digestMd5: null, digestSha256: null };
  await store.devices.add({ id, domain: 'acme', secrets }, 0, certificatesSince);
}

function make(
  limits: Partial<Limits> = {},
  {
    acceptUnclaimed = false,
    verifier = cheap,
    nonces = null,
  }: { acceptUnclaimed?: boolean; verifier?: PasswordVerifier; nonces?: DigestNonces | null } = {},
): DeviceAuthentication {
  const all = { ...defaultLimits, ...limits };
  const admission = new DeviceAdmission(all, clock.now());
  const fingerprintKey = Buffer.alloc(32, 1);
  return new DeviceAuthentication({
    ...{ store, fingerprintKey, verifier, clock, admission, acceptUnclaimed, nonces },
    limits: all,
  });
}

const basic = (user: string, password = 's3cret') =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function come(
  authorization?: string,
  more: Partial<Parameters<DeviceAuthentication['authenticate']>[0]> = {},
): Promise<DeviceVerdict> {
  const request = { method: 'POST', target: '/rm', address, authorization, certificate: null, ...more };
  return authentication.authenticate(request);
}

async function refusal(...given: Parameters<typeof come>): Promise<DeviceRefusal & { known?: string }> {
  const verdict = await come(...given);
  if ('device' in verdict) throw new Error(`${verdict.device.id} was let in`);
  return { ...verdict.refusal, ...(verdict.known ? { known: verdict.known.id } : {}) };
}

async function letIn(...given: Parameters<typeof come>): Promise<string> {
  const verdict = await come(...given);
  return 'device' in verdict ? verdict.device.id : `${verdict.refusal.status} ${verdict.refusal.reason}`;
}

test('without credentials, or with some that cannot be read, a device is told all ways to prove itself', async () => {
  const { challenges, ...rest } = await refusal();
  expect(rest).toEqual({ status: 401, error: 'no credentials', reason: 'no credentials' });
  const nonce = /nonce="([\w-]{75})"/.exec(challenges[0] ?? '')?.[1];
  const digest = 'Digest realm="WebTunnel", qop="auth", algorithm=';
  expect(challenges).toEqual([
    `${digest}SHA-256, nonce="${nonce}"`,
    `${digest}MD5, nonce="${nonce}"`,
    basicChallenge,
  ]);
  for (const unreadable of ['Digest x', 'Basic !', 'Bearer x']) {
    const { challenges: again, ...other } = await refusal(unreadable);
    const error = 'credentials that cannot be read';
    expect([unreadable, other]).toEqual([unreadable, { status: 401, error, reason: error }]);
    expect(again).toHaveLength(3);
    expect(again.join()).not.toContain('stale');
  }
});

describe('by Basic', () => {
  test('the password of the store lets a device in, as it was when it came', async () => {
    expect(await come(basic('DEV1@acme'))).toMatchObject({ device: { id: 'dev1' }, certificate: null });
  });

  test.each([
    ['dev1@acme', 'wrong password', 'dev1'],
    ['dev1@other', 'wrong domain', 'dev1'],
    ['dev9@acme', 'unknown device', undefined],
    ['dev1', 'no ID@DOMAIN as the user', undefined],
    ['-@acme', 'unknown device', undefined],
  ])('%s is refused, and the operator told: %s', async (user, reason, known) => {
    const expected = { status: 401, error: told, reason, challenges: [basicChallenge] };
    expect(await refusal(basic(user, 'wrong'))).toEqual(known ? { ...expected, known } : expected);
    if (reason !== 'wrong password') expect(await refusal(basic(user))).toMatchObject(expected);
  });

  test('too many verifications at once are told to try again; a fault of ours is thrown', async () => {
    let error: Error = new VerifierBusy('busy');
    const verifier = { verify: () => Promise.reject(error) } as unknown as PasswordVerifier;
    authentication = make({ slowFailuresPerNetwork: 1 }, { verifier });
    for (let n = 0; n < 3; n++) {
      expect(await refusal(basic('plain@acme'))).toMatchObject({
        status: 503,
        error: 'too many log-ins, try again',
        challenges: [],
      });
    }
    error = new TypeError('ours');
    await expect(come(basic('plain@acme'))).rejects.toThrow('ours');
  });

  test('wrong passwords of one network are asked to wait, right ones cost it nothing', async () => {
    authentication = make({ slowFailuresPerNetwork: 2 });
    for (let n = 0; n < 4; n++) expect(await letIn(basic('plain@acme'))).toBe('plain');
    for (let n = 0; n < 2; n++) expect(await letIn(basic('plain@acme', 'wrong'))).toBe('401 wrong password');
    expect(await refusal(basic('plain@acme'))).toEqual({
      status: 503,
      error: 'too many devices at once',
      reason: 'too many devices at once',
      challenges: [],
      askedSeconds: 30,
    });
    expect(await letIn(basic('plain@acme'), { address: '198.51.100.1' })).toBe('plain');
  });

  test('a device has a budget of its own where it came from last', async () => {
    const device = await store.devices.credentials('plain');
    if (!device) throw new Error('no device');
    await store.devices.noteConnected(device, 0, { address: '192.0.2.77', agent: '', properties: {} });
    authentication = make({ slowFailuresPerNetwork: 1, slowFailuresPerDevice: 1 });
    expect(await letIn(basic('nobody@acme'))).toBe('401 unknown device');
    expect(await letIn(basic('dev1@acme'))).toBe('503 too many devices at once');
    expect(await letIn(basic('plain@acme'), { address: '192.0.2.77' })).toBe('plain');
    expect(await letIn(basic('nobody@acme'), { address: '198.51.100.1' })).toBe('401 unknown device');
    expect(await letIn(basic('plain@acme'), { address: '198.51.100.1' })).toBe(
      '503 too many devices at once',
    );
  });

  test('a password that was made by a machine is known by its fingerprint from then on', async () => {
    const password = 'k3m9x2q7w5z8r4t6y2u9i3p5a7';
    const secrets = { password: hashOf(password), digestMd5: null, digestSha256: null };
    await store.devices.add({ id: 'fleet', domain: 'acme', secrets }, 0, null);
    expect(await letIn(basic('fleet@acme', password))).toBe('fleet');
    const verifier = {
      verify: () => Promise.reject(new VerifierBusy('busy')),
    } as unknown as PasswordVerifier;
    authentication = make({}, { verifier });
    expect(await letIn(basic('fleet@acme', password))).toBe('fleet');
    expect(await letIn(basic('fleet@acme', 'wrong'))).toBe('503 too many log-ins, try again');
    // What the fingerprint refuses is verified as for nobody.
    const anything = { verify: async (_given: object, hash: string | null) => hash !== null };
    authentication = make({}, { verifier: anything as unknown as PasswordVerifier });
    expect(await letIn(basic('plain@acme', 'wrong'))).toBe('plain');
    expect(await letIn(basic('fleet@acme', 'wrong'))).toBe('401 wrong password');
  });
});

describe('by Digest', () => {
  /** Answers a challenge of ours; `changed` is what is wrong with the answer. */
  async function answer({
    user = 'dev1@acme',
    password = 's3cret',
    algorithm = 0,
    uri = '/rm',
    method = 'POST',
    challenge = undefined as string | undefined,
  } = {}): Promise<string> {
    const asked = challenge ?? (await refusal()).challenges[algorithm] ?? '';
    const chosen = chooseDigest(decodeChallenges(asked));
    if (!chosen) throw new Error('no challenge');
    return answerDigest(digestFunction, chosen, { user, password }, { method, uri }, 'cnonce', 1);
  }

  test.each([
    ['SHA-256', 0],
    ['MD5', 1],
  ])('with %s the right answer lets a device in, once', async (_name, algorithm) => {
    const right = await answer({ algorithm });
    expect(await letIn(right)).toBe('dev1');
    const { challenges, ...rest } = await refusal(right);
    expect(rest).toEqual({ status: 401, error: 'expired nonce', reason: 'expired nonce', known: 'dev1' });
    expect(challenges.map((text) => text.endsWith(', stale=true'))).toEqual([true, true, false]);
  });

  test('nonceMs: an answer to an old challenge is asked for again, a wrong one is not', async () => {
    const [right, wrong] = [await answer(), await answer({ password: 'wrong' })];
    clock.advance(defaultLimits.nonceMs + 1);
    expect(await letIn(right)).toBe('401 expired nonce');
    expect(await letIn(wrong)).toBe('401 wrong password');
  });

  test('whatever differs from the request or the challenge is wrong', async () => {
    const right = await answer();
    const refused = {
      status: 401,
      error: told,
      reason: 'wrong password',
      challenges: [basicChallenge],
      known: 'dev1',
    };
    expect(await refusal(await answer({ password: 'wrong' }))).toEqual(refused);
    expect(await refusal(right, { method: 'GET' })).toEqual(refused);
    expect(await refusal(right, { target: '/other' })).toEqual(refused);
    expect(await refusal(await answer({ uri: '/other' }))).toEqual(refused);
    expect(await refusal(right.replace('realm="WebTunnel"', 'realm="Other"'))).toEqual(refused);
    expect(await refusal(right.replace(/response="./, 'response="'))).toEqual(refused);
    // A nonce that we have not made, with the right answer to it.
    const foreign = `Digest realm="WebTunnel", qop="auth", algorithm=SHA-256, nonce="${'A'.repeat(75)}"`;
    expect(await refusal(await answer({ challenge: foreign }))).toEqual(refused);
    expect(await letIn(right)).toBe('dev1');
  });

  test.each([
    ['plain@acme', 'Digest, and this device was added without --digest'],
    ['dev1@other', 'wrong domain'],
    ['dev9@acme', 'unknown device'],
    ['dev1', 'no ID@DOMAIN as the user'],
  ])('%s is refused, and the operator told: %s', async (user, reason) => {
    for (const algorithm of [0, 1]) {
      const refused = await refusal(await answer({ user, algorithm }));
      expect(refused).toMatchObject({ status: 401, error: told, reason, challenges: [basicChallenge] });
    }
  });

  test('the answer that anybody can compute for no secret lets nobody in', async () => {
    const nonce = /nonce="([^"]+)"/.exec((await refusal()).challenges[0] ?? '')?.[1];
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    const response = hash(`:${nonce}:00000001:c:auth:${hash('POST:/rm')}`);
    const forged = `Digest username="plain@acme", realm="WebTunnel", nonce="${nonce}", uri="/rm", algorithm=SHA-256, response="${response}", qop=auth, nc=00000001, cnonce="c"`;
    expect(await letIn(forged)).toBe('401 Digest, and this device was added without --digest');
  });

  test('usedNonces: beyond them a device is told to try again', async () => {
    authentication = make({ usedNonces: 1 });
    expect(await letIn(await answer())).toBe('dev1');
    expect(await refusal(await answer())).toMatchObject({
      status: 503,
      error: 'too many log-ins, try again',
      challenges: [],
    });
  });

  test('a device that is asked to come later may use its answer then', async () => {
    authentication = make({ arrivalsAtOnce: 1, arrivalsPerSecondAtStart: 1, arrivalsPerSecond: 1 });
    expect(await letIn(await answer())).toBe('dev1');
    const again = await answer();
    expect(await refusal(again)).toMatchObject({ status: 503, askedSeconds: expect.any(Number) });
    clock.advance(40_000);
    expect(await letIn(again)).toBe('dev1');
  });

  test('an answer that was used at another process takes no arrival of its device, however often it comes', async () => {
    const own = new Nonces(defaultLimits);
    let elsewhere = new Set<string>();
    const nonces: DigestNonces = {
      knowsUses: false,
      issue: (now) => own.issue(now),
      check: (nonce, now) => own.check(nonce, now),
      use: async (nonce) => (elsewhere.has(nonce) ? 'stale' : 'used'),
    };
    authentication = make(
      { arrivalsAtOnce: 1, arrivalsPerSecondAtStart: 1, arrivalsPerSecond: 1 },
      { nonces },
    );
    const [, nonce = ''] = /nonce="([^"]+)"/.exec((await refusal()).challenges[0] ?? '') ?? [];
    const challenge = `Digest realm="WebTunnel", qop="auth", algorithm=SHA-256, nonce="${nonce}"`;
    const repeated = await answer({ challenge });
    elsewhere = new Set([nonce]);
    for (let n = 0; n < 10; n++) expect(await letIn(repeated)).toBe('401 expired nonce');
    expect(await letIn(await answer())).toBe('dev1');
  });
});

describe('a device that is not known', () => {
  const waits = 'this device waits for being claimed by the operator of the reflector';
  const full = 'too many devices wait for being claimed';
  beforeEach(() => {
    authentication = make({ unclaimedPerNetwork: 2, unclaimedDevices: 3 }, { acceptUnclaimed: true });
  });

  test('is remembered, and waits for the operator whatever it proves', async () => {
    expect(await refusal(basic('New@acme', 'first'))).toEqual({
      status: 403,
      error: waits,
      reason: waits,
      challenges: [],
    });
    expect(await refusal(basic('new@acme', 'first'))).toMatchObject({
      status: 403,
      error: waits,
      known: 'new',
    });
    expect(await refusal(basic('new@acme', 'other'))).toMatchObject({
      status: 401,
      reason: 'wrong password',
    });
    expect(await store.devices.page({ domains: null, claimed: false }, '', 10)).toMatchObject([
      { id: 'new', domain: 'acme', created: clock.date() },
    ]);
  });

  test('is refused where the operator wants none, and without a domain', async () => {
    expect(await letIn(basic('new', 'first'))).toBe('401 no ID@DOMAIN as the user');
    expect(await letIn(basic('dev1@other', 'first'))).toBe('401 wrong domain');
    authentication = make();
    expect(await letIn(basic('new@acme', 'first'))).toBe('401 unknown device');
    expect(await store.devices.page({ domains: null, claimed: false }, '', 10)).toEqual([]);
  });

  test('must not have a strange domain, nor a name of the reflector', async () => {
    expect(await letIn(basic('new@a b', 'x'))).toMatch(/^403 the domain of a device must be a UUID, or/);
    expect(await letIn(basic('www@acme', 'x'))).toBe(
      '403 the host name of this device is a name of the reflector itself',
    );
    expect(await store.devices.page({ domains: null, claimed: false }, '', 10)).toEqual([]);
  });

  test('unclaimedPerNetwork, unclaimedDevices: only so many of one network and in all', async () => {
    const new_ = (n: number, from = '192.0.2.1') => letIn(basic(`new${n}@acme`, 'x'), { address: from });
    expect([await new_(1), await new_(2, '192.0.2.9')]).toEqual([`403 ${waits}`, `403 ${waits}`]);
    expect(await new_(3)).toBe(`403 ${full}`);
    expect(await new_(3, '198.51.100.1')).toBe(`403 ${waits}`);
    expect(await new_(4, '203.0.113.1')).toBe(`403 ${full}`);
  });

  test('costs no hash where there is no room', async () => {
    authentication = make({ unclaimedPerNetwork: 1 }, { acceptUnclaimed: true });
    for (const id of ['new1', 'new2', 'new3']) await come(basic(`${id}@acme`, 'x'));
    expect(hashed).toEqual(['x']);
  });
});

describe('by certificate', () => {
  const certificate = (...names: string[]) => ({
    names,
    issued: clock.date(),
    until: clock.date() + 3600_000,
    trusted: () => true,
  });

  test('a device needs admission as any other', async () => {
    await add('modern', 0);
    authentication = make({ arrivalsAtOnce: 1, arrivalsPerSecondAtStart: 1, arrivalsPerSecond: 1 });
    const shown = certificate('modern');
    expect(await come(undefined, { certificate: shown })).toMatchObject({
      device: { id: 'modern' },
      certificate: shown,
    });
    expect(await refusal(undefined, { certificate: shown })).toMatchObject({
      status: 503,
      error: 'too many devices at once',
    });
  });

  test('the audit log names the device that a refused one meant', async () => {
    const shown = certificate('dev1');
    expect(await refusal(undefined, { certificate: shown })).toMatchObject({
      status: 401,
      reason: expect.stringMatching(/^no credentials; the client certificate does not count/),
      known: 'dev1',
    });
    expect(await refusal(basic('plain@acme', 'wrong'), { certificate: shown })).toMatchObject({
      reason: 'wrong password; the client certificate is of no such device',
      known: 'plain',
    });
  });
});
