import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from './agent-subject.ts';
import { carryDown, carryUp, type Ports } from './measure.ts';
import type { Stream } from './subject.ts';

/** Instructions a second of a MIPS 24KEc at 580 MHz: about one for each 1.35 cycles, at a cache that is too small. */
const instructionsPerSecond24KEc = 580e6 / 1.35;

const frameBytes = 2048;
const mebibyte = 1024 * 1024;

export interface FrameCost {
  readonly direction: 'to the device' | 'from the device';
  /** User-space instructions for one data frame of 2 KiB. */
  readonly instructions: number;
  /** What a 580 MHz 24KEc would need for them, the kernel's work not included. */
  readonly microseconds24KEc: number;
}

/**
 * Counts the instructions that an agent spends on one data frame, with callgrind: a transfer of 10 MiB less one of
 * 2 MiB, so that start and upgrade cancel out. The same on a busy machine as on an idle one.
 */
export async function frameCosts(command: readonly string[], ports: Ports): Promise<FrameCost[]> {
  const costs: FrameCost[] = [];
  for (const direction of ['to the device', 'from the device'] as const) {
    const down = direction === 'to the device';
    const carry = down ? carryDown : carryUp;
    const port = down ? ports.sink : ports.source;
    const [more, less] = [await count(command, port, carry, 10), await count(command, port, carry, 2)];
    const instructions = (more - less) / ((8 * mebibyte) / frameBytes);
    const microseconds24KEc = (instructions / instructionsPerSecond24KEc) * 1e6;
    costs.push({
      direction,
      instructions: Math.round(instructions),
      microseconds24KEc: Math.round(microseconds24KEc),
    });
  }
  return costs;
}

/** All instructions of an agent that carries so many MiB through one channel. */
async function count(
  command: readonly string[],
  port: number,
  carry: (stream: Stream, bytes: number) => Promise<void>,
  mebibytes: number,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'rm-callgrind-'));
  const log = join(directory, 'log');
  const valgrind = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', `--log-file=${log}`];
  const subject = await startAgent({
    name: 'callgrind',
    command: [...valgrind, ...command],
    ports: [port],
    extension: false,
    tls: false,
  });
  try {
    const stream = await subject.open(port);
    await carry(stream, mebibytes * mebibyte);
    await stream.close();
  } finally {
    await subject.stop();
  }
  const collected = /Collected : (\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
  rmSync(directory, { recursive: true, force: true });
  if (collected === undefined) throw new Error(`${command.join(' ')}: callgrind counted nothing`);
  return Number(collected);
}
