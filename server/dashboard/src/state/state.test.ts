import { describe, expect, test } from 'vitest';
import { Problem } from '../api/problem.ts';
import type { Connection } from '../api/types.ts';
import { device } from '../testing/device.ts';
import { forEach, type Progress } from './bulk.ts';
import { mostColumns, propertiesOf, readColumns, toggleColumn, usualColumns } from './columns.ts';
import { changeOf } from './device-changes.ts';
import { ago, bytes, dateTime, duration, withTimes } from './format.ts';
import { readPorts, tonight } from './grant-text.ts';
import { covered, onlineSpans, roundAbove, trafficBars } from './plot.ts';
import { routeOf } from './router.ts';
import { rowForKey, rowsInView, scrollFor } from './rows-in-view.ts';
import { clientLine, mayOpen, servicesOf, shellWord, webAddress } from './services.ts';
import { readTags } from './tag-text.ts';

describe('columns', () => {
  test('are as usual where nothing was kept, and within the bounds otherwise', () => {
    expect(readColumns(undefined)).toBe(usualColumns);
    expect(readColumns(['state', 'state', 'gone', 'property:', 'property:site'])).toEqual([
      'state',
      'property:site',
    ]);
    const many = Array.from({ length: 30 }, (_, i) => `property:p${i}`);
    expect(propertiesOf(readColumns(many))).toHaveLength(8);
    expect(readColumns([...many, ...usualColumns]).length).toBeLessThanOrEqual(mostColumns);
  });

  test('come back where they belong', () => {
    expect(toggleColumn(['state', 'version'], 'domain')).toEqual(['state', 'domain', 'version']);
    expect(toggleColumn(['state', 'version'], 'state')).toEqual(['version']);
    expect(toggleColumn(['state'], 'property:site')).toEqual(['state', 'property:site']);
  });
});

describe('rows in view', () => {
  test.each([
    [0, 0, 32],
    [3_800, 88, 132],
    [10_000_000, 100_000, 100_000],
  ])('at %d', (scrolled, first, end) => {
    expect(rowsInView(scrolled, 760, 38, 100_000)).toEqual({ first, end });
  });

  test('keys lead through it and stay in it', () => {
    expect(
      ['ArrowDown', 'ArrowUp', 'PageDown', 'Home', 'End', 'x'].map((key) => rowForKey(key, 5, 10, 20)),
    ).toEqual([6, 4, 9, 0, 9, null]);
    expect(rowForKey('End', 0, 0, 10)).toBeNull();
    expect(rowForKey('constructor', 0, 10, 10)).toBeNull();
    expect([scrollFor(0, 100, 380, 38), scrollFor(20, 0, 380, 38), scrollFor(3, 0, 380, 38)]).toEqual([
      0, 418, 0,
    ]);
  });
});

describe('events', () => {
  const apply = (kind: string, data = {}, time = '2026-02-02T00:00:00Z') => {
    const change = changeOf({ cursor: '1', kind, device: 'pump-7', time, data });
    return change?.kind === 'changed' ? change.change(device) : change;
  };

  test('change a row', () => {
    const properties = { name: 'Said', version: '2' };
    expect(apply('device.online', { properties })).toMatchObject({
      online: true,
      lastSeen: null,
      name: 'Pump',
      version: '2',
    });
    expect(apply('device.online', { properties: null })).toMatchObject({ online: true, version: '1' });
    expect(apply('device.offline')).toMatchObject({ online: false, lastSeen: '2026-02-02T00:00:00Z' });
    expect(apply('device.properties', { properties: { __proto__: null, version: 3 } })).toMatchObject({
      version: '1',
    });
  });

  test.each([
    ['device.removed', { kind: 'removed', id: 'pump-7' }],
    ['device.added', { kind: 'added' }],
    ['events.lost', { kind: 'lost' }],
    ['alive', null],
    ['something.new', null],
  ])('%s', (kind, change) => expect(apply(kind)).toEqual(change));
});

describe('plots', () => {
  const now = Date.UTC(2026, 10, 30, 12);

  test('days without traffic are there', () => {
    expect(trafficBars([{ day: '2026-11-29', bytesFrom: 5, bytesTo: 2 }], now, 3)).toEqual([
      { day: '2026-11-28', from: 0, to: 0 },
      { day: '2026-11-29', from: 5, to: 2 },
      { day: '2026-11-30', from: 0, to: 0 },
    ]);
    expect([0, 1, 3, 70, 1_200].map(roundAbove)).toEqual([1, 1, 5, 100, 2_000]);
  });

  test('time on line counts once where connections overlap', () => {
    const at = (hours: number) => new Date(now - hours * 3_600_000).toISOString();
    const one = { address: '', agent: '', bytesFrom: 0, bytesTo: 0, end: null };
    const connections: Connection[] = [
      { ...one, began: at(1), ended: null, live: true },
      { ...one, began: at(9), ended: at(4), live: false },
      { ...one, began: at(10), ended: at(5), live: false },
      { ...one, began: at(3), ended: null, live: false },
      { ...one, began: at(50), ended: at(40), live: false },
    ];
    const spans = onlineSpans(connections, now, 10 * 3_600_000);
    expect(covered(spans)).toBeCloseTo(0.7);
  });
});

test('yesterday is the day before, not what was a day ago', () => {
  const now = new Date(2026, 10, 30, 9, 0).getTime();
  const at = (day: number, hour: number) => ago('en', new Date(2026, 10, day, hour, 50).toISOString(), now);
  expect([at(29, 20), at(29, 8), at(28, 20), at(28, 8)]).toEqual([
    '12 hr. ago',
    'yesterday',
    '2 days ago',
    '2 days ago',
  ]);
  expect([ago('en', new Date(2026, 11, 1, 9, 0).toISOString(), now), at(2, 8)]).toEqual([
    'tomorrow',
    '28 days ago',
  ]);
});

test('numbers are said as people say them', () => {
  expect([0, 999, 1_000, 999_999, 1_230_000].map((n) => bytes('en', n))).toEqual([
    '0 bytes',
    '999 bytes',
    '1 kB',
    '1 MB',
    '1.2 MB',
  ]);
  const now = Date.UTC(2026, 10, 30);
  expect(ago('en', new Date(now - 3 * 3_600_000).toISOString(), now)).toBe('3 hr. ago');
  expect(duration('en', 90_000_000)).toBe('1 day 1 hr');
  expect(duration('en', 5)).toBe('< 1 min');
});

test('times within a text are those of the locale, and what is none stays', () => {
  const time = '2026-11-30T12:00:00.000Z';
  const said = (end: string) => `user bob until ${end}, 2026-99-30T12:00:00Z, 2026-11-30`;
  expect(withTimes('de', said(time))).toBe(said(dateTime('de', time)));
  expect(withTimes('en', said(time))).not.toContain(time);
});

describe('what people type', () => {
  test.each([
    ['', null],
    ['web', 'web'],
    ['22, 80 443', [22, 80, 443]],
    ['0', undefined],
    ['ssh', undefined],
  ])('ports "%s"', (text, ports) => expect(readPorts(text)).toEqual(ports));

  test('tags and times', () => {
    expect(readTags(' a, b ,,a')).toEqual(['a', 'b']);
    expect(tonight(new Date(2026, 2, 5, 9).getTime())).toBe('2026-03-05T23:59');
  });
});

test('services are known by kind, then by port, with the line that opens them', () => {
  const services = servicesOf(device);
  expect(services).toEqual([
    { kind: 'web', port: 80 },
    { kind: 'terminal', port: 22 },
    { kind: 'port', port: 5432 },
  ]);
  expect(services.map((service) => clientLine(service, 'pump-7', 'https://r.example', 'al ice'))).toEqual([
    "rm-client forward --reflector https://r.example --user 'al ice' -R 80 pump-7",
    "rm-client ssh --reflector https://r.example --user 'al ice' -R 22 root@pump-7",
    "rm-client forward --reflector https://r.example --user 'al ice' -R 5432 pump-7",
  ]);
  expect(shellWord("$(x)'")).toBe(`'$(x)'\\'''`);
});

test.each<[readonly (number | 'web')[] | null, number[]]>([
  [null, [80, 22, 443, 5432, 8443]],
  [[], []],
  [[22], [22]],
  [['web'], [80, 443, 8443]],
  [
    ['web', 5432],
    [80, 443, 5432, 8443],
  ],
])('of the services of a device, who may open %j is offered %j', (openPorts, offered) => {
  const user = {};
  const system = { 'service-8443': 'target=10.0.0.2; kind=https', 'service-5432': 'kind=tcp' };
  const services = servicesOf({ ...device, ports: [80, 22, 5432, 443, 8443] });
  const open = services.filter((service) => mayOpen(service, { openPorts, properties: { system, user } }));
  expect(open.map(({ port }) => port)).toEqual(offered);
});

test.each([
  ['/cgi', 'https://pump-7.r.example:8443/cgi'],
  ['//evil.example/', 'https://pump-7.r.example:8443/'],
  ['javascript:alert(1)', 'https://pump-7.r.example:8443/'],
])('a device that says its page is %s does not lead elsewhere', (httpPath, address) => {
  const said = { id: 'pump-7', properties: { system: { httpPath }, user: {} } };
  expect(webAddress(said, { protocol: 'https:', host: 'r.example:8443' })).toBe(address);
});

test.each([
  ['/', { page: 'devices' }],
  ['/dashboard/devices/a%2Fb', { page: 'device', id: 'a/b' }],
  ['/dashboard/devices/%', { page: 'device', id: '%' }],
  ['/dashboard/people/constructor', { page: 'people', tab: 'users' }],
  ['/dashboard/account', { page: 'account', tab: 'profile' }],
  ['/log-out', { page: 'unknown' }],
])('%s is a page', (path, route) => expect(routeOf(path)).toEqual(route));

test('the same is done for many, a few at a time, and what fails is told', async () => {
  let running = 0;
  let most = 0;
  const ids = Array.from({ length: 20 }, (_, i) => `d${i}`);
  const seen: number[] = [];
  const work = async (id: string) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    if (id === 'd3') throw new Error('no');
  };
  const result = await forEach(ids, work, ({ done }) => seen.push(done), new AbortController().signal, {
    atOnce: 3,
  });
  expect([most, result.done, [...result.faults.keys()], seen.length]).toEqual([3, 20, ['d3'], 20]);
  expect([...result.left]).toEqual(['d3']);
  const stopped = new AbortController();
  stopped.abort();
  expect((await forEach(ids, work, () => {}, stopped.signal)).done).toBe(0);
});

test('what is too many calls for the server is done when it takes more', async () => {
  let room = 5;
  const waits: number[] = [];
  const refreshed = async (ms: number) => {
    waits.push(ms);
    room = 5;
  };
  const work = async (id: string) => {
    await Promise.resolve();
    if (id === 'd7') throw new Problem(409, {});
    if (room === 0) throw new Problem(429, { title: 'Too many calls' }, '2');
    room--;
  };
  const ids = Array.from({ length: 20 }, (_, i) => `d${i}`);
  const pauses: boolean[] = [];
  const report = ({ paused }: Progress) => pauses.push(paused);
  const result = await forEach(ids, work, report, new AbortController().signal, { wait: refreshed });
  expect([result.done, [...result.faults.keys()], [...result.left]]).toEqual([20, ['d7'], ['d7']]);
  expect([new Set(waits), pauses.includes(true), pauses.at(-1)]).toEqual([new Set([2_000]), true, false]);
  // A refusal that never ends is a fault, as is one without a time.
  const never = async () => {
    throw new Problem(429, {}, '1');
  };
  const failed = await forEach(['d1'], never, () => {}, new AbortController().signal, { wait: refreshed });
  expect([...failed.faults.keys()]).toEqual(['d1']);
});

test('whoever gives up does not wait for the server', async () => {
  const stop = new AbortController();
  const work = async () => {
    throw new Problem(429, {}, '99999');
  };
  const running = forEach(['d1', 'd2'], work, () => stop.abort(), stop.signal);
  expect([...(await running).left]).toEqual(['d1', 'd2']);
});
