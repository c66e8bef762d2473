import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configure } from '../../agent/src/config/load.ts';
import { memoryCost } from '../../agent/src/config/sizing.ts';
import { targets } from '../targets.mjs';
import { features } from '../tiny/features.mjs';
import { boardFaults, boardNames, readBoard } from './board.mjs';
import { machineOf } from './machine.mjs';
import { lacks, memoryNeeds } from './room.mjs';

describe.each(boardNames())('board %s', (name) => {
  it('has all keys, and the agent takes its configuration without a warning', () => {
    const board = readBoard(name);
    expect(configure(machineOf(board), /** @type {any} */ (board.agent))).toMatchObject({ warnings: [] });
  });

  it('leaves half of its memory to others when the agent holds all it may', () => {
    const board = readBoard(name);
    const loaded = configure(machineOf(board), /** @type {any} */ (board.agent));
    const { totalBytes } = 'ok' in loaded ? loaded.ok.limits : { totalBytes: Number.POSITIVE_INFINITY };
    expect(totalBytes).toBeLessThanOrEqual((board.memory.totalMiB * 2 ** 20) / 2);
  });

  it('has the memory that its configuration can cost', () => {
    const board = readBoard(name);
    const loaded = configure(machineOf(board), /** @type {any} */ (board.agent));
    if ('errors' in loaded) throw new Error(loaded.errors.join('\n'));
    expect(lacks(board, memoryNeeds(memoryCost(loaded.ok)))).toEqual([]);
  });

  it('has less free than it has', () => {
    const { memory, flash } = readBoard(name);
    expect(memory.freeMiB).toBeLessThan(memory.totalMiB);
    expect(flash.freeMiB).toBeLessThan(flash.totalMiB);
  });
});

describe('a board file', () => {
  const right = {
    name: 'Board',
    soc: 'Processor',
    target: 'armv5',
    system: { name: 'Buildroot', libc: 'musl', init: 'busybox', packages: { ipk: 'arm' } },
    memory: { totalMiB: 64, systemMiB: 58, freeMiB: 32, source: 'data sheet' },
    flash: { totalMiB: 8, freeMiB: 0.5, compressed: true, source: 'data sheet' },
    agent: {},
  };

  it.each([
    ['target', { target: 'z80' }, /^target: found "z80".*armv5/],
    ['memory', { memory: { ...right.memory, totalMiB: 0.5 } }, /^memory.totalMiB: found 0.5; .* from 1 to/],
    ['text', { flash: { ...right.flash, source: '' } }, /^flash.source: found ""; allowed is text/],
    ['init', { system: { ...right.system, init: 'upstart' } }, /^system.init: found "upstart".*procd/],
    [
      'package',
      { system: { ...right.system, packages: { rpm: 'arm' } } },
      /^system.packages.rpm: unknown.*deb/,
    ],
    ['agent', { agent: undefined }, /^agent: found undefined; allowed is an object/],
    [
      'system',
      { memory: { ...right.memory, systemMiB: 65 } },
      /^memory.systemMiB: found 65; .* totalMiB, which is 64/,
    ],
    [
      'free memory',
      { memory: { ...right.memory, freeMiB: 59 } },
      /^memory.freeMiB: found 59; .* systemMiB, which is 58/,
    ],
    [
      'free flash',
      { flash: { ...right.flash, freeMiB: 9 } },
      /^flash.freeMiB: found 9; .* totalMiB, which is 8/,
    ],
    ['feature', { without: ['mqtt', 'tls'] }, /^without\[1\]: found "tls"; .*tls13, import, gateway, mqtt/],
    ['list of features', { without: 'mqtt' }, /^without: found "mqtt"; allowed is a list/],
    [
      'feature twice',
      { without: ['mqtt', 'mqtt'] },
      /^without: found .*; allowed is a list without repetitions/,
    ],
    [
      'gateway without it',
      { without: ['gateway'], agent: { gateway: { devices: [] } } },
      /^without: found gateway, which agent.gateway needs/,
    ],
    ['MQTT without it', { without: ['mqtt'], agent: { mqtt: {} } }, /found mqtt, which agent.mqtt needs/],
    [
      'on demand without MQTT',
      { without: ['mqtt'], agent: { start: 'onDemand' } },
      /found mqtt, which agent.start needs/,
    ],
    ['other key', { colour: 'red' }, /^colour: unknown; allowed are .*name, soc/],
  ])('is refused by key: %s', (_, change, said) => {
    expect(boardFaults(right)).toEqual([]);
    expect(boardFaults({ ...right, ...change })).toEqual([expect.stringMatching(said)]);
  });

  it('is an object, with the required keys', () => {
    expect(boardFaults([])).toEqual(['found []; allowed is an object']);
    expect(boardFaults({ ...right, memory: { source: 'x' } })).toHaveLength(3);
    const { packages: _, ...system } = right.system;
    expect(boardFaults({ ...right, system })).toEqual([]);
  });

  it('may leave out what its configuration does not use', () => {
    const agent = { mqtt: {}, start: 'onDemand' };
    expect(boardFaults({ ...right, without: ['gateway', 'import'], agent })).toEqual([]);
    expect(boardFaults({ ...right, without: ['mqtt'], agent: { start: 'enabled' } })).toEqual([]);
  });

  it('may be one of your own, by its path', () => {
    expect(() => readBoard('/nowhere/board.json')).toThrow(/board.json: no such file$/);
  });
});

describe('the schema', () => {
  const schema = JSON.parse(readFileSync(new URL('board.schema.json', import.meta.url), 'utf8'));

  it('has every target', () => {
    expect(schema.properties.target.enum).toEqual(Object.keys(targets));
  });

  it('has every feature that a board can do without', () => {
    const { items } = schema.properties.without;
    expect(['tls', ...items.enum]).toEqual(Object.keys(features));
  });

  it('describes every field', () => {
    /** @param {any} value @returns {any[]} */
    const fields = ({ properties = {} }) =>
      Object.values(properties).flatMap((/** @type {any} */ field) => [field, ...fields(field)]);
    for (const field of fields(schema)) expect(field.description).toMatch(/\.$/);
  });
});
