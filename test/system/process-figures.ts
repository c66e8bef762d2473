import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** What Linux says of a process: proc(5). */

/** `CLK_TCK` of every Linux that Node runs on. */
const ticksPerSecond = 100;

function fields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses, which may hold anything.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** CPU seconds of a process so far, user and system; with `live` children when `tree` is set. */
export function cpuSeconds(pid: number, tree = false): number {
  const own = fields(pid);
  const ticks = Number(own[11]) + Number(own[12]);
  if (!tree) return ticks / ticksPerSecond;
  // Children that have ended and were waited for, and those alive.
  const ended = Number(own[13]) + Number(own[14]);
  return (
    (ticks + ended) / ticksPerSecond + children(pid).reduce((sum, child) => sum + cpuSeconds(child, true), 0)
  );
}

function children(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => {
      try {
        return Number(fields(other)[1]) === pid;
      } catch {
        return false;
      }
    });
}

/** Times that any thread of a process was scheduled: context switches, voluntary or not. */
export function wakeUps(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    for (const [, count] of status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)/gm))
      sum += Number(count);
  }
  return sum;
}

/** KiB. */
export interface Memory {
  readonly resident: number;
  /** Pages that it has written itself; the rest can be read again from its executable. */
  readonly private: number;
  /** Pages of no file: what the process has asked for, while those of its executable come and go with the machine. */
  readonly anonymous: number;
}

export function memory(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const value = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
  return {
    resident: value('Rss'),
    private: value('Private_Dirty'),
    anonymous: value('Anonymous'),
  };
}

/** Forgets the peak so far. */
export function resetPeakResident(pid: number): void {
  // proc(5), clear_refs.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Largest resident memory since the start or {@link resetPeakResident}, in KiB. */
export function peakResident(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}
