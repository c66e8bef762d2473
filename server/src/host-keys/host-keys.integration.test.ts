import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';

// Of `ssh-keygen -t ed25519`, with the fingerprints that `ssh-keygen -l` shows.
const keys = [
  {
    key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFru9SVpCMocFR/Ss3UyJKqDMT8Rh1iSdOam0XBsNxKD',
    fingerprint: 'SHA256:rWeRnX1CZZfJPLc3Sgulkb/lBNV6jiBYeUZX6CZ+faQ',
  },
  {
    key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFqQcNuRu1htQn3SQ58gt0KQs5FvCdHdeBWKsz1Sw9HN',
    fingerprint: 'SHA256:D4unXhCacBihtNXh1aGF7DiL2rNuH6Qe8w087lvuOW8',
  },
] as const;
let server: TestServer;
let alice: ApiClient;
let carol: ApiClient;

beforeAll(async () => {
  server = await TestServer.start({ limits: { hostKeysPerDevice: 2 } });
  alice = await server.signedIn('alice');
  for (const id of ['pump', 'valve']) expect((await alice.post('/devices', { id })).status).toBe(201);
  await server.addUser('carol');
  carol = await server.signedIn('carol');
  const grant = { user: 'carol', role: 'user', device: 'pump', ports: [22] };
  expect((await alice.post('/grants', grant)).status).toBe(201);
});
afterAll(() => server.close());

const any = { 'if-match': '*' };

test('a key is remembered once; another one is refused until it is forgotten, by those who may', async () => {
  const [one, other] = keys;
  expect((await carol.get('/devices/pump/host-keys')).body).toEqual({ items: [] });
  const { status, body } = await carol.put('/devices/pump/host-keys/22', { key: one.key });
  const shown = { port: 22, ...one, addedBy: 'carol', added: expect.any(String) };
  expect([status, body]).toEqual([200, shown]);
  expect((await alice.put('/devices/pump/host-keys/22', { key: one.key })).body).toEqual(shown);
  const changed = await alice.put('/devices/pump/host-keys/22', { key: other.key });
  expect([changed.status, changed.text]).toEqual([409, expect.stringContaining(one.fingerprint)]);
  expect((await carol.call('DELETE', '/devices/pump/host-keys/22', undefined, any)).status).toBe(403);
  expect((await alice.call('DELETE', '/devices/pump/host-keys/22', undefined, any)).status).toBe(204);
  expect((await alice.call('DELETE', '/devices/pump/host-keys/22', undefined, any)).status).toBe(404);
  expect((await carol.put('/devices/pump/host-keys/22', { key: other.key })).status).toBe(200);
  const detail = (text: string) => expect.stringContaining(text);
  expect(server.records).toContainEqual(
    expect.objectContaining({ user: 'carol', device: 'pump', detail: detail(other.fingerprint) }),
  );
});

test('who may open other ports only has no say in the key of this one', async () => {
  const [, { key }] = keys;
  const refused = await carol.put('/devices/pump/host-keys/2222', { key });
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('port 2222')]);
  expect((await alice.put('/devices/pump/host-keys/2222', { key })).status).toBe(200);
  expect((await alice.call('DELETE', '/devices/pump/host-keys/2222', undefined, any)).status).toBe(204);
});

test('what is no key is refused, and who may not open the device, or see it', async () => {
  const [{ key }] = keys;
  const wrong = [key.replace('ssh-ed25519 ', 'ssh-rsa '), 'ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA', 'nonsense'];
  for (const text of wrong) {
    expect((await alice.put('/devices/valve/host-keys/22', { key: text })).status, text).toBeOneOf([
      400, 422,
    ]);
  }
  expect((await carol.put('/devices/valve/host-keys/22', { key })).status).toBe(404);
  expect((await carol.get('/devices/valve/host-keys')).status).toBe(404);
});

test('hostKeysPerUser: one user does not use up what others may trust', async () => {
  const [{ key }] = keys;
  const grantFor = (user: string) => ({ user, role: 'user', device: 'crane', ports: [1, 2, 3, 4, 5] });
  const roomy = await TestServer.start({ limits: { hostKeysPerUser: 2 } });
  const own = await roomy.signedIn('alice');
  await own.post('/devices', { id: 'crane' });
  await roomy.addUser('mallory');
  expect((await own.post('/grants', grantFor('mallory'))).status).toBe(201);
  const mallory = await roomy.signedIn('mallory');
  const trust = async (user: ApiClient, port: number) =>
    (await user.put(`/devices/crane/host-keys/${port}`, { key })).status;
  expect([await trust(mallory, 1), await trust(mallory, 2), await trust(mallory, 3)]).toEqual([
    200, 200, 409,
  ]);
  expect(await trust(own, 3)).toBe(200);
  await roomy.close();
});

test('hostKeysPerDevice: no more are kept, and they go with the device', async () => {
  const [{ key }] = keys;
  const statuses = [];
  for (const port of [1, 2, 3]) {
    statuses.push((await alice.put(`/devices/valve/host-keys/${port}`, { key })).status);
  }
  expect(statuses).toEqual([200, 200, 409]);
  expect((await alice.call('DELETE', '/devices/valve', undefined, any)).status).toBe(204);
  expect((await alice.post('/devices', { id: 'valve' })).status).toBe(201);
  expect((await alice.get('/devices/valve/host-keys')).body).toEqual({ items: [] });
});
