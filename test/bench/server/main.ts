import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureCache, type PageLoad } from './cache.ts';
import { type DashboardTimes, measureDashboard } from './dashboard.ts';
import { measureDevicePages, quantile } from './devices.ts';
import { measureFlood, type RoundTrips } from './flood.ts';
import { measureLatency } from './latency.ts';

const usage = `Usage: npm run bench:server -- [OPTIONS] [devices | flood | cache | dashboard | latency]

Measures rm-server on this machine; all by default.

  devices       pages of the list of devices, for every filter in every order, beside a page
                without any
  flood         round trips of a tunnel while users flood the API, beside those without a
                flood and with the same flood at another server of this machine
  cache         a page of a device behind a slow link in Chromium, with a cache of images and
                style sheets and without
  dashboard     the list of devices in Chromium: first paint, first device and searches, beside
                those with 100 devices
  latency       typing in the terminal and moving the pointer of the desktop of a device behind a
                slow link, in Chromium, beside plain ssh and bare round trips over the same link

  --fleet N     devices in the store (default: 100000, for "flood" 10000)
  --tunnels N   for "flood": devices on line (default 1000)
  --users N     for "flood": users who call the API all the time (default 200)
  --seconds N   for "flood": for each figure in each round (default 10)
  --rounds N    for "cache", "dashboard" and "latency" (default 3)
  --trips N     for "latency": keys and movements in each round (default 40)
  --json        print JSON instead of a table
`;

const { values: options, positionals } = parseArgs({
  options: {
    fleet: { type: 'string' },
    tunnels: { type: 'string', default: '1000' },
    users: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    trips: { type: 'string', default: '40' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const parts = ['devices', 'flood', 'cache', 'dashboard', 'latency'];
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

async function dashboard(): Promise<void> {
  const result = await measureDashboard(Number(options.fleet ?? 100_000), Number(options.rounds), report);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const { few, many } = result;
  const rows: readonly [string, (times: DashboardTimes) => number][] = [
    ['first paint, p50', ({ paint }) => quantile(paint, 0.5)],
    ['first device, p50', ({ list }) => quantile(list, 0.5)],
    ['search, p50', ({ search }) => quantile(search, 0.5)],
    ['search, p95', ({ search }) => quantile(search, 0.95)],
  ];
  process.stdout.write(row(['ms', `${few.devices} devices`, `${many.devices} devices`, 'ratio']));
  process.stdout.write(row(['---', '---:', '---:', '---:']));
  for (const [name, of] of rows) {
    process.stdout.write(
      row([name, of(few).toFixed(0), of(many).toFixed(0), (of(many) / of(few)).toFixed(2)]),
    );
  }
  const load = loadavg().map((one) => one.toFixed(0));
  process.stdout.write(`\nLoad of the machine (1, 5, 15 minutes): ${load.join(', ')}.\n`);
}

async function latency(): Promise<void> {
  const result = await measureLatency(Number(options.rounds), Number(options.trips), report);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const of = (times: readonly number[]) => [quantile(times, 0.5), quantile(times, 0.95)] as const;
  const link = of(result.link);
  const figures = (name: string, times: readonly number[]) => {
    const [p50, p95] = of(times);
    return row([name, times.length, ...[p50, p95, p50 - link[0], p95 - link[1]].map((ms) => ms.toFixed(1))]);
  };
  process.stdout.write(
    row(['', 'times', 'p50 ms', 'p95 ms', 'p50 − that of the link', 'p95 − that of the link']),
  );
  process.stdout.write(row(['---', ...Array.from({ length: 5 }, () => '---:')]));
  process.stdout.write(figures('64 bytes over the link and back', result.link));
  process.stdout.write(figures('a key in plain ssh', result.ssh));
  process.stdout.write(figures('a key in the terminal', result.typing));
  process.stdout.write(figures('the pointer on the desktop', result.pointer));
  const load = loadavg().map((one) => one.toFixed(0));
  process.stdout.write(`\nLoad of the machine (1, 5, 15 minutes): ${load.join(', ')}.\n`);
}

if (wanted('devices')) await devices();
if (wanted('flood')) await flood();
if (wanted('cache')) await cache();
if (wanted('dashboard')) await dashboard();
if (wanted('latency')) await latency();
