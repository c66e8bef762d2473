import { afterEach, describe, expect, test } from 'vitest';
import { ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, domain, Stage } from '../testing/stage.ts';
import type { UpgradeRefused } from '../testing/web-socket-peer.ts';
import { deviceSecrets } from './digest-secrets.ts';

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
});
