import type { Results, Sessions } from './main.ts';
import type { RequestsResult } from './proxy.ts';

type Cell = string | number;

function table(header: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.join(' | ')} |\n`;
  return line(header) + line(header.map(() => '---')) + rows.map(line).join('');
}

function ofSessions({
  users,
  devices,
  requests,
  errors,
  seconds,
  median,
  slowest,
  descriptorsLeft,
}: Sessions) {
  return `${users} users with sessions of their own on ${devices} devices for ${seconds.toFixed(0)} s:

${table(
  ['requests', 'a second', 'median ms', 'slowest ms', 'errors', 'descriptors left'],
  [
    [
      requests,
      (requests / seconds).toFixed(0),
      median.toFixed(1),
      slowest.toFixed(0),
      errors.length,
      descriptorsLeft,
    ],
  ],
)}
`;
}

function ofFleets(fleets: Results['fleets']) {
  const row = (title: string, value: (fleet: Results['fleets'][number]) => Cell) => [
    title,
    ...fleets.map(value),
  ];
  return `Idle devices on one reflector, which is killed and started again:

${table(
  ['', ...fleets.map(({ devices, tls }) => `${devices.toLocaleString('en')} devices${tls ? ', TLS' : ''}`)],
  [
    row('first log-in of all, s', ({ firstSeconds }) => firstSeconds.toFixed(1)),
    row('memory a device, KiB', ({ kibADevice }) => kibADevice.toFixed(1)),
    row('the reflector takes connections again, s', ({ startSeconds }) => startSeconds.toFixed(1)),
    row('half are back, s', ({ halfSeconds }) => halfSeconds.toFixed(1)),
    row('99 % are back, s', ({ mostSeconds }) => mostSeconds.toFixed(1)),
    row('all are back, s', ({ allSeconds }) => allSeconds.toFixed(1)),
    row('requests meanwhile', ({ asked: { requests } }) => requests),
    row('of these failed', ({ asked: { failed } }) => failed),
    row('median, ms', ({ asked: { median } }) => median.toFixed(1)),
    row('99th percentile, ms', ({ asked: { p99 } }) => p99.toFixed(1)),
    row('slowest, ms', ({ asked: { slowest } }) => slowest.toFixed(1)),
  ],
)}
`;
}

function ofRequests(requests: readonly RequestsResult[]) {
  return `Requests of 64 connections for files of one nginx, in one run; ratio: CPU beside the minimal proxy's:

${table(
  ['user', 'bytes', 'way', 'requests/s', 'median ms', '99 % ms', 'CPU µs a request', 'ratio', 'errors'],
  requests.map(({ user, bytes, way, perSecond, p50, p99, cpuMicroseconds, ratio, errors }) => [
    user,
    bytes.toLocaleString('en'),
    way,
    perSecond.toFixed(0),
    p50.toFixed(1),
    p99.toFixed(1),
    cpuMicroseconds.toFixed(0),
    ratio.toFixed(2),
    errors,
  ]),
)}
`;
}

/** All results as tables for `docs/benchmarks.md`. */
export function markdown({ sessions, fleets, requests }: Results, machine: string): string {
  return [
    `${machine}\n\n`,
    sessions ? ofSessions(sessions) : '',
    fleets.length > 0 ? ofFleets(fleets) : '',
    requests ? ofRequests(requests) : '',
  ].join('');
}
