import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ApiAnswer, ApiClient } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';
import { FleetRights } from './fleet-rights.ts';

/** What is taken from a caller while a call of theirs goes on. */

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const any = { 'if-match': '*' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

let server: TestServer;
let alice: ApiClient;
let bob: ApiClient;

beforeAll(async () => {
  server = await TestServer.start({ limits: { callsBurst: 1_000 } });
  await server.reflector.store.devices.add({ id: 'pump', domain: 'acme', secrets }, 0, null);
  await server.addUser('carol');
  alice = await server.signedIn('alice');
  bob = await server.signedIn('bob');
});
afterAll(() => server.close());
afterEach(() => vi.restoreAllMocks());

/** Calls `then` when the rights of bob have been read so many times. */
function afterReading(times: number, then: () => Promise<unknown>): void {
  const read = FleetRights.prototype.now;
  let readings = 0;
  vi.spyOn(FleetRights.prototype, 'now').mockImplementation(async function (this: FleetRights, identity) {
    const found = await read.call(this, identity);
    if (identity.user.name === 'bob' && ++readings === times) await then();
    return found;
  });
}

const password = 'three blue horses';
const calls: readonly (readonly [
  what: string,
  role: 'administrator' | 'operator',
  readings: readonly number[],
  call: () => Promise<ApiAnswer>,
])[] = [
  [
    'adds an administrator',
    'administrator',
    [1, 2],
    () => bob.post('/users', { name: 'mallory', role: 'administrator' }),
  ],
  ['sets a password', 'administrator', [1, 2], () => bob.patch('/users/carol', { password }, any)],
  ['adds a device', 'operator', [1, 2], () => bob.post('/devices', { id: 'valve', domain: 'acme' })],
  ['renews a password', 'operator', [1, 2], () => bob.post('/devices/pump/password', {})],
  ['revokes an enrolment', 'operator', [1], () => bob.delete('/devices/pump/enrolment')],
  // The rights are read after the form here, so only the hash is left.
  ['provisions', 'operator', [1], () => bob.call('POST', '/provision', 'id=valve&domain=acme', form)],
  ['provisions again', 'operator', [1], () => bob.call('POST', '/provision', 'device=pump', form)],
];

describe.each(calls)('a user who %s', (_what, role, readings, call) => {
  test.each(readings)('may not when the right ends after reading %i of the rights', async (reading) => {
    const granted = await alice.post('/grants', {
      user: 'bob',
      role,
      ...(role === 'operator' && { domain: 'acme' }),
    });
    const { id } = granted.body as { readonly id: string };
    const before = await server.reflector.store.devices.credentials('pump');
    afterReading(reading, () => alice.delete(`/grants/${id}`));
    const { status, text } = await call();
    expect([status, text]).toEqual([403, expect.stringContaining('You may not do this')]);
    expect((await alice.get('/users/mallory')).status).toBe(404);
    expect((await alice.get('/devices/valve')).status).toBe(404);
    expect(await server.reflector.store.devices.credentials('pump')).toEqual(before);
  });
});

test.each([
  ['user', () => server.reflector.store.users.remove('dave', true)],
  [
    'user of whom another one has the name',
    async () => {
      await server.reflector.store.users.remove('dave', true);
      await server.addUser('dave');
    },
  ],
] as const)('a removed %s calls no more', async (_what, end) => {
  await server.addUser('dave');
  const dave = await server.signedIn('dave');
  const read = FleetRights.prototype.now;
  vi.spyOn(FleetRights.prototype, 'now').mockImplementation(async function (this: FleetRights, identity) {
    await end();
    return read.call(this, identity);
  });
  const { status, body } = await dave.put('/account/preferences', {});
  expect([status, body]).toMatchObject([403, { detail: expect.stringContaining('has ended') }]);
  await server.reflector.store.users.remove('dave', true);
});
