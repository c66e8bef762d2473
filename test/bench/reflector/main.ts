import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type ComebackResult, measureComeback } from './comeback.ts';
import { Fleet } from './fleet.ts';
import { measureRequests, type RequestsResult } from './proxy.ts';
import { markdown } from './report.ts';
import { type SessionsResult, useSessions } from './sessions.ts';
import { Site } from './site.ts';

const usage = `Usage: npm run bench:reflector -- [OPTIONS]

Measures one reflector on this machine: users with sessions, an idle fleet that comes back after a restart, and requests
per second beside nginx as a plain reverse proxy before the same server.

  --only PART       of: sessions, fleet, fleet-tls, requests; may be repeated
  --users N         users with sessions (default 200)
  --devices N       devices that they use (default 50)
  --seconds N       how long they do (default 60)
  --fleet N         idle devices (default 10000)
  --agent COMMAND   for "requests": the executable, with leading arguments; may be repeated
                    (default: dist/x86_64/rm-agent, and node dist/node/rm-agent.mjs)
  --wrk SECONDS     for each figure of "requests" (default 10)
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
    wrk: { type: 'string', default: '10' },
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
  readonly fleets: readonly ComebackResult[];
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

const fleets: ComebackResult[] = [];
let sessions: Sessions | undefined;
if (wanted('sessions')) {
  report(`${options.users} users on ${options.devices} devices`);
  sessions = await measureSessions();
}
for (const tls of [false, true]) {
  if (!wanted(tls ? 'fleet-tls' : 'fleet')) continue;
  report(`${options.fleet} idle devices${tls ? ' with TLS' : ''}`);
  fleets.push(await measureComeback(Number(options.fleet), tls, report));
}
let requests: RequestsResult[] | undefined;
if (wanted('requests')) {
  const agents = (options.agent ?? ['dist/x86_64/rm-agent', 'node dist/node/rm-agent.mjs']).map((agent) =>
    agent.split(/ +/),
  );
  requests = await measureRequests(agents, Number(options.wrk), report);
}
const results: Results = { fleets, ...(sessions && { sessions }), ...(requests && { requests }) };
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : markdown(results, machine));
const failed = (sessions?.errors.length ?? 0) + (sessions?.descriptorsLeft ?? 0);
for (const error of sessions?.errors.slice(0, 10) ?? []) report(error);
process.exit(failed === 0 ? 0 : 1);
