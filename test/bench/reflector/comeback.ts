import { Fleet } from './fleet.ts';
import { bodyOf, deviceName } from './light-device.ts';
import { Prober } from './prober.ts';
import { Site, userName, userPassword } from './site.ts';

export interface ComebackResult {
  readonly tls: boolean;
  readonly devices: number;
  /** Until all were connected for the first time, seconds. */
  readonly firstSeconds: number;
  /** Resident memory of the reflector for each idle device, KiB. */
  readonly kibADevice: number;
  /** From the death of the reflector until half, 99 %, and all of the devices were back, seconds. */
  readonly halfSeconds: number;
  readonly mostSeconds: number;
  readonly allSeconds: number;
  /** Requests of a user to a device that was back, while the others came; milliseconds. */
  readonly requests: number;
  readonly median: number;
  readonly p99: number;
  readonly slowest: number;
  /** Requests that were answered by something else than the device. */
  readonly failed: number;
}

/** An idle fleet on one reflector that dies and is started again. */
export async function measureComeback(
  devices: number,
  tls: boolean,
  report: (step: string) => void,
): Promise<ComebackResult> {
  // One more device, in a fleet of its own: what the user asks.
  const site = await Site.open({ devices: devices + 1, users: 1, tls });
  const before = site.memory.resident;
  const began = performance.now();
  const fleet = new Fleet(site.facts, devices);
  const asked = new Fleet(site.facts, 1, devices);
  try {
    await Promise.all([fleet.has(devices), asked.has(1)]);
    const firstSeconds = (performance.now() - began) / 1000;
    report(`${devices} devices up after ${firstSeconds.toFixed(1)} s`);
    // Garbage of the log-ins is no part of what an idle device costs; V8 collects it within some seconds.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    const kibADevice = (site.memory.resident - before) / devices;

    const prober = await Prober.open(site.facts, deviceName(devices), {
      name: userName(0),
      password: userPassword,
    });
    await site.kill();
    const died = performance.now();
    const since = () => (performance.now() - died) / 1000;
    await fleet.has(0);
    await site.start();
    const half = fleet.atLeast(devices / 2).then(since);
    const most = fleet.atLeast(devices * 0.99).then(since);
    const all = fleet.has(devices).then(since);
    await asked.has(1);
    const body = bodyOf(deviceName(devices), 1_000);
    const times = await prober.until(all, '/1000', body);
    report(`all back after ${(await all).toFixed(1)} s`);
    const at = (part: number) =>
      times.ms[Math.min(times.ms.length - 1, Math.floor(times.ms.length * part))] ?? 0;
    return {
      tls,
      devices,
      firstSeconds,
      kibADevice,
      halfSeconds: await half,
      mostSeconds: await most,
      allSeconds: await all,
      requests: times.ms.length,
      median: at(0.5),
      p99: at(0.99),
      slowest: at(1),
      failed: times.failed,
    };
  } finally {
    await Promise.all([fleet.stop(), asked.stop()]);
    await site.close();
  }
}
