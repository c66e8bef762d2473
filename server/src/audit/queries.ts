import type { Extent } from '../rights/permission.ts';
import type { Dialect, Tables } from '../store/tables.ts';

export interface AuditQuery {
  readonly user?: string;
  readonly device?: string;
  readonly event?: string;
  readonly allowed?: boolean;
  /** Wall-clock ms: at this time or later, and before that one. */
  readonly since?: number;
  readonly until?: number;
}

export interface AuditRow {
  /** Grows with each record. */
  readonly sequence: number;
  readonly time: number;
  /** JSON. */
  readonly record: string;
}

/** Who asks, and about what they may. */
export interface AuditReader {
  readonly user: string;
  readonly extent: Extent;
}

const names = ['user', 'device', 'event', 'allowed', 'since', 'until'] as const;

function conditionsIn({ flag }: Dialect): Readonly<Record<keyof AuditQuery, string>> {
  return {
    user: '"user" = ?',
    device: 'device = ?',
    event: 'event = ?',
    allowed: `${flag('record', 'allowed')} = ?`,
    since: 'time >= ?',
    until: 'time < ?',
  };
}

/**
 * Records about these devices, as they are now; not those about a device that had the same ID before, nor those from the
 * time in which it was another domain's.
 */
function withinIn({ elements }: Dialect): string {
  return `EXISTS (SELECT 1 FROM devices d WHERE d.id = audit.device AND d.created <= audit.time AND d.moved <= audit.time
    AND (d.domain IN (${elements('?')}) OR d.uid IN (${elements('?')})))`;
}

/** Asks for records of the audit log, only those that the extent of its reader has. */
export class AuditQueries {
  readonly #tables: Tables;
  readonly #conditions: Readonly<Record<keyof AuditQuery, string>>;
  readonly #within: string;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#conditions = conditionsIn(tables.dialect);
    this.#within = withinIn(tables.dialect);
  }

  /** The sequence number of the last record; 0: there is none. */
  async last(): Promise<number> {
    const [row] = await this.#tables.read<{ last: number | null }>('SELECT max(sequence) AS last FROM audit');
    return row?.last ?? 0;
  }

  /** Before `before`, the latest first. */
  latest(reader: AuditReader, query: AuditQuery, before: number, limit: number): Promise<AuditRow[]> {
    return this.#read(reader, query, 'sequence < ?', [before], 'DESC', limit);
  }

  /** After `after`, up to `last`, in their order. */
  between(
    reader: AuditReader,
    query: AuditQuery,
    after: number,
    last: number,
    limit: number,
  ): Promise<AuditRow[]> {
    return this.#read(reader, query, 'sequence > ? AND sequence <= ?', [after, last], 'ASC', limit);
  }

  #read(
    { user, extent }: AuditReader,
    query: AuditQuery,
    range: string,
    bounds: readonly number[],
    order: 'ASC' | 'DESC',
    limit: number,
  ): Promise<AuditRow[]> {
    const given = names.filter((name) => query[name] !== undefined);
    const where = [
      range,
      ...given.map((name) => this.#conditions[name]),
      ...(extent === null ? [] : [this.#within]),
    ];
    const values = [
      ...bounds,
      ...given.map((name) => storedValue(query[name])),
      ...(extent === null ? [] : [JSON.stringify(extent.domains), JSON.stringify(extent.devices)]),
    ];
    return this.#tables
      .readsOf(user)
      .read<AuditRow>(
        `SELECT sequence, time, record FROM audit WHERE ${where.join(' AND ')} ORDER BY sequence ${order} LIMIT ?`,
        ...values,
        limit,
      );
  }
}

function storedValue(value: string | number | boolean | undefined): string | number | null {
  return typeof value === 'boolean' ? Number(value) : (value ?? null);
}
