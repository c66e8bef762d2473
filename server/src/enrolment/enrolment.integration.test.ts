import { createHash, randomBytes } from 'node:crypto';
import { type AuditRecord, StoreUnavailable } from 'rm-reflector/ports';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defaultLimits } from '../limits.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { TestServer } from '../testing/test-server.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const board = (name: string) => sha256(name).toString('hex');

let server: TestServer;
let alice: ApiClient;
let audited: AuditRecord[];

beforeEach(async () => {
  server = await TestServer.start();
  alice = await server.signedIn('alice');
  await alice.post('/domains', { id: 'acme' });
  audited = [];
  void record(server);
});
afterEach(() => server.close());

/** Takes down what is in the audit log from now on. */
async function record({ reflector }: TestServer): Promise<void> {
  for await (const event of reflector.events.subscribe()) {
    if (event.kind === 'audit') audited.push(event.record);
  }
}

/** A device with a secret of its own. */
function device(id: string, hardware = 'board 1', secret = randomBytes(32).toString('base64')) {
  const body = { id, secret, hardware: board(hardware) };
  return {
    secret,
    password: sha256(`${secret}:${board(hardware)}`).toString('base64'),
    asks: (more: object = {}) => server.client().post('/enroll', { ...body, ...more }),
    on: (other: string, otherId = id) => device(otherId, other, secret),
  };
}

async function newKey(given: object = {}): Promise<{ readonly text: string; readonly id: string }> {
  const { status, body } = await alice.post('/enrolment-keys', { name: 'line 3', domain: 'acme', ...given });
  expect(status).toBe(201);
  const { key, text } = body as { key: { id: string }; text: string };
  return { id: key.id, text };
}

async function keyShown(id: string) {
  const { items } = (await alice.get('/enrolment-keys')).body as { items: { id: string; used: number }[] };
  return items.find((key) => key.id === id);
}

/** Whether the store knows this password of the device. */
async function proves(id: string, password: string): Promise<boolean> {
  const { matchesHash } = await import('rm-reflector');
  const found = await server.reflector.store.devices.credentials(id);
  return found !== null && matchesHash(password, found.password);
}

describe('with a key', () => {
  test('a device is added, once, however often it asks', async () => {
    const { text, id } = await newKey();
    expect(text).toMatch(/^rme_[a-z0-9]{26}$/);
    const pump = device('Pump-7');
    for (let n = 0; n < 3; n++)
      expect(await pump.asks({ key: text })).toMatchObject({ status: 200, body: { domain: 'acme' } });
    expect(await proves('pump-7', pump.password)).toBe(true);
    expect(await keyShown(id)).toMatchObject({ used: 1, uses: 1, domain: 'acme', createdBy: 'alice' });
    expect(JSON.stringify((await alice.get('/enrolment-keys')).body)).not.toContain(text);
    const other = await device('pump-8').asks({ key: text });
    expect(other).toMatchObject({ status: 403, body: { title: 'This enrolment key is not valid' } });
    expect(audited.filter(({ event }) => event === 'enrolment')).toMatchObject([
      { allowed: true, device: 'pump-7', detail: `domain acme, key ${id}` },
    ]);
  });

  test('requests at once use it once, and never too often', async () => {
    const { text, id } = await newKey({ uses: 2 });
    const devices = ['a', 'b', 'c'].map((name) => device(name, name));
    const answers = await Promise.all(
      devices.flatMap((one) => [one.asks({ key: text }), one.asks({ key: text })]),
    );
    expect(await keyShown(id)).toMatchObject({ used: 2 });
    const again = await Promise.all(devices.map((one) => one.asks({ key: text })));
    expect(again.map(({ status }) => status).sort()).toEqual([200, 200, 403]);
    expect(answers.every(({ status }) => [200, 403, 409].includes(status))).toBe(true);
  });

  test.each([
    [{ prefix: 'Valve-' }, 'pump-7', 403, 'This enrolment key is not for this ID'],
    [{ prefix: 'Pump-' }, 'pump-7', 200, undefined],
    [{ expires: '2020-01-01T00:00:00Z' }, '', 422, 'A value cannot be used'],
    [{ domain: 'nowhere' }, '', 422, 'A value cannot be used'],
  ])('%j for %s', async (given, id, status, title) => {
    if (id === '') {
      const answer = await alice.post('/enrolment-keys', { name: 'x', domain: 'acme', ...given });
      expect(answer).toMatchObject({ status, body: { title } });
      return;
    }
    const { text } = await newKey(given);
    expect(await device(id).asks({ key: text })).toMatchObject({ status, body: title ? { title } : {} });
  });

  test('that is revoked or made up, all are refused alike', async () => {
    const { text, id } = await newKey({ uses: null });
    expect((await device('a').asks({ key: text })).status).toBe(200);
    expect((await alice.delete(`/enrolment-keys/${id}`)).status).toBe(204);
    expect((await alice.delete(`/enrolment-keys/${id}`)).status).toBe(404);
    const refused = [
      await device('b').asks({ key: text }),
      await device('a', 'x').asks({ key: text }),
      await device('b').asks({ key: 'rme_x' }),
    ];
    expect(new Set(refused.map(({ status, text: body }) => `${status} ${body}`)).size).toBe(1);
  });

  test('of somebody who may not enrol devices any more, it counts no more than one that is made up', async () => {
    const refused = { status: 403, body: { title: 'This enrolment key is not valid' } };
    await server.addUser('olga');
    const grant = { user: 'olga', role: 'operator', domain: 'acme' };
    const give = async () => ((await alice.post('/grants', grant)).body as { id: string }).id;
    const granted = await give();
    const olga = await server.signedIn('olga');
    const made = await olga.post('/enrolment-keys', { name: 'hers', domain: 'acme', uses: null });
    const { text } = made.body as { text: string };
    const [first, second, third] = [device('p1', '1'), device('p2', '2'), device('p3', '3')];
    expect(await first.asks({ key: text })).toMatchObject({ status: 200 });
    await alice.delete(`/grants/${granted}`);
    expect(await second.asks({ key: text })).toMatchObject(refused);
    // What it has enrolled stays.
    expect(await first.asks({ key: text })).toMatchObject({ status: 200 });
    await give();
    expect(await second.asks({ key: text })).toMatchObject({ status: 200 });
    await server.reflector.store.users.remove('olga', false);
    await server.addUser('olga');
    await give();
    expect(await third.asks({ key: text })).toMatchObject(refused);
  });

  test('that needs approval, it waits for it', async () => {
    const { text, id } = await newKey({ approval: true });
    const pump = device('pump-7');
    const asked = await pump.asks({ key: text });
    expect(asked).toMatchObject({ status: 202, headers: { 'retry-after': '10' } });
    const { code } = asked.body as { code: string };
    expect((await pump.asks({ key: text })).body).toMatchObject({ code });
    expect(await keyShown(id)).toMatchObject({ used: 0 });
    expect(await alice.post(`/enrolments/${code}/accept`, {})).toMatchObject({
      status: 200,
      body: { id: 'pump-7', domain: 'acme' },
    });
    expect((await pump.asks({ key: text })).status).toBe(200);
    expect(await keyShown(id)).toMatchObject({ used: 1 });
    const second = (await device('pump-8').asks({ key: text })).status;
    expect(second).toBe(202);
  });

  test('a device is refused beyond the quota of its domain, and gets in once there is room', async () => {
    const { text, id } = await newKey({ uses: null });
    const read = await alice.get('/domains/acme');
    const quota = { quotas: { devices: 0 } };
    await alice.patch('/domains/acme', quota, { 'if-match': String(read.headers.etag) });
    const pump = device('pump-7');
    expect(await pump.asks({ key: text })).toMatchObject({ status: 409 });
    expect(await keyShown(id)).toMatchObject({ used: 0 });
    await alice.patch('/domains/acme', { quotas: { devices: null } }, { 'if-match': '*' });
    expect((await pump.asks({ key: text })).status).toBe(200);
  });

  test('an ID that another device has needs a person', async () => {
    await alice.post('/devices', { id: 'pump-7', domain: 'acme' });
    const before = await server.reflector.store.devices.credentials('pump-7');
    const { text } = await newKey({ uses: null });
    const pump = device('pump-7');
    expect(await pump.asks({ key: text })).toMatchObject({
      status: 202,
      body: { title: 'Another device has this ID: the operator must approve this one' },
    });
    const stranger = await device('pump-7').asks();
    expect(stranger).toMatchObject({ status: 202, body: { title: 'The operator must enter this code' } });
    expect(await server.reflector.store.devices.credentials('pump-7')).toEqual(before);
    const { items } = (await alice.get('/enrolments')).body as { items: { code: string; reason: string }[] };
    expect(items.map(({ reason }) => reason)).toEqual(['taken', 'taken']);
    expect((await alice.post(`/enrolments/${items[0]?.code}/accept`, {})).status).toBe(200);
    expect((await pump.asks({ key: text })).status).toBe(200);
    expect(await proves('pump-7', pump.password)).toBe(true);
    expect(((await alice.get('/enrolments')).body as { items: unknown[] }).items).toEqual([]);
  });
});

test('enrolmentKeysPerDomain: a domain has no more', async () => {
  await server.close();
  server = await TestServer.start({ limits: { enrolmentKeysPerDomain: 2 } });
  alice = await server.signedIn('alice');
  await alice.post('/domains', { id: 'acme' });
  const statuses = [];
  for (let n = 0; n < 3; n++)
    statuses.push((await alice.post('/enrolment-keys', { name: `${n}`, domain: 'acme' })).status);
  expect(statuses).toEqual([201, 201, 409]);
});

describe('without a key', () => {
  test('whoever types the code claims the device, however they write it', async () => {
    const pump = device('pump-7');
    const { code } = (await pump.asks()).body as { code: string };
    expect(code).toMatch(/^[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}$/);
    const typed = encodeURIComponent(code.toLowerCase().replace('-', ' '));
    expect(await alice.post(`/enrolments/${typed}/accept`, {})).toMatchObject({ status: 422 });
    expect((await alice.post(`/enrolments/${typed}/accept`, { domain: 'acme' })).status).toBe(200);
    expect((await alice.post(`/enrolments/${typed}/accept`, { domain: 'acme' })).status).toBe(404);
    expect(await pump.asks()).toMatchObject({ status: 200, body: { domain: 'acme' } });
    expect(await proves('pump-7', pump.password)).toBe(true);
  });

  test('a code that is refused is gone, and another one comes', async () => {
    const pump = device('pump-7');
    const { code } = (await pump.asks()).body as { code: string };
    expect((await alice.delete(`/enrolments/${code}`)).status).toBe(204);
    expect((await alice.delete(`/enrolments/${code}`)).status).toBe(404);
    expect((await pump.asks()).body).not.toMatchObject({ code });
  });

  test('a user without rights sees and accepts nothing', async () => {
    const { code } = (await device('pump-7').asks()).body as { code: string };
    const bob = await server.signedIn('bob');
    expect((await bob.get('/enrolments')).status).toBe(403);
    expect((await bob.post(`/enrolments/${code}/accept`, { domain: 'acme' })).status).toBe(403);
    expect((await bob.get('/enrolment-keys')).status).toBe(403);
  });

  test('enrolmentsWaitingPerNetwork, enrolmentsBurst, enrolmentMs: strangers find bounds', async () => {
    await server.close();
    server = await TestServer.start({
      limits: { enrolmentsWaitingPerNetwork: 2, enrolmentsBurst: 5, enrolmentMs: 60_000 },
    });
    const statuses = [];
    for (let n = 0; n < 6; n++) statuses.push((await device(`d${n}`).asks()).status);
    expect(statuses).toEqual([202, 202, 503, 503, 503, 429]);
  });
});

describe('bounds', () => {
  test('enrolmentBytes: a longer request is not read', async () => {
    const answer = await device('d1').asks({ filler: 'x'.repeat(defaultLimits.enrolmentBytes) });
    expect(answer.status).toBe(413);
  });

  test('enrolmentRetrySeconds, enrolmentIdleRetrySeconds: one that waits for long comes less often', async () => {
    await server.close();
    server = await TestServer.start({ limits: { enrolmentRetrySeconds: 7, enrolmentIdleRetrySeconds: 77 } });
    const pump = device('pump-7');
    const first = await pump.asks();
    expect([first.status, first.headers['retry-after']]).toEqual([202, '7']);
    await server.sql('UPDATE fleet_enrolments SET created = created - 3600001');
    expect((await pump.asks()).headers['retry-after']).toBe('77');
  });
});

describe('a copy', () => {
  test('on other hardware waits, is told of loudly, and harms nobody', async () => {
    const { text } = await newKey({ uses: null });
    const pump = device('pump-7');
    await pump.asks({ key: text });
    const copy = pump.on('board 2');
    const asked = await copy.asks({ key: text });
    expect(asked).toMatchObject({ status: 202, body: { title: /came from other hardware/ } as object });
    await copy.asks({ key: text });
    expect(audited.filter(({ event }) => event === 'enrolment-clone')).toMatchObject([
      { allowed: false, device: 'pump-7', reason: expect.stringContaining('came from other hardware') },
    ]);
    expect(await proves('pump-7', pump.password)).toBe(true);
    expect((await pump.asks({ key: text })).status).toBe(200);
    const { code } = asked.body as { code: string };
    expect((await alice.post(`/enrolments/${code}/accept`, {})).status).toBe(200);
    expect((await copy.asks({ key: text })).status).toBe(200);
    expect([await proves('pump-7', copy.password), await proves('pump-7', pump.password)]).toEqual([
      true,
      false,
    ]);
    expect(await pump.asks({ key: text })).toMatchObject({ status: 202 });
  });

  test('with an ID of its own waits too, and becomes a device beside the first', async () => {
    const { text } = await newKey({ uses: null });
    const first = device('aabb01');
    await first.asks({ key: text });
    const copy = first.on('board 2', 'aabb02');
    const { status, body } = await copy.asks({ key: text });
    expect(status).toBe(202);
    await alice.post(`/enrolments/${(body as { code: string }).code}/accept`, {});
    expect((await copy.asks({ key: text })).status).toBe(200);
    expect((await first.asks({ key: text })).status).toBe(200);
    expect(await proves('aabb01', first.password)).toBe(true);
  });
});

describe('a device of another domain is not taken over', () => {
  const waitingFor = async () => {
    const { items } = (await alice.get('/enrolments')).body as {
      items: { domain: string; reason: string }[];
    };
    return items.map(({ domain, reason }) => `${domain} ${reason}`);
  };
  let operator: ApiClient;
  beforeEach(async () => {
    await alice.post('/domains', { id: 'other' });
    await server.addUser('olga');
    await alice.post('/grants', { user: 'olga', role: 'operator', domain: 'acme' });
    operator = await server.signedIn('olga');
  });

  test('by a copy of a device of the own domain that asks for its ID', async () => {
    await alice.post('/devices', { id: 'safe', domain: 'other' });
    const before = await server.reflector.store.devices.credentials('safe');
    const { text } = await newKey();
    const pump = device('pump-7');
    await pump.asks({ key: text });
    const thief = pump.on('board 2', 'safe');
    const { code } = (await thief.asks()).body as { code: string };
    expect((await operator.post(`/enrolments/${code}/accept`, {})).status).toBe(404);
    expect((await thief.asks()).status).toBe(202);
    expect(await waitingFor()).toEqual(['other taken']);
    expect(await server.reflector.store.devices.credentials('safe')).toEqual(before);
  });

  test('by one that was accepted before that device was there', async () => {
    const thief = device('safe');
    const { code } = (await thief.asks()).body as { code: string };
    expect((await operator.post(`/enrolments/${code}/accept`, { domain: 'acme' })).status).toBe(200);
    await alice.post('/devices', { id: 'safe', domain: 'other' });
    const before = await server.reflector.store.devices.credentials('safe');
    expect((await thief.asks()).status).toBe(202);
    expect(await waitingFor()).toEqual(['other taken']);
    expect(await server.reflector.store.devices.credentials('safe')).toEqual(before);
  });

  test('by one that is accepted, and comes just when the device moves there', async () => {
    const { text } = await newKey({ uses: null });
    await device('safe').asks({ key: text });
    const thief = device('safe', 'board 2');
    await thief.asks({ key: text });
    const { code } = (await thief.asks()).body as { code: string };
    await operator.post(`/enrolments/${code}/accept`, {});
    const { devices } = server.reflector.store;
    const setSecrets = devices.setSecrets.bind(devices);
    const given = vi.spyOn(devices, 'setSecrets').mockImplementationOnce(async (...secrets) => {
      const moved = await alice.call('PATCH', '/devices/safe', { domain: 'other' }, { 'if-match': '*' });
      expect(moved.status).toBe(200);
      return setSecrets(...secrets);
    });
    expect(await thief.asks()).toMatchObject({ status: 409 });
    given.mockRestore();
    expect(await proves('safe', thief.password)).toBe(false);
  });

  test('by one that comes just while that device is added', async () => {
    const thief = device('safe');
    const { code } = (await thief.asks()).body as { code: string };
    await operator.post(`/enrolments/${code}/accept`, { domain: 'acme' });
    const { devices } = server.reflector.store;
    const credentials = devices.credentials.bind(devices);
    const looked = vi.spyOn(devices, 'credentials').mockImplementationOnce(async (id) => {
      const found = await credentials(id);
      await alice.post('/devices', { id, domain: 'other' });
      return found;
    });
    const outcome = await thief.asks();
    looked.mockRestore();
    expect(outcome).toMatchObject({ status: 409 });
    expect(outcome.text).toContain('is in another domain meanwhile');
    expect(await proves('safe', thief.password)).toBe(false);
    expect((await thief.asks()).status).toBe(202);
    expect(await waitingFor()).toEqual(['other taken']);
  });
});

describe('revocation', () => {
  test('ends what a device has; it waits when it comes again', async () => {
    const { text } = await newKey({ uses: null });
    const pump = device('pump-7');
    await pump.asks({ key: text });
    expect((await alice.delete('/devices/pump-7/enrolment')).status).toBe(204);
    expect((await alice.delete('/devices/pump-7/enrolment')).status).toBe(404);
    expect(await proves('pump-7', pump.password)).toBe(false);
    expect((await pump.asks({ key: text })).status).toBe(202);
  });

  test('that the store did not take can be asked for again', async () => {
    const { text } = await newKey({ uses: null });
    const pump = device('pump-7');
    await pump.asks({ key: text });
    const { devices } = server.reflector.store;
    const away = new StoreUnavailable('SQLITE_FULL', 'the disk is full');
    const setSecrets = vi.spyOn(devices, 'setSecrets').mockRejectedValue(away);
    expect((await alice.delete('/devices/pump-7/enrolment')).status).toBe(503);
    setSecrets.mockRestore();
    expect((await alice.delete('/devices/pump-7/enrolment')).status).toBe(204);
    expect(await proves('pump-7', pump.password)).toBe(false);
  });

  test('a device that was removed needs its key again', async () => {
    const { text, id } = await newKey({ uses: 2 });
    const pump = device('pump-7');
    await pump.asks({ key: text });
    await alice.delete('/devices/pump-7', { 'if-match': '*' });
    expect((await pump.asks()).status).toBe(202);
    expect((await pump.asks({ key: text })).status).toBe(200);
    expect(await keyShown(id)).toMatchObject({ used: 2 });
  });

  test('a device that got another password at the server waits', async () => {
    const { text } = await newKey({ uses: null });
    const pump = device('pump-7');
    await pump.asks({ key: text });
    await alice.post('/devices/pump-7/password', {});
    expect((await pump.asks({ key: text })).status).toBe(202);
  });
});

test('an ID that is no host name is refused with its field', async () => {
  for (const id of ['a.b', '-', 'www', 'x'.repeat(64)]) {
    expect(await device(id).asks()).toMatchObject({ status: 422, body: { errors: [{ field: '/id' }] } });
  }
  expect(await server.client().post('/enroll', { id: 'a' })).toMatchObject({ status: 400 });
});

test('a certificate of an authority that the server does not name is not given', async () => {
  expect(await device('pump-7').asks({ request: 'AAAA' })).toMatchObject({ status: 409 });
  const { body } = await alice.get('/enrolment-authority');
  expect(body).toMatch(/^-----BEGIN CERTIFICATE-----/);
  expect((await alice.get('/enrolment-authority')).body).toBe(body);
});
