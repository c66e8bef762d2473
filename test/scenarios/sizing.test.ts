import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { executable } from './stage/agent-process.ts';
import { data } from './stage/frames.ts';
import { heapNoise } from './stage/heap-noise.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import type { Tunnel } from './stage/tunnel.ts';

/** The machine's memory decides about the limits that are not configured, and what these cost is bounded. */

const KiB = 1024;

/** The executable with another file at /proc/meminfo, in a namespace of its own. */
const elsewhere = ['unshare', '--map-root-user', '--mount', 'sh', '-c'] as const;
const allowed = spawnSync(elsewhere[0], [...elsewhere.slice(1), 'mount --bind /proc/uptime /proc/meminfo']);

function onMachineWith(stage: Stage, kibibytes: number): readonly string[] {
  const file = stage.file(`MemTotal: ${kibibytes} kB\nMemAvailable: ${kibibytes >> 1} kB\n`);
  return [...elsewhere, `mount --bind ${file} /proc/meminfo && exec "$@"`, 'sh', ...executable];
}

describe.concurrent('the default limits', () => {
  scenario.skipIf(allowed.status !== 0)('follow the memory of the machine', async ({ stage }) => {
    const reflector = await stage.reflector();
    const config = stage.file(
      JSON.stringify(configuration(reflector, [80], { limits: { frameBytes: 4096 } })),
    );
    const command = onMachineWith(stage, 17 * KiB);
    const agent = stage.run(['--config', config], {}, command);
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('X-WebTunnel-Extensions')).toBe('max-frame=4096, window=32768');
    upgrade.accept();
    agent.signal('SIGTERM');
    expect((await agent.ended()).status).toBe(0);
    const check = stage.run(['check', '--offline', '--config', config], {}, command);
    expect((await check.ended()).status).toBe(0);
    expect(check.output).toMatch(
      /^(?:ok {4}|FAILED) memory {8}at most \d+\.\d MiB, and 4\.3 MiB for services and sockets of 17 channels; of 17\.0 MiB, 8\.5 MiB are available$/m,
    );
  });
});

/** Sends frames of `size` bytes until the agent grants no more. */
async function fill(tunnel: Tunnel, channel: number, size: number, echo: number): Promise<void> {
  const block = Buffer.alloc(size);
  for (;;) {
    while (tunnel.credit(channel) > 0)
      await tunnel.sendData(channel, block.subarray(0, Math.min(size, tunnel.credit(channel))), size);
    // What was sent before has been dealt with when this is back.
    tunnel.send(data(echo, '?'));
    await tunnel.expectText(echo, '?');
    if (tunnel.credit(channel) === 0) return;
  }
}

describe('what the limits allow', () => {
  // The kernel's buffers are filled with large frames, which is quicker.
  const sizes = [
    ['large', 16 * KiB, 32 * KiB],
    ['tiny', 1, 2 * KiB],
  ] as const;
  scenario.for(sizes)(
    'costs no more than the model says, with %s frames',
    async ([, size, windowBytes], { stage }) => {
      const path = join(stage.directory, 'stalled');
      const stalled = await stage.service(() => LocalService.start((socket) => socket.pause(), { path }));
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      const channels = 33;
      const limits = {
        channels,
        windowBytes,
        frameBytes: Math.min(windowBytes, 16 * KiB),
        totalBytes: 512 * KiB,
      };
      const settings = configuration(reflector, [echo.port], { limits });
      const services = [{ port: echo.port }, { port: 1, kind: 'tcp', target: `unix:${path}` }];
      const agent = stage.agent({ ...settings, services });
      const tunnel = await reflector.tunnel({
        extension: { maxFrame: limits.frameBytes, window: windowBytes },
      });
      await tunnel.open(100, echo.port);
      tunnel.send(data(100, '?'));
      await tunnel.expectText(100, '?');
      const before = agent.memory('VmRSS');
      for (let channel = 1; channel < channels; channel++) {
        await tunnel.open(channel, 1);
        await stalled.connection();
      }
      for (let channel = 1; channel < channels; channel++) {
        if (tunnel.pending(channel) === 0) await fill(tunnel, channel, size, 100);
      }
      // As docs/image/sizing.md has it: the channels, twice what may wait for all readers, and what is on the way.
      const most = channels * 8 + 2 * (Math.min(512, (channels * windowBytes) / KiB) + 192);
      expect(agent.memory('VmRSS') - before).toBeLessThan(most + heapNoise);
    },
  );
});
