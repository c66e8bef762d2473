import { readdirSync } from 'node:fs';
import { patience } from '../scenarios/stage/wait.ts';
import { memory } from '../system/process-figures.ts';
import { RemoteSystem } from '../system/remote-system.ts';
import { CutRelay } from './cut-relay.ts';
import { SoakServices } from './services.ts';
import { type Tally, Traffic } from './traffic.ts';

export interface SoakExtent {
  /** The agent's executable with leading arguments. */
  readonly agent: readonly string[];
  readonly reconnects: number;
  readonly seconds: number;
  readonly seed: number;
}

/** Of a process while nothing happens. */
export interface Footprint {
  /** KiB of memory that is no file's: pages of the executable come and go as the machine has room. */
  readonly memory: number;
  /** More than when it was idle at first. */
  readonly descriptors: number;
}

/** Early on and at the end, idle both times. */
export interface Course {
  readonly early: Footprint;
  readonly late: Footprint;
}

export interface SoakFigures {
  /** The agent after ten reconnects, and after all of them. */
  readonly reconnects: Course;
  /** After a tenth of the traffic, and after all of it. */
  readonly agent: Course;
  readonly reflector: Course;
  readonly tally: Tally;
}

/** How many do something at the same time. */
const users = 8;

/** Forced reconnects first, then mixed traffic. */
export async function soak({ agent, reconnects, seconds, seed }: SoakExtent): Promise<SoakFigures> {
  const undo: (() => unknown)[] = [];
  let system: RemoteSystem | undefined;
  try {
    const services = await SoakServices.open();
    undo.push(() => services.close());
    let relay: CutRelay | undefined;
    system = await RemoteSystem.start({
      services: services.all,
      // At other levels a link that is cut over and over is told a few times only.
      configuration: { log: { level: 'debug' } },
      agent,
      way: async (port) => {
        relay = await CutRelay.open(port);
        return relay.port;
      },
    });
    const running = system;
    undo.push(
      () => relay?.close(),
      () => running.stop(),
    );
    const agentPid = running.agent?.pid ?? 0;
    const reflectorPid = running.reflector.pid ?? 0;
    const idle = { agent: descriptors(agentPid), reflector: descriptors(reflectorPid) };
    const reconnect = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        const seen = running.agent?.log.length ?? 0;
        relay?.cut();
        await running.agent?.logged(/disconnected/, seen);
        // What a person may do at any time; without it the back-off would make of 1,000 rounds some days.
        running.agent?.signal('SIGHUP');
        await running.agent?.logged(/ connected to/, seen);
      }
      return settled(agentPid, idle.agent);
    };
    const few = Math.min(10, reconnects);
    const course = { early: await reconnect(few), late: await reconnect(reconnects - few) };

    const random = randomFrom(seed);
    const tally: Tally = new Map();
    const traffic = async (milliseconds: number) => {
      const end = performance.now() + milliseconds;
      await new Traffic(running, services, random, tally).run(users, () => performance.now() >= end);
      return {
        agent: await settled(agentPid, idle.agent),
        reflector: await settled(reflectorPid, idle.reflector),
      };
    };
    const early = await traffic(seconds * 100);
    const late = await traffic(seconds * 900);
    return {
      reconnects: course,
      agent: { early: early.agent, late: late.agent },
      reflector: { early: early.reflector, late: late.reflector },
      tally,
    };
  } catch (error) {
    const log = system?.agent?.log.slice(-10).join('\n') ?? '';
    throw new Error(`${error instanceof Error ? error.message : error}; the end of the agent's log:\n${log}`);
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Waits until a process has no more descriptors open than when it was idle at first; kept connections end by then. */
async function settled(pid: number, idle: number): Promise<Footprint> {
  const limit = performance.now() + patience;
  while (descriptors(pid) > idle && performance.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { memory: memory(pid).anonymous, descriptors: descriptors(pid) - idle };
}

/** Uniform in [0, 1): mulberry32, so that a seed replays. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
