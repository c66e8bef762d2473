import { utf8Decode } from 'rm-protocol';
import type { Files } from '../host.ts';
import type { Configuration, Service } from './configuration.ts';
import { defaultLimits } from './limits.ts';

type ConfiguredLimits = Configuration['limits'];

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * What things cost at most, in bytes. `test/scenarios/sizing.test.ts` tries to break the model, docs/image/sizing.md has
 * the measurements.
 */
const costs = {
  /** The executable with its engine and the tunnel's TLS. */
  runtime: 2 * MiB,
  /** What one channel holds besides its data: objects, the socket, the first block of its queue. */
  channel: 8 * KiB,
  /** The session of a channel to a service of kind `https`. */
  tls: 32 * KiB,
  /** Memory that data takes for each byte that waits: blocks that are not full. */
  waiting: 2,
  /** Outside of the agent, for each channel: a process of the service, and the kernel's buffers of both ends. */
  service: 256 * KiB,
};

/** The shares of the machine's memory in the limits that are not configured. */
const shares = { windowBytes: 512, totalBytes: 16, memoryBytes: 4, channel: MiB };

/** A machine with less than this has smaller limits by default: `memoryBytes` is the last to be what it is elsewhere. */
const smallBelow = Math.max(
  defaultLimits.memoryBytes * shares.memoryBytes,
  defaultLimits.channels * shares.channel,
);

export interface Memory {
  /** Of the machine, or of the control group that the agent is in, where that is less; bytes. */
  readonly total: number;
  /** What programs may still take, in bytes. */
  readonly available: number;
}

/** `null` where the system does not tell. */
export function readMemory(files: Pick<Files, 'read'>): Memory | null {
  const field = (path: string, pattern: RegExp): string | undefined => {
    try {
      return pattern.exec(utf8Decode(files.read(path, 16 * KiB)))?.[1];
    } catch {
      return undefined;
    }
  };
  const kibibytes = (name: string) =>
    Number(field('/proc/meminfo', new RegExp(`^${name}: *(\\d+) kB`, 'm'))) * KiB;
  const total = kibibytes('MemTotal');
  if (!(total > 0)) return null;
  // cgroups(7), version 2.
  const group = `/sys/fs/cgroup${field('/proc/self/cgroup', /^0::(\/.*)/m)}`;
  const number = /^(\d+)/;
  const most = Number(field(`${group}/memory.max`, number) ?? total);
  const used = Number(field(`${group}/memory.current`, number) ?? 0);
  const available = kibibytes('MemAvailable');
  return most < total ? { total: most, available: Math.min(available, most - used) } : { total, available };
}

/**
 * The limits of a configuration: of those that are not `given` in the file, a machine with little memory has smaller
 * ones. A file that is right on one machine is right on every other.
 */
export function limitsOn(memory: Memory | null, limits: ConfiguredLimits, given: object): ConfiguredLimits {
  if (memory === null || memory.total >= smallBelow) return limits;
  const { total: bytes } = memory;
  const least = (key: 'windowBytes' | 'totalBytes' | 'frameBytes', size: number) =>
    key in given ? limits[key] : Math.min(limits[key], powerOfTwo(size));
  const asked = (key: 'windowBytes' | 'frameBytes') => (key in given ? limits[key] : 0);
  const frames = asked('frameBytes');
  const totalBytes = Math.max(least('totalBytes', bytes / shares.totalBytes), asked('windowBytes'), frames);
  const windowBytes = Math.max(
    Math.min(least('windowBytes', bytes / shares.windowBytes), totalBytes),
    frames,
  );
  return {
    ...limits,
    windowBytes,
    totalBytes,
    frameBytes: Math.min(least('frameBytes', windowBytes / 4), windowBytes),
    channels:
      'channels' in given
        ? limits.channels
        : Math.min(limits.channels, Math.max(4, Math.floor(bytes / shares.channel))),
    memoryBytes:
      limits.memoryBytes ??
      Math.min(defaultLimits.memoryBytes, Math.max(4 * MiB, Math.floor(bytes / shares.memoryBytes))),
  };
}

/** The largest that is not above `size`, and at least the least window. */
function powerOfTwo(size: number): number {
  let power = 2 * KiB;
  while (2 * power <= size) power *= 2;
  return power;
}

/** What a configuration can cost at most, in bytes: in the agent, whose program is `runtime` now, and elsewhere. */
export function memoryCost(
  {
    limits,
    services,
  }: Pick<Configuration, 'limits'> & { readonly services: readonly Pick<Service, 'kind'>[] },
  runtime = costs.runtime,
): { readonly agent: number; readonly elsewhere: number } {
  const { channels, windowBytes, totalBytes } = limits;
  const secure = services.some(({ kind }) => kind === 'https');
  return {
    agent:
      runtime +
      channels * (costs.channel + (secure ? costs.tls : 0)) +
      costs.waiting *
        (Math.min(totalBytes, channels * windowBytes) + defaultLimits.queueBytes + defaultLimits.answerBytes),
    elsewhere: channels * costs.service,
  };
}

/** In MiB, for people. */
export function inMiB(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}
