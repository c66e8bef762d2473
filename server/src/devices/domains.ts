import { get, run, type Tables, type Work } from '../store/tables.ts';

/** Bounds of a domain; `null`: none. */
export interface Quotas {
  /** Devices. */
  readonly devices: number | null;
  /** Devices on line at the same time. */
  readonly connections: number | null;
  /** Payload in both directions, in a month (UTC). */
  readonly bytesPerMonth: number | null;
}

/** A domain with what it uses. Times are wall-clock ms. */
export interface Domain {
  readonly number: number;
  readonly id: string;
  readonly revision: number;
  readonly name: string;
  readonly description: string;
  readonly created: number;
  readonly quotas: Quotas;
  readonly usage: {
    readonly devices: number;
    readonly connections: number;
    readonly bytesThisMonth: number;
  };
}

/** What is left out stays. */
export interface DomainChanges {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly quotas?: { readonly [Name in keyof Quotas]?: number | null | undefined } | undefined;
}

interface Row {
  number: number;
  id: string;
  version: number;
  name: string;
  description: string;
  created: number;
  device_quota: number | null;
  connection_quota: number | null;
  byte_quota: number | null;
  devices: number;
  connections: number;
  bytes: number;
}

const columns = `m.number, m.id, m.version, m.name, m.description, m.created, m.device_quota, m.connection_quota, m.byte_quota,
  (SELECT count(*) FROM fleet_devices WHERE domain = m.number) AS devices,
  (SELECT count(*) FROM fleet_devices WHERE domain = m.number AND seen = ${Number.MAX_SAFE_INTEGER}) AS connections,
  coalesce((SELECT t.bytes_from + t.bytes_to FROM fleet_domain_traffic t WHERE t.domain = m.number AND t.month = ?), 0) AS bytes`;

/**
 * The domains of a fleet. One that a device is added to by a command of the reflector is there too. What is decided and changed
 * is a part of a transaction.
 */
export class Domains {
  readonly #database: Tables;

  constructor(database: Tables) {
    this.#database = database;
  }

  /** Those after an id, of `among` only; `null`: of all. `month`: whose traffic counts. */
  async list(
    among: readonly string[] | null,
    after: string,
    limit: number,
    month: string,
  ): Promise<Domain[]> {
    const rows = await this.#database.read<Row>(
      `SELECT ${columns} FROM fleet_domains m WHERE m.id > ?
         AND (CAST(? AS TEXT) IS NULL OR m.id IN (${this.#database.dialect.elements('?')})) ORDER BY m.id LIMIT ?`,
      month,
      after,
      among && '',
      JSON.stringify(among ?? []),
      limit,
    );
    return rows.map(domain);
  }

  async get(id: string, month: string): Promise<Domain | null> {
    const [row] = await this.#database.read<Row>(
      `SELECT ${columns} FROM fleet_domains m WHERE m.id = ?`,
      month,
      id,
    );
    return row ? domain(row) : null;
  }

  /** Since when those of `ids` that exist do: one may have been removed, and made again for somebody else. */
  async createdOf(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.read<{ id: string; created: number }>(
      `SELECT id, created FROM fleet_domains WHERE id IN (${this.#database.dialect.elements('?')})`,
      JSON.stringify(ids),
    );
    return new Map(rows.map(({ id, created }) => [id, created]));
  }

  *exists(id: string): Work<boolean> {
    return (yield* get('SELECT 1 FROM fleet_domains WHERE id = ?', id)) !== undefined;
  }

  /** The version of a domain that exists; else `null`. */
  *revision(id: string): Work<number | null> {
    const row = yield* get<{ version: number }>('SELECT version FROM fleet_domains WHERE id = ?', id);
    return row?.version ?? null;
  }

  /** False: there is one with this id. */
  *add(id: string, now: number): Work<boolean> {
    const insert = 'INSERT INTO fleet_domains (id, created) VALUES (?, ?) ON CONFLICT DO NOTHING';
    return (yield* run(insert, id, now)) > 0;
  }

  *change(id: string, { name, description, quotas = {} }: DomainChanges): Work<void> {
    const quota = (value: number | null | undefined) => [value === undefined ? 0 : 1, value ?? null];
    yield* run(
      `UPDATE fleet_domains SET version = version + 1, name = coalesce(?, name), description = coalesce(?, description),
         device_quota = CASE WHEN CAST(? AS BIGINT) = 1 THEN CAST(? AS BIGINT) ELSE device_quota END,
         connection_quota = CASE WHEN CAST(? AS BIGINT) = 1 THEN CAST(? AS BIGINT) ELSE connection_quota END,
         byte_quota = CASE WHEN CAST(? AS BIGINT) = 1 THEN CAST(? AS BIGINT) ELSE byte_quota END WHERE id = ?`,
      name ?? null,
      description ?? null,
      ...quota(quotas.devices),
      ...quota(quotas.connections),
      ...quota(quotas.bytesPerMonth),
      id,
    );
  }

  /** How many devices it has: one with devices cannot be removed. */
  *countDevices(id: string): Work<number> {
    const count = yield* get<{ n: number }>(
      'SELECT count(*) AS n FROM fleet_devices WHERE domain = (SELECT number FROM fleet_domains WHERE id = ?)',
      id,
    );
    return count?.n ?? 0;
  }

  /** With what names it (triggers of the schema): one that gets its id later inherits nothing. */
  *remove(id: string): Work<void> {
    yield* run('DELETE FROM fleet_domains WHERE id = ?', id);
  }

  /** Months with traffic, the latest first. */
  traffic(number: number): Promise<{ period: string; bytesFrom: number; bytesTo: number }[]> {
    return this.#database.read(
      `SELECT month AS period, bytes_from AS "bytesFrom", bytes_to AS "bytesTo" FROM fleet_domain_traffic
       WHERE domain = ? ORDER BY month DESC`,
      number,
    );
  }
}

function domain(row: Row): Domain {
  return {
    number: row.number,
    id: row.id,
    revision: row.version,
    name: row.name,
    description: row.description,
    created: row.created,
    quotas: { devices: row.device_quota, connections: row.connection_quota, bytesPerMonth: row.byte_quota },
    usage: { devices: row.devices, connections: row.connections, bytesThisMonth: row.bytes },
  };
}
