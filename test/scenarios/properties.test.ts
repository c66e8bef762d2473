import { describe, expect } from 'vitest';
import { hex } from './stage/frames.ts';
import { configuration, deviceId, domain, scenario } from './stage/stage.ts';

/** Properties that change while the tunnel is up: opcode 0x40 of `webtunnel.md` section 2. */

describe.concurrent('a properties update', () => {
  scenario('tells what has changed, and nothing else', async ({ stage }) => {
    const reflector = await stage.reflector();
    const file = stage.file('idle\n', 'mode');
    stage.agent(
      configuration(reflector, [1], {
        device: {
          id: deviceId,
          domain,
          properties: { serial: 'SN-1', mode: { command: ['cat', file] } },
          propertiesInterval: 1,
        },
      }),
    );
    const upgrade = await reflector.upgrade();
    expect(upgrade.all('X-PTTH-Set-Property')).toContain('device;mode="idle"');
    const tunnel = upgrade.accept();
    stage.file('läuft\n', 'mode');
    // One property: "mode" (4 bytes) is "läuft" (6 bytes).
    await tunnel.expect(hex('40 00 0000 01 04 6d6f6465 06 6cc3a4756674'));
    // 130 bytes: the length takes two groups of seven bits.
    stage.file(`${'x'.repeat(130)}\n`, 'mode');
    await tunnel.expect(hex(`40 00 0000 01 04 6d6f6465 8201 ${'78'.repeat(130)}`));
  });
});
