import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curl } from '../system/curl.ts';
import { DemoDevice } from '../system/demo-device.ts';
import { OriginalAgent } from '../system/original-agent.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** The reflector with an agent that has the limits of the original (`webtunnel.md` section 3). */

let device: DemoDevice;
let system: RemoteSystem;
let agent: OriginalAgent;

beforeAll(async () => {
  device = await DemoDevice.start();
  system = await RemoteSystem.start({ services: [], agent: null, reflector: ['--keep-alive', '4'] });
  agent = await OriginalAgent.connect(system, [device.port]);
});

afterAll(async () => {
  agent?.stop();
  await system?.stop();
  await device?.stop();
});

describe('an original agent', () => {
  test('is sent nothing that breaks it, while megabytes go both ways', async () => {
    const content = randomBytes(32 << 20);
    const upload = await curl(system, ['--data-binary', '@-', `${system.url}/upload`], content);
    expect(JSON.parse(upload.output.toString())).toMatchObject({
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    const size = 32 << 20;
    const download = await curl(system, [`${system.url}/download?bytes=${size}`]);
    const described = await curl(system, [`${system.url}/api/download?bytes=${size}`]);
    expect(createHash('sha256').update(download.output).digest('hex')).toBe(
      (JSON.parse(described.output.toString()) as { sha256: string }).sha256,
    );
    expect(agent.broken).toEqual([]);
  });

  test('carries many requests at once', async () => {
    const size = 1 << 20;
    const all = await Promise.all(
      Array.from({ length: 30 }, () => curl(system, [`${system.url}/download?bytes=${size}`])),
    );
    expect(all.map(({ output }) => output.length)).toEqual(all.map(() => size));
    expect(agent.broken).toEqual([]);
  });

  test('stays on line although it answers no PING', async () => {
    // Its own PINGs are its signs of life, for longer than the reflector would wait for a PONG.
    for (let i = 0; i < 5; i++) await agent.pongs.next();
    const { output } = await curl(system, [
      '--write-out',
      '%{http_code}',
      '--output',
      '/dev/null',
      `${system.url}/`,
    ]);
    expect(output.toString()).toBe('200');
    expect(agent.connected).toBe(true);
    expect(agent.broken).toEqual([]);
  });
});
