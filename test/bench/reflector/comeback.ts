import { userName, userPassword } from './accounts.ts';
import { Fleet } from './fleet.ts';
import { bodyOf, deviceName, type FleetFacts } from './light-device.ts';
import { type Probed, Prober } from './prober.ts';
import { Site } from './site.ts';

/** What can be killed and started again. */
export interface MortalSite {
  readonly facts: FleetFacts;
  /** What its processes have written themselves, KiB. */
  readonly private: number;
  kill(): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
}

export interface ComebackResult {
  readonly devices: number;
  /** Until all were connected for the first time, seconds. */
  readonly firstSeconds: number;
  /** Memory that the reflector has written itself for each idle device, KiB. */
  readonly kibADevice: number;
  /** From the death of the reflector until it took connections again, and until half, 99 %, and all of the devices were back, seconds. */
  readonly startSeconds: number;
  readonly halfSeconds: number;
  readonly mostSeconds: number;
  readonly allSeconds: number;
  /** Requests of a user to a device that was back, while the others came. */
  readonly asked: ProbedTimes;
}

/** Milliseconds. */
export interface ProbedTimes {
  readonly requests: number;
  readonly median: number;
  readonly p99: number;
  readonly slowest: number;
  /** Requests that were answered by something else than the one that was meant. */
  readonly failed: number;
}

/** What else is looked at. */
export interface Watch {
  /** Wait before memory is measured; 15 s by default. */
  readonly settleMs?: number;
  /** Time after which all processes know of a device that has come; 0 by default. */
  readonly knownMs?: number;
  /** All are up and idle. */
  idle?(): Promise<void>;
  /** The site has just been started again; `until`: all are back. */
  restarted?(until: Promise<unknown>, prober: Prober): Promise<void>;
}

/** Garbage of the log-ins is no part of what an idle device costs; V8 collects it within some seconds. */
const collectedMs = 15_000;

/** An idle fleet on one reflector that dies and is started again. */
export async function measureReflector(
  devices: number,
  tls: boolean,
  report: (step: string) => void,
): Promise<ComebackResult> {
  const site = await Site.open({ devices: devices + 1, users: 1, tls });
  try {
    return await measureComeback(site, devices, report);
  } finally {
    await site.close();
  }
}

/** An idle fleet on a site that has accounts for one device more: what the user asks is in a fleet of its own. */
export async function measureComeback(
  site: MortalSite,
  devices: number,
  report: (step: string) => void,
  { settleMs = collectedMs, knownMs = 0, idle, restarted }: Watch = {},
): Promise<ComebackResult> {
  // The garbage of the start would count against the devices.
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const before = site.private;
  const began = performance.now();
  const fleet = new Fleet(site.facts, devices);
  const asked = new Fleet(site.facts, 1, devices);
  try {
    await Promise.all([fleet.has(devices), asked.has(1)]);
    const firstSeconds = (performance.now() - began) / 1000;
    report(`${devices} devices up after ${firstSeconds.toFixed(1)} s`);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const kibADevice = (site.private - before) / devices;
    report(`${kibADevice.toFixed(1)} KiB a device`);
    await idle?.();

    const user = { name: userName(0), password: userPassword };
    const prober = await Prober.open(site.facts, deviceName(devices), user);
    await site.kill();
    const died = performance.now();
    const since = () => (performance.now() - died) / 1000;
    await fleet.has(0);
    await site.start();
    const startSeconds = since();
    report(`started again after ${startSeconds.toFixed(1)} s`);
    const half = fleet.atLeast(devices / 2).then(since);
    const most = fleet.atLeast(devices * 0.99).then(since);
    const all = fleet.has(devices).then(since);
    const watched = restarted?.(all, prober);
    // It is waited for below.
    watched?.catch(() => {});
    await asked.has(1);
    await new Promise((resolve) => setTimeout(resolve, knownMs));
    const times = await prober.until(all, '/1000', bodyOf(deviceName(devices), 1_000));
    report(`all back after ${(await all).toFixed(1)} s`);
    await watched;
    return {
      devices,
      firstSeconds,
      kibADevice,
      startSeconds,
      halfSeconds: await half,
      mostSeconds: await most,
      allSeconds: await all,
      asked: timesOf(times),
    };
  } finally {
    await Promise.all([fleet.stop(), asked.stop()]);
  }
}

export function timesOf({ ms, failed }: Probed): ProbedTimes {
  const at = (part: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * part))] ?? 0;
  return { requests: ms.length, median: at(0.5), p99: at(0.99), slowest: at(1), failed };
}
