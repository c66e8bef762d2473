import { describe, expect, it } from 'vitest';
import { configure } from '../agent/src/config/load.ts';
import { boardFaults, boardNames, readBoard } from './boards.mjs';

/** A board on which every file exists that a configuration names. */
const board = {
  files: { stat: () => ({ kind: 'file', size: 16, mode: 0o600 }) },
  system: { environment: () => undefined, hostName: () => 'device', nodeId: () => '0123456789ab' },
};

describe.each(boardNames())('board %s', (name) => {
  it('has all keys, and the agent takes its configuration without a warning', () => {
    const { agent } = readBoard(name);
    expect(configure(/** @type {any} */ (board), /** @type {any} */ (agent))).toMatchObject({ warnings: [] });
  });

  it('leaves half of its memory to others when the agent holds all it may', () => {
    const { agent, memoryMiB } = readBoard(name);
    const loaded = configure(/** @type {any} */ (board), /** @type {any} */ (agent));
    const { totalBytes } = 'ok' in loaded ? loaded.ok.limits : { totalBytes: Number.POSITIVE_INFINITY };
    expect(totalBytes).toBeLessThanOrEqual((memoryMiB * 2 ** 20) / 2);
  });
});

describe('a board file', () => {
  const right = {
    name: 'Board',
    soc: 'Processor',
    target: 'armv5',
    system: 'Buildroot',
    memoryMiB: 64,
    flashMiB: 8,
    agent: {},
  };

  it('is refused by key, with what is allowed', () => {
    expect(boardFaults(right)).toEqual([]);
    expect(boardFaults({ ...right, target: 'z80' })).toEqual([
      expect.stringMatching(/^target: found "z80".*armv5/),
    ]);
    expect(boardFaults({ ...right, memoryMiB: 0.5 })).toEqual([
      expect.stringMatching(/^memoryMiB: found 0.5/),
    ]);
    expect(boardFaults({ ...right, agent: undefined })).toEqual([
      expect.stringMatching(/^agent: found nothing/),
    ]);
    expect(boardFaults({ ...right, colour: 'red' })).toEqual([expect.stringMatching(/^colour: unknown/)]);
    expect(boardFaults([])).toHaveLength(1);
  });
});
