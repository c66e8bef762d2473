import { parseArgs } from 'node:util';
import { measureDevicePages } from './devices.ts';

const usage = `Usage: npm run bench:server -- [OPTIONS] [devices]

Measures rm-server on this machine.

  devices       pages of the list of devices, for every filter in every order, beside a page
                without any

  --fleet N     devices in the store (default 100000)
  --json        print JSON instead of a table
`;

const { values: options, positionals } = parseArgs({
  options: {
    fleet: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const unknown = positionals.find((name) => name !== 'devices');
if (options.help || unknown !== undefined) {
  process.stdout.write(usage);
  process.exit(unknown === undefined ? 0 : 64);
}

const report = (step: string) => process.stderr.write(`${step}\n`);
const { plain, all, filters } = await measureDevicePages(Number(options.fleet), report);
if (options.json) process.stdout.write(`${JSON.stringify({ plain, all, filters }, null, 2)}\n`);
else {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |\n`;
  const figures = ({ filter, pages, p50, p95, worst, cpu }: (typeof filters)[number]) =>
    row([filter, pages, ...[p50, p95, worst, cpu, p95 / plain.p50].map((figure) => figure.toFixed(1))]);
  const heads = ['p50 ms', 'p95 ms', 'worst ms', 'CPU ms a page', 'p95 / p50 without filter'];
  process.stdout.write(row(['filter', 'pages', ...heads]));
  process.stdout.write(row(['---', ...Array.from({ length: 6 }, () => '---:')]));
  process.stdout.write([plain, ...filters, all].map(figures).join(''));
}
