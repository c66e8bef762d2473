import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type DeviceFilter,
  type DeviceSort,
  deviceSorts,
  type Position,
  searchDevices,
} from '../devices/device-search.ts';
import { FleetDevices } from '../devices/fleet-devices.ts';
import type { TablesSubject } from './tables-conformance.ts';

interface Known {
  readonly number: number;
  readonly id: string;
  readonly uid: string;
  readonly domain: string;
  readonly text: string;
  readonly label: string;
  readonly tags: readonly string[];
  readonly online: boolean;
  readonly seen: number;
  readonly created: number;
}

const words = [
  'Berlin',
  'berlinale',
  'Pump',
  'GW-100',
  'gw',
  'x',
  'Straße',
  'Ärger',
  '北京',
  'a"b',
  '100%',
  '_',
];
const tags = ['red', 'green', 'rare'];
const domains = ['acme', 'lab', 'small'];

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };

/** Devices of all kinds, the same ones each time. */
async function addDevices({ store, tables }: TablesSubject): Promise<Known[]> {
  const known: Known[] = [];
  const devices = new FleetDevices(tables);
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const pick = <Value>(values: readonly Value[]) => values[random(values.length)] as Value;
  for (let n = 0; n < 200; n++) {
    const id = `${pick(['dev', 'gate', 'p'])}-${n.toString(36)}`;
    const domain = n % 50 === 0 ? 'small' : pick(['acme', 'lab']);
    const created = 1_000 + random(20);
    await store.devices.add({ id, domain, secrets }, created, null);
    const uid = (await store.devices.identity(id))?.uid ?? '';
    const properties = { name: pick(words), model: pick(words) };
    const lastConnect = random(4) === 0 ? null : 2_000 + random(50);
    if (lastConnect !== null) {
      await store.devices.noteConnected({ id, uid }, lastConnect, {
        address: '',
        agent: '',
        properties,
      });
    }
    const online = lastConnect !== null && random(2) === 0;
    if (lastConnect !== null && !online)
      await store.devices.noteDisconnected({ id, uid }, lastConnect + 1, { cause: 'lost', reason: '' });
    const name = random(3) === 0 ? `${pick(words)} ${n}` : null;
    const given = tags.filter((tag) => random(tag === 'rare' ? 40 : 3) === 0);
    const described = { name, tags: given, description: pick(words), properties: { room: pick(words) } };
    await tables.transact(() => devices.change({ uid }, described));
    const device = await devices.get(id);
    if (!device) throw new Error(id);
    const said = device.systemProperties;
    known.push({
      number: device.number,
      id,
      uid,
      domain,
      label: (name ?? said.name ?? id).replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
      text: [
        id,
        name,
        device.description,
        ...given,
        `room=${device.userProperties.room}`,
        ...Object.entries(said).map(([key, value]) => `${key}=${value}`),
      ].join('\n'),
      tags: given,
      online,
      seen: lastConnect === null ? 0 : online ? Number.MAX_SAFE_INTEGER : lastConnect + 1,
      created,
    });
  }
  return known;
}

/** What is found, by looking at every device. */
function expected(
  known: readonly Known[],
  filter: DeviceFilter,
  sort: DeviceSort,
  descending: boolean,
): string[] {
  const { sight, text = '', domain, tag, online, seenBefore, seenSince, createdSince } = filter;
  const lower = (value: string) => value.toLowerCase();
  const found = known.filter(
    (device) =>
      (sight === 'all' || sight.domains.includes(device.domain) || sight.uids.includes(device.uid)) &&
      text.split(' ').every((word) => lower(device.text).includes(lower(word))) &&
      (domain === undefined || device.domain === domain) &&
      (tag === undefined || device.tags.includes(tag)) &&
      (online === undefined || device.online === online) &&
      (seenBefore === undefined || device.seen < seenBefore) &&
      (seenSince === undefined || device.seen >= seenSince) &&
      (createdSince === undefined || device.created >= createdSince),
  );
  const key = (device: Known) =>
    ({ id: device.id, name: device.label, created: device.created, lastSeen: device.seen })[sort];
  const order = found.sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === right) return known.indexOf(a) - known.indexOf(b);
    if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(String(right)));
    return left - Number(right);
  });
  return (descending ? order.reverse() : order).map(({ id }) => id);
}

const texts = fc.oneof(
  fc.constantFrom(
    ...words,
    'dev',
    'gate-',
    'Berlin Pump',
    'berlin gw',
    'STRASSE',
    'STRAßE',
    'ärger',
    'ÄRGER',
    '京',
    'room=x',
    'odel=G',
    'nowhere',
    'q',
    'be',
    'a"',
    '-1',
  ),
  fc
    .string({ minLength: 1, maxLength: 3, unit: fc.constantFrom(...'abcdegiprtvw-01 '.split('')) })
    .filter((text) => text.trim() !== ''),
);
const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined, freq: 2 });
const filters = fc.record({
  sight: fc.oneof(
    { weight: 3, arbitrary: fc.constant('all' as const) },
    { weight: 1, arbitrary: fc.record({ domains: fc.subarray(domains), uids: fc.constant([]) }) },
  ),
  text: maybe(texts.map((text) => text.trim().replace(/ +/g, ' '))),
  domain: maybe(fc.constantFrom(...domains, 'none')),
  tag: maybe(fc.constantFrom(...tags, 'none')),
  online: maybe(fc.boolean()),
  seenBefore: maybe(fc.integer({ min: 1_999, max: 2_060 })),
  seenSince: maybe(fc.integer({ min: 1_999, max: 2_060 })),
  createdSince: maybe(fc.integer({ min: 999, max: 1_021 })),
});

/** What every engine finds of a list of devices. `open`: once. */
export function searchConformance(name: string, open: () => Promise<TablesSubject>): void {
  describe(`a page of devices: ${name}`, () => {
    let subject: TablesSubject;
    let tables: TablesSubject['tables'];
    let known: readonly Known[];
    beforeAll(async () => {
      subject = await open();
      tables = subject.tables;
      known = await addDevices(subject);
    });
    afterAll(() => subject.end());

    async function found(
      filter: DeviceFilter,
      sort: DeviceSort,
      descending: boolean,
      limit: number,
      work?: Parameters<typeof searchDevices>[5],
    ) {
      const ids: string[] = [];
      const idOf = new Map(known.map((device) => [device.number, device.id]));
      for (let after: Position | null = null; ; ) {
        const page: Position[] = await searchDevices(
          tables,
          filter,
          { sort, descending },
          after,
          limit,
          work,
        );
        for (const { number } of page) ids.push(idOf.get(number) ?? '?');
        if (page.length < limit) return ids;
        after = page.at(-1) ?? null;
      }
    }

    test.each([
      ['by looking ahead', undefined],
      ['by what is narrow', { lookedAt: 3, narrow: 200, shortWordPlaces: 10_000 }],
      ['by following an index', { lookedAt: 3, narrow: 0, shortWordPlaces: 10_000 }],
      [
        'by following an index, where a short word is everywhere',
        { lookedAt: 3, narrow: 0, shortWordPlaces: 0 },
      ],
      ['in each way', { lookedAt: 10, narrow: 20, shortWordPlaces: 60 }],
    ])('has what every filter and order says, %s', async (_how, work) => {
      const cases = fc.asyncProperty(
        filters,
        fc.constantFrom(...deviceSorts),
        fc.boolean(),
        fc.integer({ min: 1, max: 60 }),
        async (filter, sort, descending, limit) => {
          expect(await found(filter, sort, descending, limit, work)).toEqual(
            expected(known, filter, sort, descending),
          );
        },
      );
      await fc.assert(cases, { numRuns: 120 });
    });

    test('has single devices of a sight', async () => {
      const [first, second] = known;
      const sight = { domains: ['small'], uids: [first?.uid ?? '', second?.uid ?? '', 'former'] };
      expect(await found({ sight }, 'id', false, 3)).toEqual(expected(known, { sight }, 'id', false));
      expect(await found({ sight: { domains: [], uids: [] } }, 'id', false, 3)).toEqual([]);
    });
  });
}
