import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, memory, peakResident, resetPeakResident, wakeUps } from '../system/process-figures.ts';
import type { Stream, Subject } from './subject.ts';

export interface Ports {
  readonly sink: number;
  readonly source: number;
  readonly echo: number;
}

export interface Extent {
  /** Carried in each direction and round, in MiB. */
  readonly mebibytes: number;
  /** Rounds of each throughput measure; the one in the middle counts. */
  readonly rounds: number;
  /** How long a rate is taken over. */
  readonly seconds: number;
  /** How long idleness is watched. */
  readonly idleSeconds: number;
}

export interface Throughput {
  readonly mebibytesPerSecond: number;
  /** CPU seconds per GiB of the device's process and of those in between. */
  readonly deviceCpu: number;
  readonly relayCpu: number;
}

/** What a subject costs when nothing happens. */
export interface Idleness {
  /** KiB. */
  readonly resident: number;
  readonly private: number;
  readonly wakeUpsPerMinute: number;
}

export interface Figures extends Idleness {
  readonly name: string;
  readonly startMs: number;
  readonly down: Throughput;
  readonly up: Throughput;
  readonly roundTripsPerSecond: number;
  readonly newChannelRoundTripsPerSecond: number;
  readonly opensPerSecond: number;
  /** CPU microseconds of the device's process, and of those in between, for a channel opened and closed. */
  readonly openCpuMicroseconds: number;
  readonly openRelayCpuMicroseconds: number;
  readonly many: {
    readonly channels: number;
    readonly mebibytesPerSecond: number;
    /** Peak of resident memory beyond idle, in KiB. */
    readonly growth: number;
  };
}

const mebibyte = 1 << 20;
const manyChannels = 64;
const parallelOpens = 32;

function count(bytes: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(bytes));
  return head;
}

export async function carryDown(stream: Stream, bytes: number): Promise<void> {
  stream.write(count(bytes));
  await stream.send(bytes);
  await stream.receive(1);
}

export async function carryUp(stream: Stream, bytes: number): Promise<void> {
  stream.write(count(bytes));
  await stream.receive(bytes);
}

/** A garbage collector tidies up for some seconds after the start; then nothing should be left to do. */
const settleMs = 15_000;

/** Watches all subjects at once, before anything is carried. */
export async function measureIdle(
  subjects: readonly Subject[],
  extent: Extent,
): Promise<ReadonlyMap<Subject, Idleness>> {
  await sleep(settleMs);
  const before = subjects.map((subject) => ({
    subject,
    memory: memory(subject.devicePid),
    wakeUps: wakeUps(subject.devicePid),
  }));
  await sleep(extent.idleSeconds * 1000);
  return new Map(
    before.map((then) => {
      const more = wakeUps(then.subject.devicePid) - then.wakeUps;
      return [then.subject, { ...then.memory, wakeUpsPerMinute: (more * 60) / extent.idleSeconds }];
    }),
  );
}

export async function measure(
  subject: Subject,
  idle: Idleness,
  ports: Ports,
  extent: Extent,
  report: (step: string) => void,
): Promise<Figures> {
  const device = () => cpuSeconds(subject.devicePid);
  const relay = () => subject.relayPids.reduce((sum, pid) => sum + cpuSeconds(pid, true), 0);

  const throughput = async (port: number, carry: (stream: Stream, bytes: number) => Promise<void>) => {
    const rounds: Throughput[] = [];
    for (let round = 0; round < extent.rounds; round++) {
      const stream = await subject.open(port);
      const [cpu, relayCpu, start] = [device(), relay(), performance.now()];
      await carry(stream, extent.mebibytes * mebibyte);
      const perGibibyte = 1024 / extent.mebibytes;
      rounds.push({
        mebibytesPerSecond: extent.mebibytes / ((performance.now() - start) / 1000),
        deviceCpu: (device() - cpu) * perGibibyte,
        relayCpu: (relay() - relayCpu) * perGibibyte,
      });
      await stream.close();
    }
    rounds.sort((a, b) => a.mebibytesPerSecond - b.mebibytesPerSecond);
    return rounds[rounds.length >> 1] as Throughput;
  };
  report('down');
  const down = await throughput(ports.sink, carryDown);
  report('up');
  const up = await throughput(ports.source, carryUp);

  const rate = async (parallel: number, once: () => Promise<void>): Promise<number> => {
    const start = performance.now();
    const end = start + extent.seconds * 1000;
    let times = 0;
    const worker = async () => {
      while (performance.now() < end) {
        await once();
        times++;
      }
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    return times / ((performance.now() - start) / 1000);
  };
  const request = Buffer.alloc(64, 'request ');
  report('round trips');
  const stream = await subject.open(ports.echo);
  const roundTripsPerSecond = await rate(1, async () => {
    stream.write(request);
    await stream.receive(request.length);
  });
  await stream.close();
  const newChannelRoundTripsPerSecond = await rate(1, async () => {
    const fresh = await subject.open(ports.echo);
    fresh.write(request);
    await fresh.receive(request.length);
    await fresh.close();
  });
  report('opens');
  const [cpuBefore, relayCpuBefore] = [device(), relay()];
  const startOpens = performance.now();
  const opensPerSecond = await rate(parallelOpens, async () => (await subject.open(ports.echo)).close());
  const opens = (opensPerSecond * (performance.now() - startOpens)) / 1000;
  const openCpuMicroseconds = ((device() - cpuBefore) * 1e6) / opens;
  const openRelayCpuMicroseconds = ((relay() - relayCpuBefore) * 1e6) / opens;

  report('many channels');
  const many = await measureMany(subject, ports, extent, idle.resident);
  return {
    name: subject.name,
    startMs: subject.startMs,
    ...idle,
    down,
    up,
    roundTripsPerSecond,
    newChannelRoundTripsPerSecond,
    opensPerSecond,
    openCpuMicroseconds,
    openRelayCpuMicroseconds,
    many,
  };
}

/** Half of the channels up, half down, all at once. */
async function measureMany(
  subject: Subject,
  ports: Ports,
  extent: Extent,
  idle: number,
): Promise<Figures['many']> {
  resetPeakResident(subject.devicePid);
  const each = Math.max(1, Math.round(extent.mebibytes / manyChannels)) * mebibyte;
  const streams = await Promise.all(
    Array.from({ length: manyChannels }, (_, i) => subject.open(i % 2 ? ports.sink : ports.source)),
  );
  const start = performance.now();
  await Promise.all(streams.map((stream, i) => (i % 2 ? carryDown(stream, each) : carryUp(stream, each))));
  const seconds = (performance.now() - start) / 1000;
  const growth = peakResident(subject.devicePid) - idle;
  await Promise.all(streams.map((stream) => stream.close()));
  return { channels: manyChannels, mebibytesPerSecond: (each * manyChannels) / mebibyte / seconds, growth };
}
