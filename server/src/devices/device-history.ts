import type { TunnelEnd, TunnelEndCause } from 'rm-reflector/ports';
import type { Tables } from '../store/tables.ts';

/** One connection of a device. Times are wall-clock ms. */
export interface DeviceConnection {
  readonly sequence: number;
  readonly began: number;
  /** `null`: it lasts, or nobody has seen its end. */
  readonly ended: number | null;
  readonly live: boolean;
  /** Why it ended; `null`: it lasts, or nobody has seen its end. */
  readonly end: TunnelEnd | null;
  readonly address: string;
  readonly agent: string;
  /** Payload. Of a connection that lasts: up to the last time that it was counted, once a minute. */
  readonly bytesFrom: number;
  readonly bytesTo: number;
}

interface ConnectionRow extends Omit<DeviceConnection, 'live' | 'end'> {
  readonly live: number;
  readonly cause: TunnelEndCause | null;
  readonly reason: string | null;
  readonly by: string | null;
}

/** Payload of a day or month in UTC. */
export interface Traffic {
  /** `2026-11-28` or `2026-11`. */
  readonly period: string;
  readonly bytesFrom: number;
  readonly bytesTo: number;
}

/** One record of the audit log that names a device. */
export interface LoggedEvent {
  readonly sequence: number;
  readonly time: number;
  readonly event: string;
  /** The whole record. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** What was noted of devices over time. Triggers write it (`store/schema/devices.ts`). */
export class DeviceHistory {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Connections of a device that began at `since` or later, the latest first, those before a sequence number. */
  async connections(
    { number, since }: { readonly number: number; readonly since: number },
    before: number | null,
    limit: number,
  ): Promise<DeviceConnection[]> {
    const rows = await this.#tables.read<ConnectionRow>(
      `SELECT c.sequence, c.began, c.ended, c.live, c.end_cause AS cause, c.end_reason AS reason, c.end_by AS by,
         c.address, c.agent,
         CASE c.live WHEN 1 THEN d.bytes_from - c.bytes_from ELSE c.bytes_from END AS "bytesFrom",
         CASE c.live WHEN 1 THEN d.bytes_to - c.bytes_to ELSE c.bytes_to END AS "bytesTo"
       FROM fleet_connections c JOIN fleet_devices f ON f.number = c.number JOIN devices d ON d.uid = f.uid
       WHERE c.number = ? AND c.began >= ? AND c.sequence < ? ORDER BY c.sequence DESC LIMIT ?`,
      number,
      since,
      before ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
    return rows.map(({ cause, reason, by, ...row }) => ({
      ...row,
      live: row.live === 1,
      end: cause && { cause, reason: reason ?? '', by: by ?? undefined },
    }));
  }

  /** Days with traffic from `since` to `until`, both included. */
  ofDevice(number: number, since: string, until: string): Promise<Traffic[]> {
    return this.#tables.read<Traffic>(
      `SELECT day AS period, bytes_from AS "bytesFrom", bytes_to AS "bytesTo" FROM fleet_traffic
       WHERE number = ? AND day BETWEEN ? AND ? ORDER BY day`,
      number,
      since,
      until,
    );
  }

  /** Events of a device at `since` or later, the latest first, those before a sequence number. */
  async log(
    device: { readonly id: string; readonly since: number },
    before: number | null,
    limit: number,
  ): Promise<LoggedEvent[]> {
    const rows = await this.#tables.read<Omit<LoggedEvent, 'record'> & { record: string }>(
      `SELECT sequence, time, event, record FROM audit WHERE device = ? AND sequence < ? AND time >= ?
       ORDER BY sequence DESC LIMIT ?`,
      device.id,
      before ?? Number.MAX_SAFE_INTEGER,
      device.since,
      limit,
    );
    return rows.map((row) => ({ ...row, record: JSON.parse(row.record) as Record<string, unknown> }));
  }
}
