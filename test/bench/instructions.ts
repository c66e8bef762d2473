import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from './agent-subject.ts';
import { carryDown, carryUp, type Ports } from './measure.ts';
import type { Stream, Subject } from './subject.ts';

/** Instructions a second of a MIPS 24KEc at 580 MHz: about one for each 1.35 cycles, at a cache that is too small. */
const instructionsPerSecond24KEc = 580e6 / 1.35;

const frameBytes = 2048;

/** User-space instructions for one thing done, and what a 580 MHz 24KEc would need, the kernel's work not included. */
export interface Cost {
  readonly what: string;
  readonly instructions: number;
  readonly microseconds24KEc: number;
}

/** Something that is done to a port of the device, so many times in a short and in a long run of the agent. */
interface Work {
  readonly what: string;
  readonly port: number;
  readonly short: number;
  readonly long: number;
  readonly run: (subject: Subject, port: number, times: number) => Promise<void>;
}

/** Frames through one channel. */
const carrying =
  (carry: (stream: Stream, bytes: number) => Promise<void>): Work['run'] =>
  async (subject, port, frames) => {
    const stream = await subject.open(port);
    await carry(stream, frames * frameBytes);
    await stream.close();
  };

/** Channels one after the other, without data. */
const opening: Work['run'] = async (subject, port, channels) => {
  for (let i = 0; i < channels; i++) await (await subject.open(port)).close();
};

function works({ sink, source, echo }: Ports): readonly Work[] {
  const frames = { short: 1024, long: 5120 };
  return [
    { what: 'a frame of 2 KiB to the device', port: sink, ...frames, run: carrying(carryDown) },
    { what: 'a frame of 2 KiB from the device', port: source, ...frames, run: carrying(carryUp) },
    { what: 'a channel opened and closed', port: echo, short: 200, long: 1200, run: opening },
  ];
}

/**
 * Counts with callgrind the instructions that an agent spends on a data frame of 2 KiB in each direction, and on a
 * channel that is opened and closed: a long run less a short one, so that start and upgrade cancel out. The same on a
 * busy machine as on an idle one.
 */
export async function instructionCosts(command: readonly string[], ports: Ports): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const work of works(ports)) {
    const { what, short, long } = work;
    const more = (await count(command, work, long)) - (await count(command, work, short));
    const instructions = more / (long - short);
    const microseconds24KEc = (instructions / instructionsPerSecond24KEc) * 1e6;
    costs.push({
      what,
      instructions: Math.round(instructions),
      microseconds24KEc: Math.round(microseconds24KEc),
    });
  }
  return costs;
}

/** All instructions of an agent from its start to its end, with the work done so many times in between. */
async function count(command: readonly string[], { port, run }: Work, times: number): Promise<number> {
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
    await run(subject, port, times);
  } finally {
    await subject.stop();
  }
  const collected = /Collected : (\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
  rmSync(directory, { recursive: true, force: true });
  if (collected === undefined) throw new Error(`${command.join(' ')}: callgrind counted nothing`);
  return Number(collected);
}
