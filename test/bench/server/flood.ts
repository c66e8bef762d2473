import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../../checkout.ts';
import { addAccounts, userName } from '../reflector/accounts.ts';
import { Fleet } from '../reflector/fleet.ts';
import { bodyOf, deviceName, type FleetFacts } from '../reflector/light-device.ts';
import { type Probed, Prober } from '../reflector/prober.ts';
import { fill, quantile } from './devices.ts';
import type { FloodCounts, FloodOrder } from './flood-process.ts';
import { password, ServerSite } from './site.ts';

export interface FloodExtent {
  /** In the store. */
  readonly devices: number;
  readonly tunnels: number;
  readonly users: number;
  /** For each figure, in each of the {@link rounds}. */
  readonly seconds: number;
}

/** Requests of 64 bytes through a tunnel, one after the other; milliseconds. */
export interface RoundTrips {
  readonly requests: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly failed: number;
}

export interface FloodResult {
  readonly quiet: RoundTrips;
  /** The same flood, at another server of this machine: what the flood costs the machine. */
  readonly elsewhere: RoundTrips;
  readonly flood: RoundTrips;
  /** Calls a second of the flood at this server, by status. */
  readonly calls: Readonly<Record<number, number>>;
}

export const rounds = 3;
const program = join(root, 'test/dist/bench/server/flood-process.js');

/** Round trips of one tunnel among many: in peace, with a flood at another server, and with a flood at this one. */
export async function measureFlood(
  { devices, tunnels, users, seconds }: FloodExtent,
  report: (step: string) => void,
): Promise<FloodResult> {
  let facts: Omit<FleetFacts, 'port'> | undefined;
  const prepared = (withTunnels: number) =>
    ServerSite.open(async (path) => {
      fill(path, devices);
      facts = { tls: false, ...(await addAccounts(path, { devices: withTunnels, users })) };
    });
  report(`writing ${devices} devices, twice`);
  const other = await prepared(0);
  const site = await prepared(tunnels);
  const own = { ...(facts as Omit<FleetFacts, 'port'>), port: site.port };
  const fleet = new Fleet(own, tunnels);
  const flood = fork(program, { stdio: 'inherit' });
  try {
    report(`${tunnels} tunnels, ${users} log-ins at each server`);
    await fleet.has(tunnels);
    const orders = { here: await order(site, users, devices), elsewhere: await order(other, users, devices) };
    const device = deviceName(0);
    const prober = await Prober.open(own, device, { name: 'everything', password });
    const probe = (forSeconds: number) => {
      const end = new Promise((resolve) => setTimeout(resolve, 1_000 * forSeconds));
      return prober.until(end, '/64', bodyOf(device, 64));
    };
    const counts: FloodCounts[] = [];
    const under = async (to: FloodOrder, forSeconds: number): Promise<Probed> => {
      flood.send(to);
      // The first calls are free of the rate of each user.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const begun = await probe(forSeconds);
      const ended = once(flood, 'message');
      flood.send(null as unknown as FloodOrder);
      const [answered] = (await ended) as [FloodCounts];
      if (to === orders.here) counts.push(answered);
      // What is under way ends.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return begun;
    };
    report('warming up');
    await probe(seconds / 2);
    await under(orders.elsewhere, seconds / 2);
    await under(orders.here, seconds / 2);
    counts.length = 0;
    const all = { quiet: [] as Probed[], elsewhere: [] as Probed[], flood: [] as Probed[] };
    for (let round = 1; round <= rounds; round++) {
      report(`round ${round} of ${rounds}`);
      all.quiet.push(await probe(seconds));
      all.elsewhere.push(await under(orders.elsewhere, seconds));
      all.flood.push(await under(orders.here, seconds));
    }
    return {
      quiet: summary(all.quiet),
      elsewhere: summary(all.elsewhere),
      flood: summary(all.flood),
      calls: perSecond(counts, rounds * (seconds + 2)),
    };
  } finally {
    flood.disconnect();
    await fleet.stop();
    await Promise.all([site.close(), other.close()]);
  }
}

async function order(site: ServerSite, users: number, devices: number): Promise<FloodOrder> {
  const tokens: string[] = [];
  for (let n = 0; n < users; n++) tokens.push(await site.token(userName(n)));
  return { port: site.port, tokens, devices };
}

function summary(probed: readonly Probed[]): RoundTrips {
  const ms = probed.flatMap((one) => one.ms);
  return {
    requests: ms.length,
    p50: quantile(ms, 0.5),
    p95: quantile(ms, 0.95),
    p99: quantile(ms, 0.99),
    failed: probed.reduce((sum, one) => sum + one.failed, 0),
  };
}

function perSecond(counts: readonly FloodCounts[], seconds: number): Record<number, number> {
  const sums: Record<number, number> = {};
  for (const one of counts) {
    for (const [status, count] of Object.entries(one)) {
      sums[Number(status)] = (sums[Number(status)] ?? 0) + count / seconds;
    }
  }
  return sums;
}
