import { SqliteStore } from 'rm-reflector';
import { LastingDatabase } from 'rm-reflector/store';
import { ServerSite, timedCall } from './site.ts';

/** Times in ms. */
export interface PagesResult {
  readonly filter: string;
  readonly pages: number;
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
  /** CPU time of the server for one page, on average. */
  readonly cpu: number;
}

/** What pages took, and the CPU time of all of them. */
interface Measured {
  readonly times: readonly number[];
  readonly cpu: number;
}

/** Filters of the list; the user `restricted` sees two small domains. */
const filters: readonly (readonly [name: string, query: string, user?: 'restricted'])[] = [
  ['nothing', ''],
  ['a word of one device in eight', 'text=berlin'],
  ['a word of all', 'text=device-'],
  ['a word of few', 'text=device-00x'],
  ['a word of none', 'text=qqqqzz'],
  ['two words', 'text=basement+munich'],
  ['two words that exclude each other', 'text=berlin+paris'],
  ['one character', 'text=d'],
  ['one character of none', 'text=%C3%9F'],
  ['two characters of many', 'text=gw'],
  ['two characters of few', 'text=qz'],
  ['tag of many', 'tag=production'],
  ['tag of few', 'tag=site-5'],
  ['domain of half', 'domain=big'],
  ['domain of few', 'domain=small'],
  ['on line: none', 'status=online'],
  ['off line', 'status=offline'],
  ['not seen for long', 'lastSeenBefore=2023-11-26'],
  ['seen lately', 'lastSeenSince=2025-06-04'],
  ['added lately', 'createdSince=2023-11-13'],
  ['all at once', 'text=gw-100&domain=big&status=offline&tag=production'],
  ['a user of two domains', '', 'restricted'],
  ['such a user and a word', 'text=berlin', 'restricted'],
];

const sorts = ['id', 'name', 'created', 'lastSeen'].flatMap((sort) => [sort, `-${sort}`]);

/** The time of pages of every filter in every order, beside a page without any, by the API of a server with so many devices. */
export async function measureDevicePages(
  devices: number,
  report: (step: string) => void,
): Promise<{
  readonly plain: PagesResult;
  readonly all: PagesResult;
  readonly filters: readonly PagesResult[];
}> {
  report(`writing ${devices} devices`);
  const site = await ServerSite.open(async (path) => {
    fill(path, devices);
    const store = SqliteStore.open(path);
    for (const domain of ['small', 'domain-3']) await store.users.grant('restricted', domain);
    await store.close();
  });
  try {
    const tokens = { all: await site.token('everything'), restricted: await site.token('restricted') };
    report('reading pages');
    const measure = async (run: () => Promise<number[]>): Promise<Measured> => {
      const before = site.cpu();
      const times = await run();
      return { times, cpu: site.cpu() - before };
    };
    const plain = await measure(async () => {
      const times: number[] = [];
      for (let n = 0; n < 40; n++) times.push(...(await pages(site, 'sort=id', tokens.all, 1)));
      return times;
    });
    const results: { readonly name: string; readonly measured: Measured }[] = [];
    for (const [name, query, user = 'all'] of filters) {
      const measured = await measure(async () => {
        const times: number[] = [];
        for (const sort of sorts)
          times.push(...(await pages(site, `${query}&sort=${sort}`, tokens[user], 3)));
        return times;
      });
      results.push({ name, measured });
    }
    const all = {
      times: results.flatMap(({ measured }) => measured.times),
      cpu: results.reduce((sum, { measured }) => sum + measured.cpu, 0),
    };
    return {
      plain: summary('a page without filter', plain),
      all: summary('all', all),
      filters: results.map(({ name, measured }) => summary(name, measured)),
    };
  } finally {
    await site.close();
  }
}

/** Pages in a row. */
async function pages(site: ServerSite, query: string, token: string, most: number): Promise<number[]> {
  const times: number[] = [];
  let cursor = '';
  for (let n = 0; n < most; n++) {
    const page = () => site.get(`/devices?limit=50&${query}${cursor}`, token);
    const { value, ms } = await timedCall(page);
    times.push(ms);
    const { next } = value as { next: string | null };
    if (next === null) break;
    cursor = `&cursor=${next}`;
  }
  return times;
}

function summary(filter: string, { times, cpu }: Measured): PagesResult {
  return {
    filter,
    pages: times.length,
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    worst: Math.max(...times),
    cpu: cpu / times.length,
  };
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Devices as a fleet has them; the same in each run. */
export function fill(path: string, devices: number): void {
  let seed = 1;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
  const cities = ['berlin', 'hamburg', 'munich', 'paris', 'london', 'oslo', 'rome', 'madrid'];
  const models = ['GW-100', 'GW-200', 'EdgeBox', 'Sensor Hub', 'Panel PC'];
  const database = new LastingDatabase(path);
  const add = database.prepare(
    `INSERT INTO devices (id, uid, domain, claimed, password, created, online, properties, last_seen)
     VALUES (?, lower(hex(randomblob(8))), ?, 1, '', ?, ?, ?, ?)`,
  );
  const describe = database.prepare('UPDATE fleet_devices SET description = ?, tags = ? WHERE id = ?');
  const addAll = database.transaction(() => {
    for (let n = 1; n <= devices; n++) {
      const id = `device-${n.toString(36).padStart(5, '0')}`;
      const part = random();
      const domain = part < 0.5 ? 'big' : part < 0.51 ? 'small' : `domain-${Math.floor(random() * 200)}`;
      const properties = {
        name: `${pick(cities)} ${pick(models)} ${n}`,
        vendor: 'Acme',
        model: models[n % 5],
        serial: `SN${Math.floor(random() * 1e9)}`,
        version: `2.${n % 20}.${n % 7}`,
        mac: `02:00:${(n >> 16).toString(16)}:${((n >> 8) & 255).toString(16)}:${(n & 255).toString(16)}:01`,
        httpPort: '80',
        targetPorts: '80,22,5900',
        hostname: `${id}.local`,
        os: 'Linux 5.15 armv7l',
      };
      const created = 1_600_000_000_000 + Math.floor(random() * 1e11);
      const seen = random() < 0.9 ? 1_700_000_000_000 + Math.floor(random() * 5e10) : null;
      add.run(id, domain, created, random() < 0.7 ? 1 : 0, JSON.stringify(properties), seen);
      if (n % 4 !== 0) continue;
      const tags = [`site-${Math.floor(random() * 1_000)}`, ...(n % 8 === 0 ? ['production'] : [])];
      describe.run(
        `Installed in the basement of building ${Math.floor(random() * 500)}`,
        JSON.stringify(tags),
        id,
      );
    }
  });
  addAll();
  database.close();
}
