/** What the list of devices shows, as the address of the page says it. */
export interface DeviceQuery {
  readonly text: string;
  readonly status: 'all' | 'online' | 'offline';
  readonly domain: string;
  readonly tag: string;
  /** Off line for so many days; 0: any. */
  readonly silentDays: number;
  readonly sort: DeviceSort;
}

export const deviceSorts = [
  'id',
  '-id',
  'name',
  '-name',
  'created',
  '-created',
  'lastSeen',
  '-lastSeen',
] as const;
export type DeviceSort = (typeof deviceSorts)[number];

export const wholeList: DeviceQuery = {
  text: '',
  status: 'all',
  domain: '',
  tag: '',
  silentDays: 0,
  sort: 'id',
};

/** Reads the query of an address; what is wrong counts as not given. */
export function readDeviceQuery(search: string): DeviceQuery {
  const fields = new URLSearchParams(search);
  const status = fields.get('status');
  const sort = deviceSorts.find((one) => one === fields.get('sort'));
  const days = Number(fields.get('silent') ?? 0);
  return {
    text: fields.get('text')?.slice(0, 100) ?? '',
    status: status === 'online' || status === 'offline' ? status : 'all',
    domain: fields.get('domain')?.slice(0, 64) ?? '',
    tag: fields.get('tag')?.slice(0, 64) ?? '',
    silentDays: Number.isInteger(days) && days > 0 && days <= 3_650 ? days : 0,
    sort: sort ?? wholeList.sort,
  };
}

/** The query of the address, without what is usual; empty for the whole list. */
export function writeDeviceQuery(query: DeviceQuery): string {
  const fields = new URLSearchParams();
  if (query.text) fields.set('text', query.text);
  if (query.status !== 'all') fields.set('status', query.status);
  if (query.domain) fields.set('domain', query.domain);
  if (query.tag) fields.set('tag', query.tag);
  if (query.silentDays > 0) fields.set('silent', String(query.silentDays));
  if (query.sort !== wholeList.sort) fields.set('sort', query.sort);
  const text = String(fields);
  return text && `?${text}`;
}

/** The fields of `GET /devices`. `now`: wall-clock ms. */
export function callOf(query: DeviceQuery, now: number): Record<string, string> {
  const { text, status, domain, tag, silentDays, sort } = query;
  const before = new Date(now - silentDays * 86_400_000).toISOString();
  return {
    sort,
    ...(text ? { text } : {}),
    ...(status === 'all' ? {} : { status }),
    ...(domain ? { domain } : {}),
    ...(tag ? { tag } : {}),
    ...(silentDays > 0 ? { lastSeenBefore: before } : {}),
  };
}

/** It leaves devices out. */
export function isFiltered({ sort: _sort, ...filter }: DeviceQuery): boolean {
  return Object.entries(filter).some(([name, value]) => value !== wholeList[name as keyof DeviceQuery]);
}

/** Which devices it has, or their order, follows from who is on line. */
export function followsPresence({ status, silentDays, sort }: DeviceQuery): boolean {
  return status !== 'all' || silentDays > 0 || sort.endsWith('lastSeen');
}

/** The same order, or the other way round when it is this column's already. */
export function sortedBy(query: DeviceQuery, column: string): DeviceQuery {
  const sort = deviceSorts.find((one) => one === column);
  if (!sort) return query;
  const other = deviceSorts.find((one) => one === `-${column}`) ?? sort;
  return { ...query, sort: query.sort === sort ? other : sort };
}
