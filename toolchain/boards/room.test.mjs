import { describe, expect, it } from 'vitest';
import { flashNeed, lacks, table } from './room.mjs';

/** @type {import('./board.mjs').Board} */
const board = {
  name: 'Board',
  soc: 'Processor',
  target: 'armv5',
  system: { name: 'Linux', libc: 'musl', init: 'busybox' },
  memory: { totalMiB: 32, systemMiB: 28, freeMiB: 8, source: '' },
  flash: { totalMiB: 4, freeMiB: 0.5, compressed: true, source: '' },
  agent: {},
};

const entries = [
  { path: 'usr/bin/rm-agent', mode: 0o755, content: Buffer.alloc(700_000) },
  { path: 'etc/rm-agent.json', mode: 0o600, content: Buffer.alloc(1) },
  { path: 'etc/x', mode: 0o777, link: 'y' },
];
const executable = { bytes: 700_000, squashfsBytes: 400_000 };

describe('what the overlay takes of the flash', () => {
  it('is whole blocks', () => {
    expect(flashNeed(entries, executable, false).bytes).toBe(171 * 4096 + 2 * 4096);
  });

  it('is less where the file system compresses', () => {
    expect(flashNeed(entries, executable, true).bytes).toBe(173 * 4096 - 300_000);
  });
});

describe('what does not fit', () => {
  it('is told with by how much', () => {
    /** @type {import('./room.mjs').Need[]} */
    const needs = [
      { of: 'flash', what: 'the overlay', bytes: 768 * 1024 },
      { of: 'memory', what: 'the agent', bytes: 10 * 2 ** 20 },
      { of: 'memory', what: 'little', bytes: 8 * 2 ** 20 },
    ];
    expect(lacks(board, needs)).toEqual([
      'flash: the overlay takes 768 KiB, and 512 KiB are free: 256 KiB too much',
      'memory: the agent takes 10.0 MiB, and 8.0 MiB are free: 2.0 MiB too much',
    ]);
    expect(table(board, needs).split('\n')[1]).toBe('flash   the overlay   768 KiB  512 KiB   4.0 MiB');
  });
});
