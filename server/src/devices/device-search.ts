import { seenNow } from '../store/schema/devices.ts';
import {
  hasTrigram,
  likeContains,
  type SearchWord,
  searchWords,
  trigramExpression,
} from '../store/search-text.ts';
import type { Dialect, Reads } from '../store/tables.ts';

/** Which devices a caller may see: all, or those of these domains and the records with these uids. */
export type Sight = 'all' | { readonly domains: readonly string[]; readonly uids: readonly string[] };

/** What is left out matches everything. Times are wall-clock ms. */
export interface DeviceFilter {
  readonly sight: Sight;
  /** Words that all occur in id, name, description, tags or properties. */
  readonly text?: string | undefined;
  readonly domain?: string | undefined;
  readonly tag?: string | undefined;
  readonly online?: boolean | undefined;
  /** Off line, and not seen since; devices that were never seen too. */
  readonly seenBefore?: number | undefined;
  /** On line, or seen at this time or later. */
  readonly seenSince?: number | undefined;
  readonly createdSince?: number | undefined;
}

export const deviceSorts = ['id', 'name', 'created', 'lastSeen'] as const;
export type DeviceSort = (typeof deviceSorts)[number];

export interface DeviceOrder {
  readonly sort: DeviceSort;
  readonly descending: boolean;
}

/** Where a page begins: behind this device. */
export interface Position {
  /** What the device is sorted by. */
  readonly key: string | number;
  readonly number: number;
}

const columns: Readonly<Record<DeviceSort, { readonly column: string; readonly index: string }>> = {
  id: { column: 'id', index: 'fleet_devices_by_id' },
  name: { column: 'label', index: 'fleet_devices_by_label' },
  created: { column: 'created', index: 'fleet_devices_by_created' },
  lastSeen: { column: 'seen', index: 'fleet_devices_by_seen' },
};

/** How much is read for one page; fewer in tests. */
export const searchWork = {
  /** Devices in order that are looked at before the filters are counted: enough for most pages. */
  lookedAt: 2_000,
  /** A filter with at most so many devices is read whole and sorted. */
  narrow: 5_000,
  /** Places of a short word in the index; more than that is not worth reading. */
  shortWordPlaces: 50_000,
};

/** SQL with its values. */
interface Sql {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Numbers of devices that may match, by an index. */
interface Source extends Sql {
  /** Rows worth reading. */
  readonly bound: number;
  /** All of them have the text. */
  readonly hasText: boolean;
}

/** Those that may have the text. */
interface TextSource extends Source {
  /** Each device once. */
  readonly exact: boolean;
}

type Found = Position;

/**
 * One page of a filter: at most `limit` devices behind `after`. Whatever the filter, it costs at most about one pass over
 * an index (`npm run bench:server -- devices`):
 *
 * 1. The next devices in order are looked at. A filter that many devices match fills its page here.
 * 2. Otherwise each part of the filter is counted, up to a bound. If one has few devices, those are read and sorted.
 * 3. Otherwise the index is followed to its end; the trigram index, where there is one, says which texts are compared.
 */
export async function searchDevices(
  tables: Reads,
  filter: DeviceFilter,
  order: DeviceOrder,
  after: Position | null,
  limit: number,
  work = searchWork,
): Promise<Found[]> {
  if (filter.sight !== 'all' && filter.sight.domains.length === 0 && filter.sight.uids.length === 0)
    return [];
  const words = searchWords(filter.text ?? '');
  const search = new Search(tables, filter, words, order, work);
  return search.page(after, limit);
}

class Search {
  readonly #tables: Reads;
  readonly #dialect: Dialect;
  readonly #work: typeof searchWork;
  readonly #filter: DeviceFilter;
  readonly #words: readonly SearchWord[];
  readonly #order: DeviceOrder;
  readonly #key: string;
  readonly #direction: 'ASC' | 'DESC';

  constructor(
    tables: Reads,
    filter: DeviceFilter,
    words: readonly SearchWord[],
    order: DeviceOrder,
    work: typeof searchWork,
  ) {
    this.#work = work;
    this.#tables = tables;
    this.#dialect = tables.dialect;
    this.#filter = filter;
    this.#words = words;
    this.#order = order;
    this.#key = columns[order.sort].column;
    this.#direction = order.descending ? 'DESC' : 'ASC';
  }

  async page(after: Position | null, limit: number): Promise<Found[]> {
    const conditions = [...this.#conditions(), ...this.#textConditions()];
    if (conditions.length === 0) return this.#follow([], after, limit);
    const near = await this.#lookAhead(conditions, after, limit);
    if (near.found.length >= limit || near.end === null) return near.found.slice(0, limit);
    const rest = limit - near.found.length;
    const source = await this.#narrowSource();
    const further = source
      ? await this.#collect(source, source.hasText ? this.#conditions() : conditions, near.end, rest)
      : await this.#follow(await this.#longConditions(), near.end, rest);
    return [...near.found, ...further];
  }

  /** What an index says by itself. */
  #conditions(): Sql[] {
    const { sight, domain, tag, createdSince } = this.#filter;
    const conditions: Sql[] = [];
    if (sight !== 'all') {
      conditions.push(seenBy(sight, this.#dialect));
    }
    if (domain !== undefined) {
      conditions.push({
        sql: 'f.domain = (SELECT number FROM fleet_domains WHERE id = ?)',
        values: [domain],
      });
    }
    if (tag !== undefined) {
      conditions.push({
        sql: 'EXISTS (SELECT 1 FROM fleet_tags t WHERE t.tag = ? AND t.number = f.number)',
        values: [tag],
      });
    }
    for (const { sql, values } of this.#seen()) conditions.push({ sql: `f.${sql}`, values });
    if (createdSince !== undefined) conditions.push({ sql: 'f.created >= ?', values: [createdSince] });
    return conditions;
  }

  #seen(): Sql[] {
    const { online, seenBefore, seenSince } = this.#filter;
    const conditions: Sql[] = [];
    if (online === true) conditions.push({ sql: 'seen = ?', values: [seenNow] });
    if (online === false) conditions.push({ sql: 'seen < ?', values: [seenNow] });
    if (seenBefore !== undefined) conditions.push({ sql: 'seen < ?', values: [seenBefore] });
    if (seenSince !== undefined) conditions.push({ sql: 'seen >= ?', values: [seenSince] });
    return conditions;
  }

  #textConditions(): Sql[] {
    if (this.#words.length === 0) return [];
    const contains = this.#words.map(
      ({ spellings }) => `(${spellings.map(() => this.#dialect.contains('s.text', '?')).join(' OR ')})`,
    );
    return [
      {
        sql: `EXISTS (SELECT 1 FROM fleet_search s WHERE s.number = f.number AND ${contains.join(' AND ')})`,
        values: this.#words.flatMap(({ spellings }) => spellings),
      },
    ];
  }

  /** For the whole index: what the text index excludes is not compared. */
  async #longConditions(): Promise<Sql[]> {
    const source = this.#textSource();
    const inIndex: Sql[] =
      source && (source.exact || !(await this.#isLong(source)))
        ? [{ sql: `+f.number IN (${source.sql})`, values: source.values }]
        : [];
    return [...this.#conditions(), ...inIndex, ...(source?.hasText ? [] : this.#textConditions())];
  }

  async #isLong({ sql, values }: Sql): Promise<boolean> {
    const counted = `SELECT count(*) AS n FROM (SELECT 1 FROM (${sql}) AS part LIMIT ${this.#work.shortWordPlaces + 1}) AS counted`;
    const [row] = await this.#tables.read<{ n: number }>(counted, ...values);
    return (row?.n ?? 0) > this.#work.shortWordPlaces;
  }

  #textSource(): TextSource | null {
    if (this.#dialect.hasIndexedLike) return this.#likeSource();
    if (this.#words.length === 0 || !this.#dialect.hasTrigrams) return null;
    const expression = trigramExpression(this.#words);
    if (expression !== null) {
      const sql = 'SELECT rowid AS number FROM fleet_trigrams WHERE fleet_trigrams MATCH ?';
      return { sql, values: [expression], bound: this.#work.narrow, exact: true, hasText: false };
    }
    const [longest = ''] = this.#words.map(({ folded }) => folded).sort((a, b) => b.length - a.length);
    const sql = 'SELECT doc AS number FROM fleet_trigram_instances WHERE term >= ? AND term < ?';
    return {
      sql,
      values: [longest, `${longest}\u{10ffff}`],
      bound: this.#work.shortWordPlaces,
      exact: false,
      hasText: false,
    };
  }

  #likeSource(): TextSource | null {
    const isIndexed = ({ spellings }: SearchWord) => spellings.every(hasTrigram);
    if (!this.#words.some(isIndexed)) return null;
    const { contains } = this.#dialect;
    const parts = this.#words.map((word) => {
      const [condition, value] = isIndexed(word)
        ? ['s.text LIKE ?', likeContains]
        : [contains('s.text', '?'), (text: string) => text];
      return {
        sql: `(${word.spellings.map(() => condition).join(' OR ')})`,
        values: word.spellings.map(value),
      };
    });
    return {
      sql: `SELECT s.number FROM fleet_search s WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`,
      values: parts.flatMap(({ values }) => values),
      bound: this.#work.narrow,
      exact: true,
      hasText: true,
    };
  }

  /** The part of the filter that the fewest devices match, if those are few. */
  async #narrowSource(): Promise<Source | null> {
    const { sight, domain, tag, createdSince } = this.#filter;
    const sources: Source[] = [];
    const add = (sql: string, values: Sql['values']) =>
      sources.push({ sql, values, bound: this.#work.narrow, hasText: false });
    const text = this.#textSource();
    if (text) sources.push(text);
    if (domain !== undefined)
      add(`SELECT number FROM fleet_devices WHERE domain = (${domainNumber})`, [domain]);
    if (tag !== undefined) add('SELECT number FROM fleet_tags WHERE tag = ?', [tag]);
    if (sight !== 'all') {
      add(
        `SELECT number FROM fleet_devices WHERE domain IN (${domainNumbers(this.#dialect)}) UNION ${deviceNumbers(this.#dialect)}`,
        [JSON.stringify(sight.domains), JSON.stringify(sight.uids)],
      );
    }
    const seen = this.#seen();
    if (seen.length > 0) {
      add(
        `SELECT number FROM fleet_devices ${this.#dialect.through('fleet_devices_by_seen')} WHERE ${seen.map(({ sql }) => sql).join(' AND ')}`,
        seen.flatMap(({ values }) => values),
      );
    }
    if (createdSince !== undefined) {
      const through = this.#dialect.through('fleet_devices_by_created');
      add(`SELECT number FROM fleet_devices ${through} WHERE created >= ?`, [createdSince]);
    }
    const counts = sources.map(
      ({ sql, bound }) =>
        `SELECT count(*) AS n FROM (SELECT 1 FROM (${sql}) AS part LIMIT ${bound + 1}) AS counted`,
    );
    let best: Source | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const [i, source] of sources.entries()) {
      const [row] = await this.#tables.read<{ n: number }>(counts[i] ?? '', ...source.values);
      const n = row?.n ?? 0;
      if (n > source.bound || n >= least) continue;
      least = n;
      best = source;
    }
    return best;
  }

  /** The next devices in order that match, and where looking ended; `end` is `null` at the end of the list. */
  async #lookAhead(
    conditions: readonly Sql[],
    after: Position | null,
    limit: number,
  ): Promise<{ readonly found: Found[]; readonly end: Position | null }> {
    const start = this.#behind(after);
    const where = start ? `WHERE ${start.sql}` : '';
    const next = `SELECT * FROM fleet_devices ${this.#index} ${where} ${this.#ordered('')}`;
    const given = start?.values ?? [];
    const found = await this.#tables.read<Found>(
      `SELECT f.${this.#key} AS key, f.number AS number FROM (${next.replace('*', coveredBy(this.#order.sort))} LIMIT ${this.#work.lookedAt}) f
       WHERE ${conditions.map(({ sql }) => sql).join(' AND ')} ${this.#ordered('f.')} LIMIT ?`,
      ...given,
      ...conditions.flatMap(({ values }) => values),
      limit,
    );
    const [end = null] = await this.#tables.read<Position>(
      `${next.replace('*', `${this.#key} AS key, number`)} LIMIT 1 OFFSET ${this.#work.lookedAt - 1}`,
      ...given,
    );
    return { found, end };
  }

  /** Reads all that `source` names. */
  async #collect(source: Sql, conditions: readonly Sql[], after: Position, limit: number): Promise<Found[]> {
    const all = [this.#behind(after, 'f.'), ...conditions].filter((one) => one !== null);
    const found = await this.#tables.read<Found>(
      `SELECT f.${this.#key} AS key, f.number AS number
       FROM (SELECT DISTINCT number FROM (${source.sql}) AS part) n ${this.#dialect.thenJoin} fleet_devices f ON f.number = n.number
       WHERE ${all.map(({ sql }) => sql).join(' AND ')} ${this.#ordered('f.')} LIMIT ?`,
      ...source.values,
      ...all.flatMap(({ values }) => values),
      limit,
    );
    return found;
  }

  /** Follows the index of the order. */
  async #follow(conditions: readonly Sql[], after: Position | null, limit: number): Promise<Found[]> {
    const all = [this.#behind(after, 'f.'), ...conditions].filter((one) => one !== null);
    const where = all.length > 0 ? `WHERE ${all.map(({ sql }) => sql).join(' AND ')}` : '';
    const found = await this.#tables.read<Found>(
      `SELECT f.${this.#key} AS key, f.number AS number FROM fleet_devices f ${this.#index}
       ${where} ${this.#ordered('f.')} LIMIT ?`,
      ...all.flatMap(({ values }) => values),
      limit,
    );
    return found;
  }

  get #index(): string {
    return this.#dialect.through(columns[this.#order.sort].index);
  }

  #behind(after: Position | null, row = ''): Sql | null {
    if (!after) return null;
    const than = this.#order.descending ? '<' : '>';
    return { sql: `(${row}${this.#key}, ${row}number) ${than} (?, ?)`, values: [after.key, after.number] };
  }

  #ordered(row: string): string {
    return `ORDER BY ${row}${this.#key} ${this.#direction}, ${row}number ${this.#direction}`;
  }
}

/** Whether the device `f` is among what somebody sees. */
export function seenBy(sight: Exclude<DeviceFilter['sight'], 'all'>, dialect: Dialect): Sql {
  return {
    sql: `(f.domain IN (${domainNumbers(dialect)}) OR f.number IN (${deviceNumbers(dialect)}))`,
    values: [JSON.stringify(sight.domains), JSON.stringify(sight.uids)],
  };
}

const domainNumber = 'SELECT number FROM fleet_domains WHERE id = ?';
const domainNumbers = ({ elements }: Dialect) =>
  `SELECT number FROM fleet_domains WHERE id IN (${elements('?')})`;
const deviceNumbers = ({ elements }: Dialect) =>
  `SELECT number FROM fleet_devices WHERE uid IN (${elements('?')})`;

/** Columns that an index contains. */
function coveredBy(sort: DeviceSort): string {
  return sort === 'id' || sort === 'name'
    ? `${columns[sort].column}, number, domain, seen, created`
    : 'created, number, domain, seen';
}
