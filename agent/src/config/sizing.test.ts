import { readFileSync } from 'node:fs';
import { utf8Encode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { accepted, loadWith } from '../../simulation/loading.ts';
import { inMiB, limitsOn, memoryCost, readMemory } from './sizing.ts';

const MiB = 2 ** 20;

function read(content: Readonly<Record<string, string>>) {
  return readMemory({
    read(path) {
      const text = content[path];
      if (text === undefined) throw new Error('no such file');
      return utf8Encode(text);
    },
  });
}

const meminfo = 'MemTotal:          59392 kB\nMemFree:            9000 kB\nMemAvailable:      20480 kB\n';
const group = {
  '/proc/meminfo': meminfo,
  '/proc/self/cgroup': '1:name=x:/y\n0::/system.slice/rm-agent.service\n',
};
const folder = '/sys/fs/cgroup/system.slice/rm-agent.service';

describe('the memory', () => {
  it.each([
    ['of the machine', { '/proc/meminfo': meminfo }, { total: 58 * MiB, available: 20 * MiB }],
    [
      'of a control group, where that is less',
      { ...group, [`${folder}/memory.max`]: '16777216\n', [`${folder}/memory.current`]: '4194304\n' },
      { total: 16 * MiB, available: 12 * MiB },
    ],
    [
      'of the machine, where the group has no bound',
      { ...group, [`${folder}/memory.max`]: 'max\n' },
      { total: 58 * MiB, available: 20 * MiB },
    ],
    [
      'of the machine, where the group may have more',
      { ...group, [`${folder}/memory.max`]: '1073741824\n' },
      { total: 58 * MiB, available: 20 * MiB },
    ],
    ['that the system does not tell', {}, null],
    ['in words that nobody knows', { '/proc/meminfo': 'MemTotal: much' }, null],
  ])('is that %s', (_, content, found) => {
    expect(read(content)).toEqual(found);
  });
});

const { limits: full, services } = accepted(loadWith({}));
const on = (total: number, given: Partial<typeof full> = {}) =>
  limitsOn({ total: total * MiB, available: 0 }, { ...full, ...given }, given);

describe('the default limits', () => {
  it.each([
    [
      17,
      {
        windowBytes: 32_768,
        frameBytes: 8192,
        channels: 17,
        totalBytes: 1_048_576,
        memoryBytes: (17 * MiB) / 4,
      },
    ],
    [
      58,
      {
        windowBytes: 65_536,
        frameBytes: 16_384,
        channels: 58,
        totalBytes: 2_097_152,
        memoryBytes: (58 * MiB) / 4,
      },
    ],
    [
      121,
      {
        windowBytes: 131_072,
        frameBytes: 32_768,
        channels: 121,
        totalBytes: 4_194_304,
        memoryBytes: (121 * MiB) / 4,
      },
    ],
    [
      490,
      {
        windowBytes: 262_144,
        frameBytes: 65_536,
        channels: 490,
        totalBytes: 16_777_216,
        memoryBytes: 32 * MiB,
      },
    ],
    [2, { windowBytes: 4096, frameBytes: 1024 * 2, channels: 4, totalBytes: 131_072, memoryBytes: 4 * MiB }],
  ])('of a machine with %i MiB follow its memory', (total, expected) => {
    expect(on(total)).toEqual({ ...full, ...expected });
  });

  it('are the full ones from 1 GiB on, and where the memory is not known', () => {
    expect(on(1024)).toEqual(full);
    expect(limitsOn(null, full, {})).toBe(full);
  });

  it.each([12, 17, 28, 58, 121, 250, 490, 1000])('cost at most a good half of %i MiB, in all', (total) => {
    const { agent, elsewhere } = memoryCost({ limits: on(total), services });
    expect(agent + elsewhere).toBeLessThan(0.55 * total * MiB);
  });
});

it('what is given stays, and the rest fits it', () => {
  const sizes = [2048, 8192, 65_536, 131_072, 1_048_576, 8_388_608];
  for (const total of [8, 17, 58, 121, 490]) {
    for (const key of ['windowBytes', 'frameBytes', 'totalBytes'] as const) {
      for (const size of sizes) {
        const given = { [key]: size };
        // Those that the schema accepts on every machine.
        if ('errors' in loadWith({ limits: given })) continue;
        const found = on(total, given);
        expect(found[key]).toBe(size);
        expect(found.frameBytes).toBeLessThanOrEqual(found.windowBytes);
        expect(found.windowBytes).toBeLessThanOrEqual(found.totalBytes);
        expect(found.frameBytes).toBeGreaterThanOrEqual(2048);
      }
    }
  }
  expect(on(17, { channels: 200, memoryBytes: 9_000_000 })).toMatchObject({
    channels: 200,
    memoryBytes: 9_000_000,
  });
});

describe('what a configuration can cost', () => {
  const cost = (limits: Partial<typeof full>, kind: 'https' | 'http' = 'http') =>
    memoryCost({ limits: { ...full, ...limits }, services: services.map((one) => ({ ...one, kind })) });

  it('grows with channels, and with what may wait', () => {
    const few = { channels: 10, windowBytes: 65_536, totalBytes: 16_777_216 };
    const { agent } = cost(few);
    expect(cost({ ...few, channels: 20 }).agent - agent).toBe(10 * (8192 + 2 * 65_536));
    expect(cost({ ...few, totalBytes: 65_536 }).agent - agent).toBe(-2 * 9 * 65_536);
    expect(cost({ ...few, channels: 20 }).elsewhere).toBe(20 * 262_144);
    expect(cost(few, 'https').agent - agent).toBe(10 * 32_768);
  });
});

it('docs/image/sizing.md has the default limits of machines', () => {
  const page = readFileSync(new URL('../../../docs/image/sizing.md', import.meta.url), 'utf8');
  for (const total of [17, 28, 58, 121, 250, 490, 1024]) {
    const limits = on(total);
    const { agent, elsewhere } = memoryCost({ limits, services });
    const sizes = [limits.windowBytes, limits.frameBytes, limits.totalBytes, limits.memoryBytes ?? 32 * MiB];
    const cells = [
      `${total} MiB`,
      limits.channels,
      ...sizes.map((size) => size.toLocaleString('en')),
      inMiB(agent + elsewhere),
    ];
    expect(page).toContain(`| ${cells.join(' | ')} |\n`);
  }
});
