import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { Idempotency } from './idempotency.ts';
import { conflict } from './problem.ts';

let folder: string;
let store: SqliteStore;
let database: FleetDatabase;
const clock = new ManualClock();
let done = 0;
let idempotency: Idempotency;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-idempotency-'));
  const path = join(folder, 'server.sqlite');
  store = SqliteStore.open(path);
  for (const name of ['alice', 'bob']) await store.users.add(name, 'hash', 0, 'user');
  database = new FleetDatabase(path, clock, defaultLimits);
  idempotency = new Idempotency(database, clock, { ...defaultLimits, idempotencyKeysPerUser: 2 });
  done = 0;
});
afterEach(async () => {
  await database.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const run = async () => ({ status: 201, body: `done ${++done}` });

test('a call that is repeated is done once, and answered as before', async () => {
  expect(await idempotency.once('alice', 'k', 'call', run)).toEqual({ status: 201, body: 'done 1' });
  expect(await idempotency.once('alice', 'k', 'call', run)).toEqual({
    status: 201,
    body: 'done 1',
    headers: { 'Idempotency-Replayed': 'true' },
  });
  expect((await idempotency.once('bob', 'k', 'call', run)).body).toBe('done 2');
  expect((await idempotency.once('alice', 'other', 'call', run)).body).toBe('done 3');
});

test('idempotencyKeyLength: a key is of one call', async () => {
  await idempotency.once('alice', 'k', 'call', run);
  await expect(idempotency.once('alice', 'k', 'another', run)).rejects.toMatchObject({ status: 422 });
  for (const key of ['', 'x'.repeat(defaultLimits.idempotencyKeyLength + 1)]) {
    await expect(idempotency.once('alice', key, 'call', run)).rejects.toMatchObject({ status: 400 });
  }
  expect(done).toBe(1);
});

test('two at once: one is done', async () => {
  const first = idempotency.once('alice', 'k', 'call', run);
  await expect(idempotency.once('alice', 'k', 'call', run)).rejects.toMatchObject({ status: 409 });
  await first;
  expect(done).toBe(1);
});

test('what was refused can be tried again; what broke off cannot', async () => {
  const refuse = async () => {
    throw conflict('no');
  };
  await expect(idempotency.once('alice', 'k', 'call', refuse)).rejects.toMatchObject({ status: 409 });
  expect((await idempotency.once('alice', 'k', 'call', run)).body).toBe('done 1');
  const fail = async () => {
    throw new Error('in the middle');
  };
  await expect(idempotency.once('alice', 'broken', 'call', fail)).rejects.toThrow('in the middle');
  await expect(idempotency.once('alice', 'broken', 'call', run)).rejects.toMatchObject({ status: 409 });
  expect(done).toBe(1);
});

test('after a restart it is not done again', async () => {
  await idempotency.once('alice', 'k', 'call', run);
  const later = new Idempotency(database, clock, defaultLimits);
  await expect(later.once('alice', 'k', 'call', run)).rejects.toMatchObject({ status: 409 });
  expect(done).toBe(1);
});

test('idempotencyKeysPerUser, idempotencyMs: keys are bounded by number and by time', async () => {
  for (const key of ['1', '2', '3']) {
    await idempotency.once('alice', key, 'call', run);
    clock.advance(1);
  }
  expect((await idempotency.once('alice', '1', 'call', run)).body).toBe('done 4');
  clock.advance(defaultLimits.idempotencyMs + 1);
  expect((await idempotency.once('alice', '3', 'call', run)).body).toBe('done 5');
});

test('idempotencyAnswerBytes: a longer answer is not given again, and the call is not done again', async () => {
  const small = new Idempotency(database, clock, { ...defaultLimits, idempotencyAnswerBytes: 10 });
  const answering = (body: string) => async () => ({ status: 201, body });
  await small.once('alice', 'short', 'call', answering('x'.repeat(10)));
  await small.once('alice', 'long', 'call', answering('x'.repeat(11)));
  expect(await small.once('alice', 'short', 'call', run)).toMatchObject({ body: 'x'.repeat(10) });
  await expect(small.once('alice', 'long', 'call', run)).rejects.toMatchObject({ status: 409 });
  expect(done).toBe(0);
});

test('a key that was forgotten does not bring back the answer that it had, not that of a former user either', async () => {
  const long = 'x'.repeat(defaultLimits.idempotencyAnswerBytes + 1);
  await idempotency.once('alice', 'k', 'call', run);
  await store.users.remove('alice', true);
  await store.users.add('alice', 'hash', 1, 'user');
  await idempotency.once('alice', 'k', 'call', async () => ({ status: 201, body: long }));
  await expect(idempotency.once('alice', 'k', 'call', run)).rejects.toMatchObject({ status: 409 });
  expect(done).toBe(1);
});
