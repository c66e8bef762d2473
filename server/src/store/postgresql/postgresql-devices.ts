import { randomBytes } from 'node:crypto';
import type {
  CertificatesSince,
  Change,
  DeviceCredentials,
  DeviceFilter,
  DeviceIdentity,
  DeviceInDomain,
  DeviceKey,
  DeviceRecord,
  DeviceSecrets,
  Devices,
  NewDevice,
  TunnelEnd,
  TunnelEndCause,
} from 'rm-reflector/ports';
import { bounded, type Database, type Transaction, type Value } from './database.ts';
import type { Notes } from './notes.ts';
import type { PostgresqlChanges } from './postgresql-changes.ts';
import { changeOf, type Hashed } from './postgresql-sessions.ts';
import { beforeNul, hasNul } from './text.ts';

interface CredentialsRow {
  readonly id: string;
  readonly uid: string;
  readonly domain: string;
  readonly claimed: boolean;
  readonly password: string;
  readonly digest_sha256: string | null;
  readonly digest_md5: string | null;
  readonly fingerprint: Buffer | null;
  readonly certificates_since: number | null;
  readonly address: string;
  readonly refused: number | null;
}

interface Row extends CredentialsRow {
  readonly created: number;
  readonly handed_over: boolean;
  readonly online: boolean;
  readonly properties: string;
  readonly agent: string;
  readonly connects: number;
  readonly last_connect: number | null;
  readonly last_seen: number | null;
  readonly end_cause: TunnelEndCause | null;
  readonly end_reason: string | null;
  readonly end_by: string | null;
  readonly bytes_from: number;
  readonly bytes_to: number;
  readonly duplicate_noticed: number | null;
  readonly refused_reason: string | null;
  readonly refused_address: string | null;
}

const credentialColumns = `id, uid, domain, claimed, password, digest_sha256, digest_md5, fingerprint,
  certificates_since, address, refused`;
const columns = `${credentialColumns}, created, handed_over, online, properties, agent, connects, last_connect, last_seen,
  end_cause, end_reason, end_by, bytes_from, bytes_to, duplicate_noticed, refused_reason, refused_address`;

function credentials(row: CredentialsRow): DeviceCredentials {
  return {
    id: row.id,
    uid: row.uid,
    domain: row.domain,
    claimed: row.claimed,
    password: row.password,
    digestSha256: row.digest_sha256,
    digestMd5: row.digest_md5,
    fingerprint: row.fingerprint,
    certificatesSince: row.certificates_since,
    address: row.address,
    refused: row.refused,
  };
}

function endOf({ end_cause, end_reason, end_by }: Row): TunnelEnd | null {
  if (end_cause === null) return null;
  return { cause: end_cause, reason: end_reason ?? '', ...(end_by === null ? {} : { by: end_by }) };
}

function record(row: Row): DeviceRecord {
  return {
    ...credentials(row),
    created: row.created,
    handedOver: row.handed_over,
    online: row.online,
    properties: JSON.parse(row.properties) as Record<string, string>,
    agent: row.agent,
    connects: row.connects,
    lastConnect: row.last_connect,
    lastSeen: row.last_seen,
    lastEnd: endOf(row),
    bytesFrom: row.bytes_from,
    bytesTo: row.bytes_to,
    duplicateNoticed: row.duplicate_noticed,
    refusedReason: row.refused_reason,
    refusedAddress: row.refused_address,
  };
}

/** Of devices behind `$1`; gives the last one of them, `null` when there was none. */
const setOffline = `WITH portion AS (
    SELECT id FROM rm_reflector.devices WHERE online AND id > $1 ORDER BY id LIMIT 1000),
  changed AS (UPDATE rm_reflector.devices AS d SET online = false FROM portion AS p WHERE d.id = p.id)
  SELECT max(id) AS last FROM portion`;

/** How long it is remembered that an id was given up, ms: browsers keep what devices leave in them no longer. */
const formerMs = 400 * 24 * 3600_000;

/** Certificates may be this much older than the record of a device whose id nobody had before, ms. */
const certificateHeadStartMs = 24 * 3600_000;

/** `$1`: domains, `null` for all; `$2`: ids. */
const ofSome = '($1::text[] IS NULL OR domain = ANY ($1) OR id = ANY ($2::text[]))';
const lists = ({ domains, devices = [] }: DeviceFilter): [string[] | null, string[]] => [
  domains?.filter((domain) => !hasNul(domain)) ?? null,
  devices.filter((id) => !hasNul(id)),
];

export class PostgresqlDevices implements Devices {
  readonly #database: Database;
  readonly #changes: PostgresqlChanges;
  readonly #notes: Notes;

  constructor(database: Database, changes: PostgresqlChanges, notes: Notes) {
    this.#database = database;
    this.#changes = changes;
    this.#notes = notes;
  }

  async get(id: string): Promise<DeviceRecord | null> {
    const [row] = await this.#database.read<Row>(
      `SELECT ${columns} FROM rm_reflector.devices WHERE id = $1`,
      id,
    );
    return row ? record(row) : null;
  }

  async credentials(id: string): Promise<DeviceCredentials | null> {
    const select = `SELECT ${credentialColumns} FROM rm_reflector.devices WHERE id = $1`;
    const [row] = await this.#database.read<CredentialsRow>(select, id);
    return row ? credentials(row) : null;
  }

  async identity(id: string): Promise<DeviceIdentity | null> {
    const [row] = await this.#database.read<DeviceIdentity>(
      `SELECT id, uid, domain, handed_over AS "handedOver" FROM rm_reflector.devices WHERE id = $1 AND claimed`,
      id,
    );
    return row ?? null;
  }

  async page(filter: DeviceFilter, after: string, limit: number): Promise<DeviceRecord[]> {
    const { domains, devices = [], claimed } = filter;
    const [start, most] = [beforeNul(after), bounded(limit)];
    const condition = claimed ? 'claimed' : 'NOT claimed';
    if (domains === null) {
      const rows = await this.#database.read<Row>(
        `SELECT ${columns} FROM rm_reflector.devices WHERE ${condition} AND id > $1 ORDER BY id LIMIT $2`,
        start,
        most,
      );
      return rows.map(record);
    }
    if (domains.length === 0 && devices.length === 0) return [];
    const rows = await this.#database.read<Row>(
      `SELECT ${columns} FROM rm_reflector.devices WHERE ${condition} AND ${ofSome} AND id > $3 ORDER BY id LIMIT $4`,
      ...lists(filter),
      start,
      most,
    );
    return rows.map(record);
  }

  async count(filter: DeviceFilter): Promise<number> {
    const [row] = await this.#database.read<{ count: number }>(
      `SELECT count(*) FROM rm_reflector.devices WHERE claimed = $3 AND ${ofSome}`,
      ...lists(filter),
      filter.claimed,
    );
    return row?.count ?? 0;
  }

  async add(
    device: NewDevice,
    now: number,
    certificatesSince: CertificatesSince,
    most = Number.POSITIVE_INFINITY,
  ): Promise<'added' | 'taken' | 'full'> {
    const count = 'SELECT count(*) FROM rm_reflector.devices WHERE claimed AND domain = $1';
    return this.#changes.transact(async (transaction, changed) => {
      if (most < Number.POSITIVE_INFINITY) {
        const [row] = await transaction.query<{ count: number }>(count, device.domain);
        if (row && row.count >= most) return 'full';
      }
      const taken = await addAll(transaction, changed, [device], now, certificatesSince);
      return taken.length === 0 ? 'added' : 'taken';
    });
  }

  async addAll(
    devices: readonly NewDevice[],
    now: number,
    certificatesSince: CertificatesSince,
  ): Promise<string[]> {
    if (devices.length === 0) return [];
    return this.#changes.transact((transaction, changed) =>
      addAll(transaction, changed, devices, now, certificatesSince),
    );
  }

  async setSecrets(
    id: string,
    { password, digestSha256, digestMd5 }: DeviceSecrets,
    now: number,
    certificatesSince: CertificatesSince,
    only?: DeviceInDomain,
  ): Promise<boolean> {
    return this.#change(
      id,
      `UPDATE rm_reflector.devices SET password = $2, digest_sha256 = $3, digest_md5 = $4, fingerprint = NULL,
         certificates_since = CASE WHEN $5 THEN greatest($6, coalesce(
           (SELECT removed FROM rm_reflector.former_devices AS f WHERE f.id = $1), 0)) ELSE $7 END
       WHERE id = $1 AND claimed AND (CAST($8 AS text) IS NULL OR (uid = $8 AND domain = $9))`,
      password,
      digestSha256,
      digestMd5,
      ...sinceOf(now, certificatesSince),
      only?.uid ?? null,
      only?.domain ?? null,
    );
  }

  async setFingerprint(id: string, hash: string, fingerprint: Buffer): Promise<void> {
    const update = 'UPDATE rm_reflector.devices SET fingerprint = $3 WHERE id = $1 AND password = $2';
    await this.#database.run(null, update, id, hash, fingerprint);
  }

  async countUnclaimed(network: string): Promise<{ all: number; ofNetwork: number }> {
    const [row] = await this.#database.read<{ all: number; ofNetwork: number }>(
      `SELECT count(*) AS "all", count(*) FILTER (WHERE network = $1) AS "ofNetwork"
       FROM rm_reflector.devices WHERE NOT claimed`,
      network,
    );
    return row ?? { all: 0, ofNetwork: 0 };
  }

  async addUnclaimed(
    { id, domain, password }: { readonly id: string; readonly domain: string; readonly password: string },
    { address, network }: { readonly address: string; readonly network: string },
    now: number,
    { all, ofNetwork }: { readonly all: number; readonly ofNetwork: number },
  ): Promise<boolean> {
    return this.#change(
      id,
      `INSERT INTO rm_reflector.devices
         (id, uid, domain, claimed, password, address, network, created, handed_over)
       SELECT $1, $2, $3, false, $4, $5, $6, $7, EXISTS (SELECT FROM rm_reflector.former_devices WHERE id = $1)
       WHERE (SELECT count(*) FROM rm_reflector.devices WHERE NOT claimed) < $8
         AND (SELECT count(*) FROM rm_reflector.devices WHERE NOT claimed AND network = $6) < $9
       ON CONFLICT DO NOTHING`,
      makeUid(),
      domain,
      password,
      address,
      network,
      now,
      all,
      ofNetwork,
    );
  }

  async claim(id: string, domain: string): Promise<boolean> {
    const claim = `UPDATE rm_reflector.devices AS d SET claimed = true, handed_over = d.handed_over OR ${takesHost('d.id')}
       WHERE d.id = $1 AND d.domain = $2 AND NOT d.claimed`;
    return this.#changes.transact(async ({ run, query }, changed) => {
      if ((await run(claim, id, domain)) === 0) return false;
      changed({ kind: 'device', key: id });
      await endPortSessions(query, changed, [id]);
      return true;
    });
  }

  async remove(id: string, now: number, only?: DeviceInDomain): Promise<boolean> {
    return this.#changes.transact(async ({ run, query }, changed) => {
      if (only) {
        const isIn = 'SELECT FROM rm_reflector.devices WHERE id = $1 AND uid = $2 AND domain = $3';
        if ((await query(isIn, id, only.uid, only.domain)).length === 0) return false;
      }
      await run('DELETE FROM rm_reflector.former_devices WHERE removed < $1', now - formerMs);
      // What was never claimed had no owner.
      await run(
        `INSERT INTO rm_reflector.former_devices
           SELECT id, $2 FROM rm_reflector.devices WHERE id = $1 AND claimed
         ON CONFLICT (id) DO UPDATE SET removed = excluded.removed`,
        id,
        now,
      );
      // On the hosts `ID` and `ID-PORT`, and on the one that devices share.
      const host = "ltrim(device, '*')";
      const ended = await query<Hashed>(
        `DELETE FROM rm_reflector.sessions WHERE kind = 'device' AND (${host} = $1 OR (${deviceOfPort(host)} = $1
           AND NOT EXISTS (SELECT FROM rm_reflector.devices AS x WHERE x.id = ${host} AND x.claimed))) RETURNING hash`,
        id,
      );
      const removed = await run('DELETE FROM rm_reflector.devices WHERE id = $1', id);
      if (removed > 0) changed({ kind: 'device', key: id });
      for (const one of ended) changed(changeOf(one));
      return removed > 0;
    });
  }

  async noteConnected(
    device: DeviceKey,
    now: number,
    facts: {
      address: string;
      agent: string;
      properties: Readonly<Record<string, string>>;
      generation?: number;
    },
  ): Promise<void> {
    const { address, agent, generation } = facts;
    const properties = JSON.stringify(facts.properties);
    const note = { online: true, connects: 1, lastConnect: now, address, agent, properties, end: null };
    await this.#notes.device(device, { ...note, generation });
  }

  async noteDisconnected(
    device: DeviceKey,
    now: number,
    { cause, reason, by }: TunnelEnd,
    generation?: number,
  ): Promise<void> {
    const end = { cause, reason, by: by ?? null };
    await this.#notes.device(device, { online: false, lastSeen: now, end, generation });
  }

  async noteAllOffline(): Promise<void> {
    // In portions, each of which takes less than a statement may.
    for (let after: string | null = ''; after !== null; ) {
      const [portion]: { readonly last: string | null }[] = await this.#database.transact(
        'changes',
        ({ query }) => query(setOffline, after),
      );
      after = portion?.last ?? null;
    }
  }

  async setProperties(device: DeviceKey, properties: Readonly<Record<string, string>>): Promise<void> {
    await this.#notes.device(device, { properties: JSON.stringify(properties) });
  }

  async addTraffic(device: DeviceKey, bytesFrom: number, bytesTo: number): Promise<void> {
    await this.#notes.device(device, { bytesFrom, bytesTo });
  }

  async noteDuplicate(device: DeviceKey, now: number): Promise<void> {
    await this.#notes.device(device, { duplicate: now });
  }

  async noteRefused(
    device: DeviceKey,
    now: number,
    { reason, address }: { reason: string; address: string },
  ): Promise<void> {
    await this.#notes.device(device, { refused: { at: now, reason, address } });
  }

  async #change(id: string, sql: string, ...values: Value[]): Promise<boolean> {
    return this.#changes.transact(async ({ run }, changed) => {
      const done = (await run(sql, id, ...values)) > 0;
      if (done) changed({ kind: 'device', key: id });
      return done;
    });
  }
}

const deviceOfPort = (id: string) => `substring(${id} FROM '^(.+)-[0-9]{1,5}$')`;

/** SQL: whether the host of a device with this id was that of a port of another one, present or former. */
function takesHost(id: string): string {
  const other = deviceOfPort(id);
  return `(EXISTS (SELECT FROM rm_reflector.devices AS x WHERE x.id = ${other} AND x.claimed)
    OR EXISTS (SELECT FROM rm_reflector.former_devices AS x WHERE x.id = ${other}))`;
}

/** What was logged in on hosts that were of ports of other devices was for those. */
async function endPortSessions(
  query: Transaction['query'],
  changed: (change: Change) => void,
  ids: readonly string[],
): Promise<void> {
  const hosts = ids.filter((id) => /-\d{1,5}$/.test(id));
  if (hosts.length === 0) return;
  const ended = await query<Hashed>(
    "DELETE FROM rm_reflector.sessions WHERE kind = 'device' AND ltrim(device, '*') = ANY ($1::text[]) RETURNING hash",
    hosts,
  );
  for (const one of ended) changed(changeOf(one));
}

/** Whether it is the default, that as of a day before, and what is given. */
function sinceOf(now: number, given: CertificatesSince): [boolean, number, number | null] {
  return given === 'default' ? [true, now - certificateHeadStartMs, null] : [false, 0, given];
}

/** Within a transaction of changes: all of them, or none when ids are taken, which are returned. */
async function addAll(
  { query, run }: Transaction,
  changed: (change: Change) => void,
  devices: readonly NewDevice[],
  now: number,
  certificatesSince: CertificatesSince,
): Promise<string[]> {
  // An id that comes twice is added once, as it came first.
  const first = new Map<string, NewDevice>();
  for (const device of devices) if (!first.has(device.id)) first.set(device.id, device);
  const all = [...first.values()];
  const ids = all.map(({ id }) => id);
  const select = 'SELECT id FROM rm_reflector.devices WHERE id = ANY ($1::text[]) AND claimed';
  const taken = new Set((await query<{ id: string }>(select, ids)).map(({ id }) => id));
  if (taken.size > 0) return devices.map(({ id }) => id).filter((id) => taken.has(id));
  await run('DELETE FROM rm_reflector.devices WHERE id = ANY ($1::text[])', ids);
  await run(
    `INSERT INTO rm_reflector.devices
       (id, uid, domain, claimed, password, digest_sha256, digest_md5, created, certificates_since, handed_over)
     SELECT n.id, n.uid, n.domain, true, n.password, n.digest_sha256, n.digest_md5, $7,
       CASE WHEN $8 THEN greatest($9, coalesce(f.removed, 0)) ELSE $10 END, f.id IS NOT NULL OR ${takesHost('n.id')}
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         AS n (id, uid, domain, password, digest_sha256, digest_md5)
       LEFT JOIN rm_reflector.former_devices AS f ON f.id = n.id`,
    ids,
    all.map(makeUid),
    all.map(({ domain }) => domain),
    all.map(({ secrets }) => secrets.password),
    all.map(({ secrets }) => secrets.digestSha256),
    all.map(({ secrets }) => secrets.digestMd5),
    now,
    ...sinceOf(now, certificatesSince),
  );
  for (const key of ids) changed({ kind: 'device', key });
  await endPortSessions(query, changed, ids);
  return [];
}

function makeUid(): string {
  return randomBytes(8).toString('hex');
}
