import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { selfSigned } from '../../certificates/self-signed.ts';
import { root } from '../../checkout.ts';
import { Cluster, domain } from '../../networks/cluster.ts';
import { machines } from '../../networks/cluster-lab.ts';
import { addAccounts, userName, userPassword } from '../reflector/accounts.ts';
import { Fleet } from '../reflector/fleet.ts';
import { deviceName } from '../reflector/light-device.ts';
import type { SweepAnswer, SweepQuestion } from './sweep.ts';

const usage = `Usage: npm run bench:node-loss -- [OPTIONS]

Three rm-server nodes, PostgreSQL with a synchronous replica and HAProxy, each in a network namespace of its own.
All devices are at one node over TLS, which is killed (kill -9): how long it takes until they are reached through each of the others.

  --fleet N    devices (default 10000)
  --probe N    devices of which each is asked through each node all the time (default 1000); all are asked at the end
  --settle N   seconds from the start of the other nodes until the first one is killed (default 90)
`;

const { values: options } = parseArgs({
  options: {
    fleet: { type: 'string', default: '10000' },
    probe: { type: 'string', default: '1000' },
    settle: { type: 'string', default: '90' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const run = promisify(execFile);
const program = join(root, 'server/dist/main.js');
const size = Number(options.fleet);
const folder = mkdtempSync(join(tmpdir(), 'rm-bench-loss-'));
const certificate = selfSigned(folder, domain);
const began = performance.now();
const report = (step: string) =>
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${step}\n`);

/** The server makes its tables in a file, which then moves. */
async function accounts(url: string): Promise<Awaited<ReturnType<typeof addAccounts>>> {
  const data = join(folder, 'server.sqlite');
  const config = join(folder, 'rm-server.json');
  writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', data, logLevel: 'error' }), { mode: 0o600 });
  const first = spawn(process.execPath, [program, '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(first.stdout, 'data');
  first.kill();
  await once(first, 'exit');
  const made = await addAccounts(data, { devices: size, users: 1 });
  await run(process.execPath, [program, 'migrate', '--from', data, '--to', url]);
  return made;
}

let made: Awaited<ReturnType<typeof addAccounts>> | undefined;
const cluster = await Cluster.start({
  nodes: ['a'],
  // One HAProxy has two descriptors for each device, and may have 20,000 here and there.
  fronts: Math.ceil(size / 7_500),
  configuration: {
    tlsCert: certificate.cert,
    tlsKey: certificate.key,
    tunnels: size + 100,
    keepAlive: 300,
    logLevel: 'warn',
  },
  accounts: async (url) => {
    made = await accounts(url);
  },
});
let fleet: Fleet | undefined;
let status = 1;
try {
  const { domain: acme, password } = made as Awaited<ReturnType<typeof addAccounts>>;
  const facts = { host: machines.front, port: 80, tls: true, domain: acme, password };
  report('the node a serves');
  fleet = new Fleet(facts, size, 0, cluster.lab.in('device-1'));
  await fleet.has(size);
  report(`${size} devices are at it`);
  await Promise.all((['b', 'c'] as const).map((name) => cluster.startNode(name)));
  await new Promise((resolve) => setTimeout(resolve, 1000 * Number(options.settle)));
  const { token } = await cluster.logIn('b', { name: userName(0), password: userPassword });
  const all = Array.from({ length: size }, (_, index) => deviceName(index));
  const step = Math.max(1, Math.floor(size / Number(options.probe)));
  const some = all.filter((_, index) => index % step === 0);
  const question = { nodes: [machines.b, machines.c], port: 8080, domain, token, parallel: 8 };
  await asked({ ...question, devices: some });
  report(`${some.length} of them answer through each of the others`);
  const size99 = Math.ceil(size * 0.99);
  await cluster.killNode('a');
  const killed = performance.now();
  const since = () => (performance.now() - killed) / 1000;
  const sweeping = asked({ ...question, devices: some });
  await fleet.atMost(size - size99);
  const most = fleet.atLeast(size99).then(since);
  const back = fleet.has(size).then(since);
  const { half, most: reached, all: last, failed } = await sweeping;
  report(`they answer again`);
  const rows = {
    '99 % of the tunnels are back, s': await most,
    'all tunnels are back, s': await back,
    'half of the probed devices are reached through each node, s': half,
    '99 % of them, s': reached,
    'all of them, s': last,
  };
  const final = await asked({ ...question, devices: all });
  report(`all ${size} answer through each of the others (${final.failed} requests failed)`);
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  process.stdout.write(`${machine}: ${size} devices, ${some.length} of them probed\n\n`);
  for (const [what, seconds] of Object.entries(rows))
    process.stdout.write(`| ${what} | ${seconds.toFixed(1)} |\n`);
  process.stdout.write(`| requests to a probed device that failed meanwhile | ${failed} |\n`);
  status = reached <= 120 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n${cluster.logs}\n`);
} finally {
  await fleet?.stop();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(status);

/** From the machine of the users. */
async function asked(question: SweepQuestion): Promise<SweepAnswer> {
  const [command = '', ...words] = cluster.lab.in('front');
  const script = join(root, 'test/dist/bench/scale/sweep-process.js');
  const child = spawn(command, [...words, process.execPath, script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(question);
  const [said] = (await once(child, 'message')) as [{ answer?: SweepAnswer; error?: string }];
  child.disconnect();
  if (!said.answer) throw new Error(said.error);
  return said.answer;
}
