import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curl, startCurl } from '../system/curl.ts';
import { DemoDevice } from '../system/demo-device.ts';
import { memory, peakResident, resetPeakResident } from '../system/process-figures.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** 2 GiB, without `RM_LONG` an eighth of it. */
const size = process.env.RM_LONG ? 2 ** 31 : 2 ** 28;

describe(`${size} bytes`, () => {
  /** KiB that agent and reflector may take beyond what they have when idle. */
  const allowedGrowth = 32 * 1024;
  let directory: string;
  let device: DemoDevice;
  let system: RemoteSystem;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rm-large-'));
    device = await DemoDevice.start();
    system = await RemoteSystem.start({ services: [{ port: device.port, kind: 'http' }] });
    // What every process does once, such as compiling its hot functions, is not part of the measurement.
    await curl(system, ['--output', '/dev/null', `${system.url}/download?bytes=${1 << 24}`]);
  });

  afterAll(async () => {
    await system?.stop();
    await device?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function growth(transfer: () => Promise<void>): Promise<Record<string, number>> {
    const processes = { agent: system.agent?.pid ?? 0, reflector: system.reflector.pid ?? 0 };
    const idle = Object.entries(processes).map(([name, pid]) => {
      resetPeakResident(pid);
      return [name, pid, memory(pid).resident] as const;
    });
    await transfer();
    return Object.fromEntries(idle.map(([name, pid, before]) => [name, peakResident(pid) - before]));
  }

  test('from the device arrive unchanged, in flat memory', async () => {
    const url = `${system.url}/download?bytes=${size}`;
    const described = await curl(system, [`${system.url}/api/download?bytes=${size}`]);
    const { sha256 } = JSON.parse(described.output.toString()) as { sha256: string };
    const hash = createHash('sha256');
    const grown = await growth(async () => {
      const child = startCurl(system, [url]);
      child.stdin?.end();
      for await (const bytes of child.stdout ?? []) hash.update(bytes as Buffer);
    });
    expect(hash.digest('hex')).toBe(sha256);
    expect(grown.agent).toBeLessThan(allowedGrowth);
    expect(grown.reflector).toBeLessThan(allowedGrowth);
  });

  test('to the device arrive unchanged, in flat memory', async () => {
    const file = join(directory, 'zeros');
    writeFileSync(file, '');
    truncateSync(file, size);
    const hash = createHash('sha256');
    const zeros = Buffer.alloc(1 << 20);
    for (let at = 0; at < size; at += zeros.length) hash.update(zeros);
    let answer = '';
    const grown = await growth(async () => {
      const { output } = await curl(system, [
        '--upload-file',
        file,
        '--request',
        'POST',
        `${system.url}/upload`,
      ]);
      answer = output.toString();
    });
    expect(JSON.parse(answer)).toMatchObject({ bytes: size, sha256: hash.digest('hex') });
    expect(grown.agent).toBeLessThan(allowedGrowth);
    expect(grown.reflector).toBeLessThan(allowedGrowth);
  });
});
