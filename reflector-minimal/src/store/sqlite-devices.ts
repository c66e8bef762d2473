import { randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
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
} from '../ports/store.ts';
import type { TunnelEnd, TunnelEndCause } from '../ports/tunnel-end.ts';
import { bounded } from './statements.ts';

interface CredentialsRow {
  id: string;
  uid: string;
  domain: string;
  claimed: number;
  password: string;
  digest_sha256: string | null;
  digest_md5: string | null;
  fingerprint: Buffer | null;
  certificates_since: number | null;
  address: string;
  refused: number | null;
}

interface Row extends CredentialsRow {
  created: number;
  handed_over: number;
  online: number;
  properties: string;
  agent: string;
  connects: number;
  last_connect: number | null;
  last_seen: number | null;
  end_cause: TunnelEndCause | null;
  end_reason: string | null;
  end_by: string | null;
  bytes_from: number;
  bytes_to: number;
  duplicate_noticed: number | null;
  refused_reason: string | null;
  refused_address: string | null;
}

const credentialColumns = `id, uid, domain, claimed, password, digest_sha256, digest_md5, fingerprint,
  certificates_since, address, refused`;

function credentials(row: CredentialsRow): DeviceCredentials {
  return {
    id: row.id,
    uid: row.uid,
    domain: row.domain,
    claimed: row.claimed === 1,
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
    handedOver: row.handed_over === 1,
    online: row.online === 1,
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

/** How long it is remembered that an id was given up, ms: browsers keep what devices leave in them no longer. */
const formerMs = 400 * 24 * 3600_000;

/** Certificates may be this much older than the record of a device whose id nobody had before, ms. */
const certificateHeadStartMs = 24 * 3600_000;

/** A condition, and what its parameters are bound to. */
const ofSome =
  '(domain IN (SELECT value FROM json_each(@domains)) OR id IN (SELECT value FROM json_each(@devices)))';
const lists = (domains: readonly string[], devices: readonly string[]) => ({
  domains: JSON.stringify(domains),
  devices: JSON.stringify(devices),
});

export class SqliteDevices implements Devices {
  readonly #database: Database.Database;
  readonly #changed: (change: Change) => void;
  readonly #select: Database.Statement<[string]>;
  readonly #selectCredentials: Database.Statement<[string]>;
  readonly #selectIdentity: Database.Statement<[string]>;

  constructor(database: Database.Database, changed: (change: Change) => void) {
    this.#database = database;
    this.#changed = changed;
    this.#select = database.prepare('SELECT * FROM devices WHERE id = ?');
    this.#selectCredentials = database.prepare(`SELECT ${credentialColumns} FROM devices WHERE id = ?`);
    this.#selectIdentity = database.prepare(
      'SELECT id, uid, domain, handed_over FROM devices WHERE id = ? AND claimed = 1',
    );
  }

  async get(id: string): Promise<DeviceRecord | null> {
    const row = this.#select.get(id) as Row | undefined;
    return row ? record(row) : null;
  }

  async credentials(id: string): Promise<DeviceCredentials | null> {
    const row = this.#selectCredentials.get(id) as CredentialsRow | undefined;
    return row ? credentials(row) : null;
  }

  async identity(id: string): Promise<DeviceIdentity | null> {
    const row = this.#selectIdentity.get(id) as
      | (DeviceKey & { domain: string; handed_over: number })
      | undefined;
    return row ? { id: row.id, uid: row.uid, domain: row.domain, handedOver: row.handed_over === 1 } : null;
  }

  async page(filter: DeviceFilter, after: string, limit: number): Promise<DeviceRecord[]> {
    const { domains, devices = [], claimed } = filter;
    if (domains === null) {
      const all = this.#database.prepare(
        'SELECT * FROM devices WHERE claimed = ? AND id > ? ORDER BY id LIMIT ?',
      );
      return (all.all(claimed ? 1 : 0, after, bounded(limit)) as Row[]).map(record);
    }
    if (domains.length === 0 && devices.length === 0) return [];
    const some = this.#database.prepare(
      claimed
        ? `SELECT * FROM devices WHERE id IN
             (SELECT id FROM devices INDEXED BY devices_of_domain
              WHERE claimed = 1 AND domain IN (SELECT value FROM json_each(@domains)) AND id > @after
              UNION SELECT id FROM devices
              WHERE claimed = 1 AND id IN (SELECT value FROM json_each(@devices)) AND id > @after
              ORDER BY id LIMIT @limit)
           ORDER BY id`
        : `SELECT * FROM devices WHERE claimed = 0 AND ${ofSome} AND id > @after ORDER BY id LIMIT @limit`,
    );
    return (some.all({ ...lists(domains, devices), after, limit: bounded(limit) }) as Row[]).map(record);
  }

  async count({ domains, devices = [], claimed }: DeviceFilter): Promise<number> {
    const those = domains === null ? '' : `AND ${ofSome}`;
    const count = this.#database.prepare(`SELECT count(*) FROM devices WHERE claimed = @claimed ${those}`);
    const values = domains === null ? {} : lists(domains, devices);
    return count.pluck().get({ claimed: claimed ? 1 : 0, ...values }) as number;
  }

  async add(
    device: NewDevice,
    now: number,
    certificatesSince: CertificatesSince,
    most = Number.POSITIVE_INFINITY,
  ): Promise<'added' | 'taken' | 'full'> {
    const count = this.#database.prepare('SELECT count(*) FROM devices WHERE claimed = 1 AND domain = ?');
    return this.#database
      .transaction(() => {
        if (most < Number.POSITIVE_INFINITY && (count.pluck().get(device.domain) as number) >= most)
          return 'full';
        return this.#add(device, now, certificatesSince) ? 'added' : 'taken';
      })
      .immediate();
  }

  async addAll(
    devices: readonly NewDevice[],
    now: number,
    certificatesSince: CertificatesSince,
  ): Promise<string[]> {
    const isTaken = this.#database.prepare('SELECT 1 FROM devices WHERE id = ? AND claimed = 1');
    return this.#database
      .transaction(() => {
        const taken = devices.filter(({ id }) => isTaken.get(id) !== undefined).map(({ id }) => id);
        if (taken.length > 0) return taken;
        for (const device of devices) this.#add(device, now, certificatesSince);
        return [];
      })
      .immediate();
  }

  async setSecrets(
    id: string,
    secrets: DeviceSecrets,
    now: number,
    certificatesSince: CertificatesSince,
    only?: DeviceInDomain,
  ): Promise<boolean> {
    const update = this.#database.prepare(
      `UPDATE devices SET password = @password, digest_sha256 = @digestSha256, digest_md5 = @digestMd5,
         fingerprint = NULL, certificates_since = @certificatesSince WHERE id = @id AND claimed = 1`,
    );
    return this.#database
      .transaction(() => {
        if (only && !this.#isIn(id, only)) return false;
        const since = this.#sinceOf(id, now, certificatesSince);
        return this.#done(id, update.run({ id, certificatesSince: since, ...secrets }));
      })
      .immediate();
  }

  async setFingerprint(id: string, hash: string, fingerprint: Buffer): Promise<void> {
    this.#database
      .prepare('UPDATE devices SET fingerprint = ? WHERE id = ? AND password = ?')
      .run(fingerprint, id, hash);
  }

  async countUnclaimed(network: string): Promise<{ all: number; ofNetwork: number }> {
    const count = this.#database.prepare(
      `SELECT count(*) AS "all", count(*) FILTER (WHERE network = ?) AS ofNetwork FROM devices WHERE claimed = 0`,
    );
    return count.get(network) as { all: number; ofNetwork: number };
  }

  async addUnclaimed(
    { id, domain, password }: { readonly id: string; readonly domain: string; readonly password: string },
    { address, network }: { readonly address: string; readonly network: string },
    now: number,
    { all, ofNetwork }: { readonly all: number; readonly ofNetwork: number },
  ): Promise<boolean> {
    const insert = this.#database.prepare(
      `INSERT OR IGNORE INTO devices (id, uid, domain, claimed, password, address, network, created, handed_over)
       SELECT @id, @uid, @domain, 0, @password, @address, @network, @now,
         EXISTS (SELECT 1 FROM former_devices WHERE id = @id)
       WHERE (SELECT count(*) FROM devices WHERE claimed = 0) < @all
         AND (SELECT count(*) FROM devices WHERE claimed = 0 AND network = @network) < @ofNetwork`,
    );
    const uid = makeUid();
    return this.#done(id, insert.run({ id, uid, domain, password, address, network, now, all, ofNetwork }));
  }

  async claim(id: string, domain: string): Promise<boolean> {
    const claim = this.#database.prepare(
      'UPDATE devices SET claimed = 1, handed_over = max(handed_over, ?) WHERE id = ? AND domain = ? AND claimed = 0',
    );
    return this.#database
      .transaction(() => {
        const takes = this.#database
          .prepare('SELECT 1 FROM devices WHERE id = ? AND domain = ? AND claimed = 0')
          .get(id, domain);
        const handedOver = takes !== undefined && this.#takeHost(id) ? 1 : 0;
        return this.#done(id, claim.run(handedOver, id, domain));
      })
      .immediate();
  }

  async remove(id: string, now: number, only?: DeviceInDomain): Promise<boolean> {
    return this.#database
      .transaction(() => {
        if (only && !this.#isIn(id, only)) return false;
        this.#database.prepare('DELETE FROM former_devices WHERE removed < ?').run(now - formerMs);
        // What was never claimed had no owner.
        this.#database
          .prepare(
            `INSERT INTO former_devices SELECT id, ? FROM devices WHERE id = ? AND claimed = 1
             ON CONFLICT DO UPDATE SET removed = excluded.removed`,
          )
          .run(now, id);
        // On the hosts `ID` and `ID-PORT`, and on the one that devices share (`isolation/shared-host.ts`).
        this.#database
          .prepare(
            `DELETE FROM sessions WHERE kind = 'device' AND (ltrim(device, '*') = @id
             OR (ltrim(device, '*') GLOB @id || '-[0-9]*' AND length(ltrim(device, '*')) <= length(@id) + 6
               AND substr(ltrim(device, '*'), length(@id) + 2) NOT GLOB '*[^0-9]*'
               AND NOT EXISTS (SELECT 1 FROM devices AS x WHERE x.id = ltrim(device, '*') AND x.claimed = 1)))`,
          )
          .run({ id });
        return this.#done(id, this.#database.prepare('DELETE FROM devices WHERE id = ?').run(id));
      })
      .immediate();
  }

  async noteConnected(
    { id, uid }: DeviceKey,
    now: number,
    facts: { address: string; agent: string; properties: Readonly<Record<string, string>> },
  ): Promise<void> {
    this.#database
      .prepare(
        `UPDATE devices SET online = 1, connects = connects + 1, last_connect = ?, address = ?, agent = ?,
         properties = ?, end_cause = NULL, end_reason = NULL, end_by = NULL WHERE id = ? AND uid = ?`,
      )
      .run(now, facts.address, facts.agent, JSON.stringify(facts.properties), id, uid);
  }

  async noteDisconnected(
    { id, uid }: DeviceKey,
    now: number,
    { cause, reason, by }: TunnelEnd,
  ): Promise<void> {
    this.#database
      .prepare(
        `UPDATE devices SET online = 0, last_seen = ?, end_cause = ?, end_reason = ?, end_by = ?
         WHERE id = ? AND uid = ?`,
      )
      .run(now, cause, reason, by ?? null, id, uid);
  }

  async noteAllOffline(): Promise<void> {
    this.#database.prepare('UPDATE devices SET online = 0 WHERE online = 1').run();
  }

  async setProperties({ id, uid }: DeviceKey, properties: Readonly<Record<string, string>>): Promise<void> {
    this.#database
      .prepare('UPDATE devices SET properties = ? WHERE id = ? AND uid = ?')
      .run(JSON.stringify(properties), id, uid);
  }

  async addTraffic({ id, uid }: DeviceKey, bytesFrom: number, bytesTo: number): Promise<void> {
    this.#database
      .prepare(
        'UPDATE devices SET bytes_from = bytes_from + ?, bytes_to = bytes_to + ? WHERE id = ? AND uid = ?',
      )
      .run(bytesFrom, bytesTo, id, uid);
  }

  async noteDuplicate({ id, uid }: DeviceKey, now: number): Promise<void> {
    this.#database
      .prepare('UPDATE devices SET duplicate_noticed = ? WHERE id = ? AND uid = ?')
      .run(now, id, uid);
  }

  async noteRefused(
    { id, uid }: DeviceKey,
    now: number,
    facts: { reason: string; address: string },
  ): Promise<void> {
    this.#database
      .prepare(
        'UPDATE devices SET refused = ?, refused_reason = ?, refused_address = ? WHERE id = ? AND uid = ?',
      )
      .run(now, facts.reason, facts.address, id, uid);
  }

  #add({ id, domain, secrets }: NewDevice, now: number, certificatesSince: CertificatesSince): boolean {
    return this.#database
      .transaction(() => {
        const former = this.#formerlyUsed(id);
        const since = this.#sinceOf(id, now, certificatesSince);
        this.#database.prepare('DELETE FROM devices WHERE id = ? AND claimed = 0').run(id);
        const insert = this.#database.prepare(
          `INSERT OR IGNORE INTO devices
             (id, uid, domain, claimed, password, digest_sha256, digest_md5, created, certificates_since, handed_over)
           VALUES
             (@id, @uid, @domain, 1, @password, @digestSha256, @digestMd5, @now, @since, @handedOver)`,
        );
        const takesHost = this.#takeHost(id);
        const handedOver = former !== null || takesHost ? 1 : 0;
        return this.#done(id, insert.run({ id, uid: makeUid(), domain, now, since, handedOver, ...secrets }));
      })
      .immediate();
  }

  #sinceOf(id: string, now: number, given: CertificatesSince): number | null {
    if (given !== 'default') return given;
    return Math.max(now - certificateHeadStartMs, this.#formerlyUsed(id) ?? 0);
  }

  /**
   * Whether the host of a device with this id was that of a port of another one, present or former. What was logged in there ends:
   * it was for that one.
   */
  #takeHost(id: string): boolean {
    const [, other] = /^(.+)-\d{1,5}$/.exec(id) ?? [];
    if (other === undefined) return false;
    const present = this.#database.prepare('SELECT 1 FROM devices WHERE id = ? AND claimed = 1').get(other);
    if (present === undefined) return this.#formerlyUsed(other) !== null;
    this.#database.prepare(`DELETE FROM sessions WHERE kind = 'device' AND ltrim(device, '*') = ?`).run(id);
    return true;
  }

  /** When the id was last given up; `null`: nobody had it. */
  #formerlyUsed(id: string): number | null {
    const select = this.#database.prepare('SELECT removed FROM former_devices WHERE id = ?');
    return (select.pluck().get(id) as number | undefined) ?? null;
  }

  #isIn(id: string, { uid, domain }: DeviceInDomain): boolean {
    const select = 'SELECT 1 FROM devices WHERE id = ? AND uid = ? AND domain = ?';
    return this.#database.prepare(select).get(id, uid, domain) !== undefined;
  }

  #done(id: string, result: Database.RunResult): boolean {
    if (result.changes > 0) this.#changed({ kind: 'device', key: id });
    return result.changes > 0;
  }
}

function makeUid(): string {
  return randomBytes(8).toString('hex');
}
