import { readServices } from 'rm-reflector';
import { seenNow } from '../store/schema/devices.ts';
import { asciiLower } from '../store/search-text.ts';
import { type Dialect, get, run, type Tables, type Work } from '../store/tables.ts';
import {
  type DeviceFilter,
  type DeviceOrder,
  type Position,
  searchDevices,
  seenBy,
} from './device-search.ts';

/** A device as lists show it. Times are wall-clock ms. */
export interface ListedDevice {
  readonly id: string;
  readonly uid: string;
  readonly domain: string;
  /** What a user has called it, else what it calls itself. */
  readonly name: string | null;
  readonly tags: readonly string[];
  readonly created: number;
  readonly online: boolean;
  /** `null`: never, or it is on line. */
  readonly lastSeen: number | null;
  /** IP address and `User-Agent` of its last connection. */
  readonly address: string;
  readonly agent: string;
  /** Version of its firmware, as it says. */
  readonly version: string | null;
  readonly ports: readonly number[];
  readonly httpPort: number | null;
  readonly sshPort: number | null;
  readonly vncPort: number | null;
  readonly rdpPort: number | null;
  /** Those that were asked for. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** All that is known of a device. */
export interface FleetDevice extends ListedDevice {
  /** Key of its rows in the tables of the fleet. */
  readonly number: number;
  /** Wall-clock ms from which on it has been one device of its domain: what is older is not for those of this domain. */
  readonly since: number;
  /** Rises with each change by a user. */
  readonly revision: number;
  readonly description: string;
  readonly notes: string;
  readonly createdBy: string | null;
  readonly lastConnect: number | null;
  readonly connects: number;
  readonly bytesFrom: number;
  readonly bytesTo: number;
  /** What the device says of itself. */
  readonly systemProperties: Readonly<Record<string, string>>;
  /** What users say of it. */
  readonly userProperties: Readonly<Record<string, string>>;
  /** The last refusal of somebody who claimed to be it. */
  readonly refused: { readonly time: number; readonly reason: string; readonly address: string } | null;
  /** When two devices with this identity were last seen evicting each other. */
  readonly duplicateNoticed: number | null;
}

/** What users may change; what is left out stays. */
export interface DeviceChanges {
  /** `null`: it is called what it calls itself. */
  readonly name?: string | null | undefined;
  readonly description?: string | undefined;
  readonly notes?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** Where it goes, and the wall-clock ms of that. */
  readonly domain?: { readonly id: string; readonly time: number } | undefined;
}

interface ListedRow {
  id: string;
  uid: string;
  domain: string;
  own_name: string | null;
  said_name: string | null;
  tags: string;
  created: number;
  seen: number;
  address: string;
  agent: string;
  said_version: string | null;
  targetPorts: string | null;
  httpPort: string | null;
  sshPort: string | null;
  vncPort: string | null;
  rdpPort: string | null;
}

interface FullRow extends ListedRow {
  number: number;
  moved: number;
  version: number;
  description: string;
  notes: string;
  created_by: string | null;
  last_connect: number | null;
  connects: number;
  bytes_from: number;
  bytes_to: number;
  said: string;
  properties: string;
  refused: number | null;
  refused_reason: string | null;
  refused_address: string | null;
  duplicate_noticed: number | null;
}

const serviceNames = ['targetPorts', 'httpPort', 'sshPort', 'vncPort', 'rdpPort'] as const;
const listedColumns = ({ member }: Dialect) => {
  const said = (name: string) => member('d.properties', name);
  return `f.id, f.uid, m.id AS domain, nullif(f.name, '') AS own_name, ${said('name')} AS said_name, f.tags, f.created,
    f.seen, d.address, d.agent, ${said('version')} AS said_version, ${serviceNames.map((name) => `${said(name)} AS "${name}"`).join(', ')}`;
};
const tables = `fleet_devices f JOIN fleet_domains m ON m.number = f.domain JOIN devices d ON d.uid = f.uid`;
const selectOne = (dialect: Dialect) =>
  `SELECT ${listedColumns(dialect)}, f.number, d.moved, f.version, f.description, f.notes, f.created_by, d.last_connect,
     d.connects, d.bytes_from, d.bytes_to, d.properties AS said, f.properties, d.refused, d.refused_reason,
     d.refused_address, d.duplicate_noticed FROM ${tables} WHERE f.id = ?`;

/** Claimed devices, with what users say of them. What is changed is a part of a transaction. */
export class FleetDevices {
  readonly #database: Tables;
  readonly #selectOne: string;

  constructor(database: Tables) {
    this.#database = database;
    this.#selectOne = selectOne(database.dialect);
  }

  /** At most `limit` devices behind `after`, each with its place in the order. */
  async list(
    filter: DeviceFilter,
    order: DeviceOrder,
    after: Position | null,
    limit: number,
    /** Names of properties to be listed. */
    properties: readonly string[] = [],
    /** Who asks. */
    user = '',
  ): Promise<{ readonly position: Position; readonly device: ListedDevice | null }[]> {
    const positions = await searchDevices(this.#database.readsOf(user), filter, order, after, limit);
    const { dialect } = this.#database;
    const names = JSON.stringify(properties);
    const chosen = `, ${dialect.members('f.properties', '?')} AS own, ${dialect.members('d.properties', '?')} AS said`;
    const rows = await this.#database.read<ListedRow & { number: number; own?: string; said?: string }>(
      `SELECT f.number, ${listedColumns(dialect)}${properties.length > 0 ? chosen : ''} FROM ${tables}
       WHERE f.number IN (SELECT CAST(value AS BIGINT) FROM (${dialect.elements('?')}) AS wanted)`,
      ...(properties.length > 0 ? [names, names] : []),
      JSON.stringify(positions.map(({ number }) => number)),
    );
    const found = new Map(
      rows.map((row) => {
        const device = listed(row);
        const { number, own, said } = row;
        if (own === undefined || said === undefined) return [number, device];
        return [number, { ...device, properties: { ...JSON.parse(said), ...JSON.parse(own) } }];
      }),
    );
    // One that was removed meanwhile still has its place.
    return positions.map((position) => ({ position, device: found.get(position.number) ?? null }));
  }

  /** Tags of what is seen that have this text, each once, those behind `after`. */
  async tags(
    sight: DeviceFilter['sight'],
    text: string,
    after: string,
    limit: number,
    user: string,
  ): Promise<string[]> {
    const reads = this.#database.readsOf(user);
    const { thenJoin, contains } = reads.dialect;
    const seen = sight === 'all' ? null : seenBy(sight, reads.dialect);
    const rows = await reads.read<{ tag: string }>(
      `SELECT DISTINCT t.tag FROM fleet_tags t
       ${seen ? `${thenJoin} fleet_devices f ON f.number = t.number AND ${seen.sql}` : ''}
       WHERE t.tag > ? AND ${contains('lower(t.tag)', '?')} ORDER BY t.tag LIMIT ?`,
      ...(seen?.values ?? []),
      after,
      asciiLower(text),
      limit,
    );
    return rows.map(({ tag }) => tag);
  }

  async get(id: string): Promise<FleetDevice | null> {
    const row = await this.#database.get<FullRow>(this.#selectOne, id);
    return row ? full(row) : null;
  }

  /** The same within a transaction: as it is until the end of that. */
  *held(id: string): Work<FleetDevice | null> {
    const row = yield* get<FullRow>(this.#selectOne, id);
    return row ? full(row) : null;
  }

  /** Another revision, and nothing else: whoever has seen the one before cannot change the device by it. */
  *supersede({ uid }: { readonly uid: string }): Work<void> {
    yield* run('UPDATE fleet_devices SET version = version + 1 WHERE uid = ?', uid);
  }

  *change({ uid }: { readonly uid: string }, changes: DeviceChanges): Work<void> {
    const { name, description, notes, tags, properties, domain } = changes;
    const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
    yield* run(
      `UPDATE fleet_devices SET version = version + 1, name = CASE WHEN CAST(? AS BIGINT) = 1 THEN CAST(? AS TEXT) ELSE name END,
         description = coalesce(?, description), notes = coalesce(?, notes), tags = coalesce(?, tags),
         properties = coalesce(?, properties) WHERE uid = ?`,
      name === undefined ? 0 : 1,
      name ?? null,
      description ?? null,
      notes ?? null,
      json(tags && [...new Set(tags)]),
      json(properties),
      uid,
    );
    if (domain === undefined) return;
    // A digest is of ID@DOMAIN, so that of the former domain proves nothing any more.
    yield* run(
      `UPDATE devices SET domain = ?, moved = ?, digest_sha256 = NULL, digest_md5 = NULL
       WHERE uid = ? AND domain <> ?`,
      domain.id,
      domain.time,
      uid,
      domain.id,
    );
  }

  /** The domains of those that exist, by `uid`, each with the wall-clock ms from which on it is one device of that domain. */
  async placedOf(
    uids: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly domain: string; readonly since: number }>> {
    const rows = await this.#database.read<{ uid: string; domain: string; created: number; moved: number }>(
      `SELECT uid, domain, created, moved FROM devices WHERE uid IN (${this.#database.dialect.elements('?')})`,
      JSON.stringify(uids),
    );
    return new Map(
      rows.map(({ uid, domain, created, moved }) => [uid, { domain, since: Math.max(created, moved) }]),
    );
  }

  /** Notes who has made the record. */
  *setCreator(uid: string, user: string): Work<void> {
    yield* run('UPDATE fleet_devices SET created_by = ? WHERE uid = ?', user, uid);
  }
}

function listed(row: ListedRow): ListedDevice {
  const said: Record<string, string> = Object.create(null);
  for (const name of serviceNames) if (typeof row[name] === 'string') said[name] = row[name];
  const { ports, httpPort, sshPort, vncPort, rdpPort } = readServices(said);
  const online = row.seen === seenNow;
  return {
    id: row.id,
    uid: row.uid,
    domain: row.domain,
    name: row.own_name ?? (row.said_name || null),
    tags: JSON.parse(row.tags) as string[],
    created: row.created,
    online,
    lastSeen: online || row.seen === 0 ? null : row.seen,
    address: row.address,
    agent: row.agent,
    version: row.said_version,
    ports,
    httpPort,
    sshPort,
    vncPort,
    rdpPort,
  };
}

function full(row: FullRow): FleetDevice {
  return {
    ...listed(row),
    number: row.number,
    since: Math.max(row.created, row.moved),
    revision: row.version,
    description: row.description,
    notes: row.notes,
    createdBy: row.created_by,
    lastConnect: row.last_connect,
    connects: row.connects,
    bytesFrom: row.bytes_from,
    bytesTo: row.bytes_to,
    systemProperties: JSON.parse(row.said) as Record<string, string>,
    userProperties: JSON.parse(row.properties) as Record<string, string>,
    refused:
      row.refused === null
        ? null
        : { time: row.refused, reason: row.refused_reason ?? '', address: row.refused_address ?? '' },
    duplicateNoticed: row.duplicate_noticed,
  };
}
