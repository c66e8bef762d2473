import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailable } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { Fingerprints, looksGenerated } from './fingerprints.ts';

describe('a password that needs no scrypt', () => {
  test.each([
    '0a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d',
    '7f1c0a3e-9b2d-4c8e-8f10-2a6b5c4d3e21',
    'k3m9x2q7w5z8r4t6y2u9i3p5a7',
    'Zm9T4yIHR0b24gMyBzY3J5cH2z',
    // Just long enough, just mixed enough, and changing just often enough.
    'k3m9x2q7w5z8r4t6y2u9',
    'a1b2c3d4e5a1b2c3d4e5',
    'abc123def456ghi789jk0',
    // Each two kinds are different ones.
    'aBcDeFgHiJkLmNoPqRsT',
    'a!b#c$d%e&f(g)h*i+j,',
    'A1B2C3D4E5F6G7H8I9J0',
    'A!B#C$D%E&F(G)H*I+J,',
    '1!2#3$4%5&6(7)8*9+0,',
  ])('%s is made by a machine', (password) => {
    expect(looksGenerated(password)).toBe(true);
  });

  test.each([
    's3cret',
    'k3m9x2q7w5z8r4t6y2u',
    'correct horse battery staple',
    'correcthorsebatterystaple1',
    'Sommer2024!Winter2025?',
    '12345678901234567890',
    'a1a1a1a1a1a1a1a1a1a1a1',
    'ä1b2c3d4e5f6g7h8i9j0k1l2',
    '1b2c3d4e5f6g7h8i9j0k1l2ä',
    'k3m9x2q7w5 z8r4t6y2u9i3p5a7',
    'a1b2c3d4e1a1b2c3d4e1',
    'abc123def456ghi789jkl',
  ])('%s may be made by a person', (password) => {
    expect(looksGenerated(password)).toBe(false);
  });
});

describe('a fingerprint', () => {
  const generated = 'k3m9x2q7w5z8r4t6y2u9i3p5a7';
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  let store: SqliteStore;
  let fingerprints: Fingerprints;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    fingerprints = new Fingerprints(store.devices, Buffer.alloc(32, 1));
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 0, null);
  });
  afterEach(() => store.close());

  async function known() {
    const device = await store.devices.credentials('dev1');
    if (!device) throw new Error('no device');
    return device;
  }

  test('is of this device, this password, its hash and the key alone', async () => {
    await fingerprints.remember(await known(), generated);
    const device = await known();
    expect(device.fingerprint).toHaveLength(32);
    expect(fingerprints.check(device, generated)).toBe(true);
    expect(fingerprints.check(device, `${generated}x`)).toBe(false);
    expect(fingerprints.check({ ...device, id: 'dev2' }, generated)).toBe(false);
    expect(fingerprints.check({ ...device, password: 'another hash' }, generated)).toBe(false);
    expect(fingerprints.check({ ...device, fingerprint: Buffer.alloc(3) }, generated)).toBe(false);
    const other = new Fingerprints(store.devices, Buffer.alloc(32, 2));
    expect(other.check(device, generated)).toBe(false);
  });

  test('is kept of a generated password only, and once', async () => {
    await fingerprints.remember(await known(), 'rosebud');
    expect(fingerprints.check(await known(), 'rosebud')).toBeNull();
    await fingerprints.remember(await known(), 'rosebud', true);
    expect(fingerprints.check(await known(), 'rosebud')).toBe(true);
    await fingerprints.remember(await known(), generated);
    expect(fingerprints.check(await known(), 'rosebud')).toBe(true);
  });

  test('goes with the device', async () => {
    await fingerprints.remember(await known(), generated);
    await store.devices.remove('dev1', 0);
    await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 0, null);
    expect((await known()).fingerprint).toBeNull();
  });

  test('is not worth a failed log-in; a fault of ours is reported', async () => {
    const failing = (error: Error) =>
      new Fingerprints({ setFingerprint: () => Promise.reject(error) }, Buffer.alloc(32, 1));
    await failing(new StoreUnavailable('SQLITE_FULL', 'full')).remember(await known(), generated);
    await expect(failing(new TypeError('ours')).remember(await known(), generated)).rejects.toThrow('ours');
  });
});
