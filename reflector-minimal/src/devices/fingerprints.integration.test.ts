import { afterEach, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, domain, Stage } from '../testing/stage.ts';
import type { UpgradeRefused } from '../testing/web-socket-peer.ts';
import { deviceSecrets } from './digest-secrets.ts';
import { Fingerprints, looksGenerated } from './fingerprints.ts';

describe('a password that needs no scrypt', () => {
  test.each([
    '0a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d',
    '7f1c0a3e-9b2d-4c8e-8f10-2a6b5c4d3e21',
    'k3m9x2q7w5z8r4t6y2u9i3p5a7',
    'Zm9T4yIHR0b24gMyBzY3J5cH2z',
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
  ])('%s may be made by a person', (password) => {
    expect(looksGenerated(password)).toBe(false);
  });
});

describe('a device with such a password', () => {
  let stage: Stage;
  afterEach(() => stage.close());
  const generated = 'k3m9x2q7w5z8r4t6y2u9i3p5a7';
  const stored = async (id: string) => (await stage.reflector.store.devices.get(id))?.fingerprint ?? null;
  const dial = (id: string, password: string) =>
    ScriptedAgent.connect(stage.port, { ...device, id, password }).then(
      (agent) => {
        agent.destroy();
        return 101;
      },
      (error: UpgradeRefused) => error.status,
    );

  test('is known by a fingerprint from its first log-in on', async () => {
    stage = await Stage.open();
    const { devices } = stage.reflector.store;
    await devices.add(
      { id: 'fleet', domain, secrets: await deviceSecrets('fleet', domain, generated, false) },
      0,
      null,
    );
    expect(await stored('fleet')).toBeNull();
    expect(await dial('fleet', 'a wrong one')).toBe(401);
    expect(await stored('fleet')).toBeNull();
    expect(await dial('fleet', generated)).toBe(101);
    expect(await stored('fleet')).toHaveLength(32);
    // From here on without scrypt: a hash that nothing matches would refuse it.
    expect(await dial('fleet', generated)).toBe(101);
    expect(await dial('fleet', `${generated}x`)).toBe(401);
    expect(await dial('dev1', device.password)).toBe(101);
    expect(await stored('dev1')).toBeNull();
  });

  test('does not wait for a flood of log-ins that cost scrypt', async () => {
    stage = await Stage.open({ limits: { verificationsAtOnce: 1, verificationsWaiting: 1 } });
    const { devices } = stage.reflector.store;
    await devices.add(
      { id: 'fleet', domain, secrets: await deviceSecrets('fleet', domain, generated, false) },
      0,
      null,
    );
    expect(await dial('fleet', generated)).toBe(101);
    let flooding = true;
    const flood = Array.from({ length: 4 }, async (_, i) => {
      while (flooding) await dial('dev1', `guess ${i}`);
    });
    for (let i = 0; i < 10; i++) expect(await dial('fleet', generated)).toBe(101);
    flooding = false;
    await Promise.all(flood);
  });

  test('loses it with its password', async () => {
    stage = await Stage.open();
    const { store } = stage.reflector;
    const fingerprints = new Fingerprints(store.devices, await new Installation(store).fingerprintKey());
    const record = await store.devices.get(device.id);
    if (!record) throw new Error('no device');
    await fingerprints.remember(record, generated, true);
    const known = await store.devices.get(device.id);
    if (!known) throw new Error('no device');
    expect(fingerprints.check(known, generated)).toBe(true);
    expect(fingerprints.check(known, device.password)).toBe(false);
    expect(fingerprints.check({ ...known, password: 'another hash' }, generated)).toBe(false);
    await store.devices.remove(device.id, 0);
    await store.devices.add(
      { id: device.id, domain, secrets: await deviceSecrets(device.id, domain, 'new', false) },
      0,
      null,
    );
    expect(await stored(device.id)).toBeNull();
  });
});
