import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { hottest } from '../profile.ts';
import { type ComebackResult, measureReflector } from './comeback.ts';
import { Fleet } from './fleet.ts';
import { measureRequests, type RequestsResult } from './proxy.ts';
import { markdown } from './report.ts';
import { type SessionsResult, useSessions } from './sessions.ts';
import { Site } from './site.ts';

const usage = `Usage: npm run bench:reflector -- [OPTIONS]

Measures one reflector on this machine: users with sessions, an idle fleet that comes back after a restart, and requests
and the CPU that they cost, beside nginx and a minimal proxy on node:http before the same server.

  --only PART       of: sessions, fleet, fleet-tls, requests; may be repeated
  --users N         users with sessions (default 200)
  --devices N       devices that they use (default 50)
  --seconds N       how long they do (default 60)
  --fleet N         idle devices (default 10000)
  --agent COMMAND   for "requests": the executable, with leading arguments; may be repeated
                    (default: dist/x86_64/rm-agent, and node dist/node/rm-agent.mjs)
  --requests N      in each measurement of "requests" (default 20000; a tenth of them for the larger files)
  --rounds N        of "requests", after a warm-up; figures are medians (default 3)
  --profile DIR     write V8 profiles of the reflectors of "requests", and print their hottest functions
  --json            print JSON instead of tables
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    users: { type: 'string', default: '200' },
    devices: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '60' },
    fleet: { type: 'string', default: '10000' },
    agent: { type: 'string', multiple: true },
    requests: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

export interface Sessions extends SessionsResult {
  readonly users: number;
  readonly devices: number;
  readonly descriptorsLeft: number;
}

export interface Results {
  readonly sessions?: Sessions;
  readonly fleets: readonly (ComebackResult & { readonly tls: boolean })[];
  readonly requests?: readonly RequestsResult[];
}

const wanted = (part: string) => !options.only || options.only.includes(part);
const report = (step: string) => process.stderr.write(`${step}\n`);

async function measureSessions(): Promise<Sessions> {
  const [users, devices, seconds] = [options.users, options.devices, options.seconds].map(Number) as [
    number,
    number,
    number,
  ];
  const site = await Site.open({ devices, users, tls: false });
  const fleet = new Fleet(site.facts, devices);
  try {
    await fleet.has(devices);
    const before = site.descriptors;
    let end = Number.POSITIVE_INFINITY;
    const goesOn = () => {
      if (end === Number.POSITIVE_INFINITY) end = performance.now() + seconds * 1000;
      return performance.now() < end;
    };
    const result = await useSessions(site, { users, devices, goesOn });
    // Connections to devices that are kept open for the next request end by themselves.
    const patience = performance.now() + 30_000;
    while (site.descriptors !== before && performance.now() < patience) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { ...result, users, devices, descriptorsLeft: site.descriptors - before };
  } finally {
    await fleet.stop();
    await site.close();
  }
}

const fleets: Results['fleets'][number][] = [];
let sessions: Sessions | undefined;
if (wanted('sessions')) {
  report(`${options.users} users on ${options.devices} devices`);
  sessions = await measureSessions();
}
for (const tls of [false, true]) {
  if (!wanted(tls ? 'fleet-tls' : 'fleet')) continue;
  report(`${options.fleet} idle devices${tls ? ' with TLS' : ''}`);
  fleets.push({ tls, ...(await measureReflector(Number(options.fleet), tls, report)) });
}
let requests: RequestsResult[] | undefined;
if (wanted('requests')) {
  const agents = (options.agent ?? ['dist/x86_64/rm-agent', 'node dist/node/rm-agent.mjs']).map((agent) =>
    agent.split(/ +/),
  );
  const [rounds, count] = [Number(options.rounds), Number(options.requests)];
  const profile = options.profile === undefined ? null : resolve(options.profile);
  requests = await measureRequests({ agents, rounds, requests: count, profile }, report);
  if (profile !== null) report(hottest(profile));
}
const results: Results = { fleets, ...(sessions && { sessions }), ...(requests && { requests }) };
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : markdown(results, machine));
const failed = (sessions?.errors.length ?? 0) + (sessions?.descriptorsLeft ?? 0);
for (const error of sessions?.errors.slice(0, 10) ?? []) report(error);
process.exit(failed === 0 ? 0 : 1);
