import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureCache, type PageLoad } from './cache.ts';
import { measureDevicePages, quantile } from './devices.ts';
import { measureFlood, type RoundTrips } from './flood.ts';

const usage = `Usage: npm run bench:server -- [OPTIONS] [devices | flood | cache]

Measures rm-server on this machine; all by default.

  devices       pages of the list of devices, for every filter in every order, beside a page
                without any
  flood         round trips of a tunnel while users flood the API, beside those without a
                flood and with the same flood at another server of this machine
  cache         a page of a device behind a slow link in Chromium, with a cache of images and
                style sheets and without

  --fleet N     devices in the store (default: 100000, for "flood" 10000)
  --tunnels N   for "flood": devices on line (default 1000)
  --users N     for "flood": users who call the API all the time (default 200)
  --seconds N   for "flood": for each figure in each round (default 10)
  --rounds N    for "cache" (default 3)
  --json        print JSON instead of a table
`;

const { values: options, positionals } = parseArgs({
  options: {
    fleet: { type: 'string' },
    tunnels: { type: 'string', default: '1000' },
    users: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const parts = ['devices', 'flood', 'cache'];
const unknown = positionals.find((name) => !parts.includes(name));
if (options.help || unknown !== undefined) {
  process.stdout.write(usage);
  process.exit(unknown === undefined ? 0 : 64);
}

const report = (step: string) => process.stderr.write(`${step}\n`);
const wanted = (part: string) => positionals.length === 0 || positionals.includes(part);
const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |\n`;

async function devices(): Promise<void> {
  const { plain, all, filters } = await measureDevicePages(Number(options.fleet ?? 100_000), report);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ plain, all, filters }, null, 2)}\n`);
    return;
  }
  const figures = ({ filter, pages, p50, p95, worst, cpu }: (typeof filters)[number]) =>
    row([filter, pages, ...[p50, p95, worst, cpu, p95 / plain.p50].map((figure) => figure.toFixed(1))]);
  const heads = ['p50 ms', 'p95 ms', 'worst ms', 'CPU ms a page', 'p95 / p50 without filter'];
  process.stdout.write(row(['filter', 'pages', ...heads]));
  process.stdout.write(row(['---', ...Array.from({ length: 6 }, () => '---:')]));
  process.stdout.write([plain, ...filters, all].map(figures).join(''));
}

async function flood(): Promise<void> {
  const extent = {
    devices: Number(options.fleet ?? 10_000),
    tunnels: Number(options.tunnels),
    users: Number(options.users),
    seconds: Number(options.seconds),
  };
  const result = await measureFlood(extent, report);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const { quiet, elsewhere, flood, calls } = result;
  const times = (one: RoundTrips, other: RoundTrips) =>
    [one.p50 / other.p50, one.p95 / other.p95, one.p99 / other.p99]
      .map((ratio) => ratio.toFixed(1))
      .join(', ');
  const figures = (name: string, one: RoundTrips) =>
    row([
      name,
      one.requests,
      ...[one.p50, one.p95, one.p99].map((figure) => figure.toFixed(1)),
      times(one, quiet),
      times(one, elsewhere),
      one.failed,
    ]);
  const heads = ['round trips', 'p50 ms', 'p95 ms', 'p99 ms', '× no flood', '× flood elsewhere', 'failed'];
  process.stdout.write(row(['', ...heads]));
  process.stdout.write(row(['---', ...heads.map(() => '---:')]));
  process.stdout.write(figures('no flood', quiet));
  process.stdout.write(figures('flood at another server', elsewhere));
  process.stdout.write(figures('flood at this server', flood));
  const answers = Object.entries(calls).map(([status, count]) => `${count.toFixed(0)} × ${status}`);
  process.stdout.write(`\nCalls of the flood a second, by status: ${answers.join(', ')}.\n`);
  const load = loadavg().map((one) => one.toFixed(0));
  process.stdout.write(`Load of the machine (1, 5, 15 minutes): ${load.join(', ')}.\n`);
}

async function cache(): Promise<void> {
  const result = await measureCache(Number(options.rounds), report);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const middle = (loads: readonly PageLoad[], of: (load: PageLoad) => number) => quantile(loads.map(of), 0.5);
  const bytes = (loads: readonly PageLoad[]) => middle(loads, (load) => load.bytes);
  const time = (loads: readonly PageLoad[]) => middle(loads, (load) => load.ms);
  const figures = (name: string, loads: readonly PageLoad[]) =>
    row([
      name,
      (bytes(loads) / 1024).toFixed(0),
      (bytes(loads) / bytes(result.without)).toFixed(2),
      (time(loads) / 1000).toFixed(1),
      (time(loads) / time(result.without)).toFixed(2),
    ]);
  process.stdout.write(row(['', 'KiB from the device', '× no cache', 'load event after s', '× no cache']));
  process.stdout.write(row(['---', ...Array.from({ length: 4 }, () => '---:')]));
  process.stdout.write(figures('no cache', result.without));
  process.stdout.write(figures('empty cache', result.first));
  process.stdout.write(figures('another browser of the user', result.second));
}

if (wanted('devices')) await devices();
if (wanted('flood')) await flood();
if (wanted('cache')) await cache();
