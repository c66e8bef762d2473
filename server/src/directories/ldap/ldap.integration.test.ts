import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { group, patience, person, Slapd, suffix, unit } from '../../testing/slapd.ts';
import { TestServer } from '../../testing/test-server.ts';

/** The whole server with a real directory. */
let slapd: Slapd;
let server: TestServer;

beforeAll(async () => {
  slapd = await Slapd.start(
    [
      ...['people', 'groups'].map(unit),
      person({ uid: 'carol', password: 'of the directory' }),
      person({ uid: 'bob', password: 'of the directory' }),
      person({ uid: 'dave', password: 'of the directory' }),
      group('ops', ['uid=carol,ou=people', 'uid=bob,ou=people', 'uid=dave,ou=people']),
    ].join(''),
  );
});
afterAll(() => slapd.close());
afterEach(async () => {
  await server.close();
  await slapd.startAgain();
});

const ldap = (changes: object = {}) => ({
  urls: [slapd.plain],
  users: { base: `ou=people,${suffix}` },
  groups: { base: `ou=groups,${suffix}` },
  grants: [{ group: `cn=ops,ou=groups,${suffix}`, domains: ['plant-a'] }],
  ...changes,
});

const status = async (user: string, password = 'of the directory') =>
  (await server.as(user, password).get('/openapi.json')).status;

const devicesSeenBy = async (user: string, password = 'of the directory') => {
  const { text } = await server.as(user, password).get('/devices');
  return ['a1', 'b1'].filter((id) => text.includes(`"${id}"`));
};

const addDevices = async () => {
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  const { devices } = server.reflector.store;
  for (const [id, domain] of [
    ['a1', 'plant-a'],
    ['b1', 'plant-b'],
  ] as const) {
    await devices.add({ id, domain, secrets }, 0, null);
  }
};

const userOf = (name: string) => server.reflector.store.users.get(name);

test('users of the directory get in with what their groups give, local users stay as they are', async () => {
  server = await TestServer.start({ own: { ldap: ldap() }, limits: patience });
  await addDevices();
  expect(await status('alice', undefined)).toBe(401);
  expect((await server.as('alice').get('/openapi.json')).status).toBe(200);
  expect(await status('carol')).toBe(200);
  expect(await userOf('carol')).toMatchObject({ role: 'user', domains: [] });
  expect(await devicesSeenBy('carol')).toEqual(['a1']);
  expect(await status('carol', 'wrong')).toBe(401);
  // A local user of that name is there.
  expect(await status('bob')).toBe(401);
  expect((await server.as('bob').get('/openapi.json')).status).toBe(200);
  expect(await devicesSeenBy('bob', 'a long enough secret')).toEqual([]);
});

test('a directory that is away locks nobody out at once, and no local user at all', async () => {
  server = await TestServer.start({ own: { ldap: ldap() }, limits: { ...patience, provenMs: 1 } });
  expect(await status('carol')).toBe(200);
  await slapd.stop();
  expect(await status('carol')).toBe(200);
  expect(await status('carol', 'wrong')).toBe(503);
  expect(await status('dave')).toBe(503);
  expect((await server.as('alice').get('/openapi.json')).status).toBe(200);
});

test('the password of a directory’s user is not set here', async () => {
  server = await TestServer.start({ own: { ldap: ldap() }, limits: patience });
  expect(await status('carol')).toBe(200);
  const before = await userOf('carol');
  const { headers } = await server.as('alice').get('/users/carol');
  const password = 'kettle orbit walnut';
  const byAdministrator = await server
    .as('alice')
    .patch('/users/carol', { password }, { 'If-Match': String(headers.etag) });
  expect([byAdministrator.status, byAdministrator.text]).toEqual([
    422,
    expect.stringContaining('is kept by the directory ldap'),
  ]);
  const promoted = await server
    .as('alice')
    .patch('/users/carol', { role: 'administrator' }, { 'If-Match': String(headers.etag) });
  expect([promoted.status, await userOf('carol')]).toEqual([422, before]);
  const own = await server
    .as('carol', 'of the directory')
    .post('/account/password', { password: 'of the directory', newPassword: password });
  expect([own.status, own.text]).toEqual([403, expect.stringContaining('kept elsewhere')]);
  expect((await userOf('carol'))?.password).toBe(before?.password);
});

test('sweepMs: who has left the directory is out, with their API keys', async () => {
  server = await TestServer.start({
    own: { ldap: ldap({ membershipLifetime: 60 }) },
    limits: { ...patience, sweepMs: 50 },
  });
  expect(await status('dave')).toBe(200);
  const { body } = await server
    .as('dave', 'of the directory')
    .post('/keys', { name: 'inventory', permissions: ['devices.read'] });
  const key = (body as { secret: string }).secret;
  const byKey = async () => (await server.withToken(key).get('/devices')).status;
  expect(await byKey()).toBe(200);
  await server.sql('UPDATE fleet_directory_members SET until = 0');
  await expect.poll(byKey, { timeout: 60_000 }).toBe(401);
  // Back again.
  expect(await status('dave')).toBe(200);
  expect(await byKey()).toBe(200);
});

test('the server starts without its directory', async () => {
  await slapd.stop();
  server = await TestServer.start({ own: { ldap: ldap() }, limits: { ...patience, ldapPauseMs: 1 } });
  expect((await server.as('alice').get('/openapi.json')).status).toBe(200);
  expect(await status('carol')).toBe(503);
  await slapd.startAgain();
  expect(await status('carol')).toBe(200);
});

test('faults of the configuration end the start and are named', async () => {
  server = await TestServer.start();
  await expect(
    TestServer.start({ own: { ldap: ldap({ urls: ['ldap://directory.example.com'] }) } }),
  ).rejects.toThrow(
    'configuration: ldap.urls.0: "ldap://directory.example.com": passwords would travel in the clear',
  );
});
