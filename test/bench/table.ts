import type { Figures, Throughput } from './measure.ts';

type Row = readonly [title: string, value: (figures: Figures) => number, digits: number, ratio?: 'ratio'];

const throughputRows = (name: string, pick: (figures: Figures) => Throughput): Row[] => [
  [`${name}, MiB/s`, (figures) => pick(figures).mebibytesPerSecond, 0, 'ratio'],
  [`${name}, device CPU s/GiB`, (figures) => pick(figures).deviceCpu, 2, 'ratio'],
  [`${name}, relay CPU s/GiB`, (figures) => pick(figures).relayCpu, 2],
];

const rows: readonly Row[] = [
  ['start to connected, ms', ({ startMs }) => startMs, 0],
  ['resident idle, KiB', ({ resident }) => resident, 0],
  ['private idle, KiB', (figures) => figures.private, 0],
  ['wake-ups a minute, idle', ({ wakeUpsPerMinute }) => wakeUpsPerMinute, 1],
  ...throughputRows('to the device', ({ down }) => down),
  ...throughputRows('from the device', ({ up }) => up),
  ['round trips/s, open channel', ({ roundTripsPerSecond }) => roundTripsPerSecond, 0, 'ratio'],
  ['round trips/s, new channel', (figures) => figures.newChannelRoundTripsPerSecond, 0, 'ratio'],
  ['channel opens/s', ({ opensPerSecond }) => opensPerSecond, 0, 'ratio'],
  ['device CPU µs per open and close', ({ openCpuMicroseconds }) => openCpuMicroseconds, 0, 'ratio'],
  ['relay CPU µs per open and close', (figures) => figures.openRelayCpuMicroseconds, 0],
  ['64 channels at once, MiB/s', ({ many }) => many.mebibytesPerSecond, 0, 'ratio'],
  ['64 channels at once, peak RSS − idle, KiB', ({ many }) => many.growth, 0],
];

/** All figures side by side; ratios are to the last column, taken in the same run. */
export function table(all: readonly Figures[]): string {
  const reference = all.at(-1);
  const cells = rows.map(([title, value, digits, ratio]) => [
    title,
    ...all.map((figures) => {
      const text = value(figures).toFixed(digits);
      if (!ratio || !reference || figures === reference) return text;
      return `${text} (${(value(figures) / value(reference)).toFixed(2)}×)`;
    }),
  ]);
  const lines = [['', ...all.map(({ name }) => name)], ...cells];
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length))) ?? [];
  const format = (line: readonly string[]) =>
    line
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return lines.map(format).join('\n');
}
