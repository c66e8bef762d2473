import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type ComebackResult, measureComeback, type ProbedTimes, timesOf } from '../reflector/comeback.ts';
import type { Written } from './database.ts';
import { WorkersSite } from './workers-site.ts';

const usage = `Usage: npm run bench:scale -- [OPTIONS]

Idle devices over TLS on rm-server with several workers and PostgreSQL, on this machine: what they cost,
and how they come back when all processes of the server are killed at once.

  --fleet N,N,…   devices, one measurement each (default 1000,5000,10000,25000,50000)
  --workers N     processes of the server (default 2)
  --settle N      seconds until memory is measured (default 130): what counts log-ins forgets them
                  within two minutes, and until then a device is not idle
  --idle N        seconds for which the writes of the database are counted (default 60)
  --json          print JSON instead of a table
`;

const { values: options } = parseArgs({
  options: {
    fleet: { type: 'string', default: '1000,5000,10000,25000,50000' },
    workers: { type: 'string', default: '2' },
    settle: { type: 'string', default: '130' },
    idle: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

interface ScaleResult extends ComebackResult {
  /** Calls of the device list of the API, from the restart on. */
  readonly list: ProbedTimes;
  /** 99th percentile of the delay of the event loop of each worker from the restart until all were back, ms. */
  readonly loopDelays: readonly number[];
  /** CPU of all processes of the server for each device that came back, ms. */
  readonly cpuADevice: number;
  /** Of the database while all are idle, each second. */
  readonly idleWrites: Written;
  /** For each device that came back. */
  readonly returnWrites: Written;
}

const settleMs = 1000 * Number(options.settle);
const idleSeconds = Number(options.idle);
const report = (step: string) => process.stderr.write(`${step}\n`);

async function measure(devices: number, workers: number): Promise<ScaleResult> {
  report(`${devices} devices, ${workers} workers`);
  const site = await WorkersSite.open({ devices: devices + 1, users: 1, workers });
  let list: ProbedTimes | undefined;
  let loopDelays: readonly number[] = [];
  let cpu = 0;
  let idleWrites: Written | undefined;
  let returnWrites: Written | undefined;
  try {
    const comeback = await measureComeback(site, devices, report, {
      settleMs,
      knownMs: 2_000,
      idle: async () => {
        const before = await site.written();
        await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
        idleWrites = each(await site.written(), before, idleSeconds);
      },
      restarted: async (until, prober) => {
        const before = { cpu: site.cpu, written: await site.written() };
        await site.loopDelays();
        const isList = (body: string) => (JSON.parse(body) as { items: unknown[] }).items.length > 0;
        list = timesOf(await prober.untilOfServer(until, '/my-devices/api/devices?limit=50', isList));
        loopDelays = await site.loopDelays();
        cpu = site.cpu - before.cpu;
        returnWrites = each(await site.written(), before.written, devices);
      },
    });
    if (!list || !idleWrites || !returnWrites) throw new Error('the restart was not watched');
    return { ...comeback, list, loopDelays, cpuADevice: (cpu * 1000) / devices, idleWrites, returnWrites };
  } finally {
    await site.close();
  }
}

function each(now: Written, before: Written, by: number): Written {
  return {
    transactions: (now.transactions - before.transactions) / by,
    rows: (now.rows - before.rows) / by,
    logBytes: (now.logBytes - before.logBytes) / by,
  };
}

const results: ScaleResult[] = [];
for (const devices of options.fleet.split(',').map(Number)) {
  const result = await measure(devices, Number(options.workers)).catch((error) => {
    report((error as Error).message);
    process.exitCode = 1;
    return null;
  });
  if (!result) break;
  report(JSON.stringify(result));
  results.push(result);
}

const row = (title: string, value: (result: ScaleResult) => number | string, digits = 0) => {
  const cells = results.map((result) => {
    const cell = value(result);
    return typeof cell === 'string' ? cell : cell.toFixed(digits);
  });
  return `| ${[title, ...cells].join(' | ')} |\n`;
};
const times = (title: string, of: (result: ScaleResult) => ProbedTimes) => [
  row(`${title}: requests, failed`, (result) => `${of(result).requests}, ${of(result).failed}`),
  row('median, 99th percentile, slowest, ms', (result) => {
    const { median, p99, slowest } = of(result);
    return [median, p99, slowest].map((ms) => ms.toFixed(0)).join(', ');
  }),
];
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
const table = [
  `${machine}, ${options.workers} workers\n\n`,
  row('', ({ devices }) => `${devices.toLocaleString('en')} devices`),
  `| --- |${results.map(() => ' ---: |').join('')}\n`,
  row('memory per device, KiB', ({ kibADevice }) => kibADevice, 1),
  row('the server takes connections again, s', ({ startSeconds }) => startSeconds, 1),
  row('half are back, s', ({ halfSeconds }) => halfSeconds, 1),
  row('99 % are back, s', ({ mostSeconds }) => mostSeconds, 1),
  row('all are back, s', ({ allSeconds }) => allSeconds, 1),
  row('server CPU per device that came back, ms', ({ cpuADevice }) => cpuADevice, 1),
  row('delay of the event loops, 99th percentile, ms', ({ loopDelays }) =>
    loopDelays.map((ms) => ms.toFixed(0)).join(', '),
  ),
  ...times('device list', ({ list }) => list),
  ...times('a device that is back', ({ asked }) => asked),
  row('database, idle: transactions a second', ({ idleWrites }) => idleWrites.transactions, 1),
  row('database, idle: rows a second', ({ idleWrites }) => idleWrites.rows, 1),
  row(
    'database, per device that came back: transactions',
    ({ returnWrites }) => returnWrites.transactions,
    1,
  ),
  row('database, per device that came back: rows', ({ returnWrites }) => returnWrites.rows, 1),
  row('database, per device that came back: log, bytes', ({ returnWrites }) => returnWrites.logBytes),
].join('');
process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : table);
