import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { authenticatorConformance } from 'rm-reflector/ports/conformance';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { countedTables } from '../testing/counted-tables.ts';
import { ApiKeys, type NewApiKey } from './api-keys.ts';

const wanted: NewApiKey = {
  user: 'alice',
  name: 'ci',
  permissions: ['devices.read'],
  targets: null,
  expires: null,
};

async function setUp(more: Partial<NewApiKey> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rm-server-keys-'));
  const path = join(folder, 'server.sqlite');
  const store = SqliteStore.open(path);
  const clock = new ManualClock();
  const database = new FleetDatabase(path, clock, defaultLimits);
  await store.users.add('alice', 'hash', 0, 'user');
  const user = await store.users.get('alice');
  if (!user) throw new Error('no user');
  let lookUps = 0;
  const counted = countedTables(database, () => lookUps++);
  const known = { user: (name: string) => store.users.get(name), changed: () => {} };
  const keys = new ApiKeys(counted, known, clock, defaultLimits);
  const made = await keys.add({ ...wanted, ...more });
  if (typeof made === 'string') throw new Error(made);
  const close = async () => {
    await database.close();
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { ...made, keys, clock, user, work: () => lookUps, close };
}

authenticatorConformance(async () => {
  const { keys, key, secret, clock, user, work, close } = await setUp();
  return {
    authenticator: keys.authenticator,
    clock,
    user,
    valid: { token: secret },
    wrong: { token: `${secret}x` },
    unknown: { token: `rmk_${'a'.repeat(43)}` },
    withSecret: (text: string) => ({ token: `rmk_${text}` }),
    work,
    revoke: () => keys.revoke(key),
    close,
  };
});

test('keyUseMs: what it opens is in what it proves; it ends with its time, and its use is noted once a minute', async () => {
  const clock = new ManualClock();
  const expires = clock.date() + 3 * defaultLimits.keyUseMs;
  for (const permissions of [['devices.read'], ['devices.open']] as const) {
    const { keys, key, secret, close, clock: now } = await setUp({ permissions, expires });
    const prove = (address: string) => keys.authenticator.prove({ token: secret }, { address, clock: now });
    expect(await prove('192.0.2.1')).toMatchObject({ key: key.id, until: expires });
    const proof = await prove('192.0.2.2');
    expect(proof !== null && 'only' in proof).toBe(permissions[0] !== 'devices.open');
    expect(await keys.get(key.id)).toMatchObject({ used: now.date(), address: '192.0.2.1' });
    now.advance(defaultLimits.keyUseMs);
    await prove('192.0.2.3');
    expect(await keys.get(key.id)).toMatchObject({ used: now.date(), address: '192.0.2.3' });
    now.advance(2 * defaultLimits.keyUseMs);
    expect(await prove('192.0.2.3')).toEqual({ refused: `the API key ${key.id} has expired` });
    await close();
  }
});
