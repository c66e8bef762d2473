import { readFileSync } from 'node:fs';

/**
 * What a machine has written to a disk, in its order, and what a power cut leaves of it. The format is that of
 * dm-log-writes (`drivers/md/dm-log-writes.c`), the writer QEMU's `blklogwrites`.
 */

export const sectorBytes = 512;
/** Sectors that a disk writes all or none of: ext4 has a checksum over its superblock, which is so large. */
const atOnce = 2;
const magic = 0x6a736677736872n;
const flags = { flush: 1n, discard: 4n, mark: 8n };

export type Step =
  | { readonly kind: 'write'; readonly sector: number; readonly content: Buffer }
  /** All writes before it are durable. */
  | { readonly kind: 'flush' };

/** @throws if the file is no such log */
export function readWriteLog(file: string): Step[] {
  const log = readFileSync(file);
  if (log.length < sectorBytes || log.readBigUInt64LE(0) !== magic)
    throw new Error(`${file}: no log of writes`);
  const count = Number(log.readBigUInt64LE(16));
  const bytes = log.readUInt32LE(24);
  const steps: Step[] = [];
  let at = bytes;
  for (let index = 0; index < count; index++) {
    const [sector, sectors, kinds] = [0, 8, 16].map((offset) => log.readBigUInt64LE(at + offset));
    if (sector === undefined || sectors === undefined || kinds === undefined) throw new Error('unreachable');
    at += bytes;
    if ((kinds & flags.flush) !== 0n) steps.push({ kind: 'flush' });
    const length = Number(sectors) * bytes;
    if ((kinds & flags.discard) !== 0n) {
      steps.push({
        kind: 'write',
        sector: (Number(sector) * bytes) / sectorBytes,
        content: Buffer.alloc(length),
      });
    } else if (length > 0) {
      const content = log.subarray(at, at + length);
      steps.push({ kind: 'write', sector: (Number(sector) * bytes) / sectorBytes, content });
      at += length;
    }
  }
  return steps;
}

/** Numbers below a bound, the same ones in each run. */
export function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
}

/**
 * Writes to `disk` what is left after a cut behind the first `cut` steps: of the writes since the last flush, some, each
 * up to some block.
 */
export function cutPower(
  disk: Buffer,
  steps: readonly Step[],
  cut: number,
  below: (bound: number) => number,
): void {
  const before = steps.slice(0, cut);
  const durable = before.findLastIndex(({ kind }) => kind === 'flush') + 1;
  for (const [index, step] of before.entries()) {
    if (step.kind === 'flush') continue;
    const sectors = step.content.length / sectorBytes;
    // Most often all or nothing of it.
    const fate = index < durable ? 0 : below(3);
    const part = atOnce * below(Math.floor(sectors / atOnce) + 1);
    const kept = [sectors, 0, part][fate] ?? 0;
    step.content.copy(disk, step.sector * sectorBytes, 0, kept * sectorBytes);
  }
}
