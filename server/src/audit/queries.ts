import type { Extent } from '../rights/permission.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';

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

const conditions = {
  user: 'user = ?',
  device: 'device = ?',
  event: 'event = ?',
  // Written by JSON.stringify: it has no spaces.
  allowed: `json_extract(record, '$.allowed') = ?`,
  since: 'time >= ?',
  until: 'time < ?',
} as const;

const names = Object.keys(conditions) as (keyof AuditQuery)[];

/** Records about these devices, as they are now; not those about a device that had the same ID before. */
const within = `EXISTS (SELECT 1 FROM devices d WHERE d.id = audit.device AND d.created <= audit.time
  AND (d.domain IN (SELECT value FROM json_each(?)) OR d.uid IN (SELECT value FROM json_each(?))))`;

/** Asks for records of the audit log, only those that `extent` has. */
export class AuditQueries {
  readonly #database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.#database = database;
  }

  /** The sequence number of the last record; 0: there is none. */
  async last(): Promise<number> {
    const [row] = await this.#database.read<{ last: number | null }>(
      'SELECT max(sequence) AS last FROM audit',
    );
    return row?.last ?? 0;
  }

  /** Before `before`, the latest first. */
  latest(query: AuditQuery, extent: Extent, before: number, limit: number): Promise<AuditRow[]> {
    return this.#read(query, extent, 'sequence < ?', [before], 'DESC', limit);
  }

  /** After `after`, up to `last`, in their order. */
  between(
    query: AuditQuery,
    extent: Extent,
    after: number,
    last: number,
    limit: number,
  ): Promise<AuditRow[]> {
    return this.#read(query, extent, 'sequence > ? AND sequence <= ?', [after, last], 'ASC', limit);
  }

  #read(
    query: AuditQuery,
    extent: Extent,
    range: string,
    bounds: readonly number[],
    order: 'ASC' | 'DESC',
    limit: number,
  ): Promise<AuditRow[]> {
    const given = names.filter((name) => query[name] !== undefined);
    const where = [range, ...given.map((name) => conditions[name]), ...(extent === null ? [] : [within])];
    const values = [
      ...bounds,
      ...given.map((name) => (typeof query[name] === 'boolean' ? Number(query[name]) : query[name])),
      ...(extent === null ? [] : [JSON.stringify(extent.domains), JSON.stringify(extent.devices)]),
    ];
    return this.#database.read<AuditRow>(
      `SELECT sequence, time, record FROM audit WHERE ${where.join(' AND ')} ORDER BY sequence ${order} LIMIT ?`,
      ...values,
      limit,
    );
  }
}
