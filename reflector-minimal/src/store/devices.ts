import { randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
import type {
  DeviceCredentials,
  DeviceIdentity,
  DeviceKey,
  DeviceRecord,
  DeviceSecrets,
  NewDevice,
} from '../ports/store.ts';

export type { DeviceCredentials, DeviceIdentity, DeviceKey, DeviceRecord, DeviceSecrets, NewDevice };

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

export class DeviceTable {
  readonly #database: Database.Database;
  readonly #changed: () => void;
  readonly #get: Database.Statement<[string]>;
  readonly #credentials: Database.Statement<[string]>;
  readonly #identity: Database.Statement<[string]>;

  constructor(database: Database.Database, changed: () => void) {
    this.#database = database;
    this.#changed = changed;
    this.#get = database.prepare('SELECT * FROM devices WHERE id = ?');
    this.#credentials = database.prepare(`SELECT ${credentialColumns} FROM devices WHERE id = ?`);
    this.#identity = database.prepare(
      'SELECT id, uid, domain, handed_over FROM devices WHERE id = ? AND claimed = 1',
    );
  }

  get(id: string): DeviceRecord | null {
    const row = this.#get.get(id) as Row | undefined;
    return row ? record(row) : null;
  }

  /** Without the cost of its properties: as quick for any device, and for none. */
  credentials(id: string): DeviceCredentials | null {
    const row = this.#credentials.get(id) as CredentialsRow | undefined;
    return row ? credentials(row) : null;
  }

  /** Of a claimed device, without the cost of its properties. */
  identity(id: string): DeviceIdentity | null {
    const row = this.#identity.get(id) as (DeviceKey & { domain: string; handed_over: number }) | undefined;
    return row ? { id: row.id, uid: row.uid, domain: row.domain, handedOver: row.handed_over === 1 } : null;
  }

  /** All devices by id, unclaimed ones last. */
  list(): DeviceRecord[] {
    const rows = this.#database.prepare('SELECT * FROM devices ORDER BY claimed DESC, id').all() as Row[];
    return rows.map(record);
  }

  /**
   * Claimed devices by id, those after `after`, at most `limit`. `domains`: of these alone; `null`: of all. Properties are
   * read only for what is returned.
   */
  page(domains: readonly string[] | null, after: string, limit: number): DeviceRecord[] {
    if (domains === null) {
      const all = this.#database.prepare(
        'SELECT * FROM devices WHERE claimed = 1 AND id > ? ORDER BY id LIMIT ?',
      );
      return (all.all(after, limit) as Row[]).map(record);
    }
    if (domains.length === 0) return [];
    const some = this.#database.prepare(
      `SELECT * FROM devices WHERE id IN
         (SELECT id FROM devices INDEXED BY devices_of_domain
          WHERE claimed = 1 AND domain IN (SELECT value FROM json_each(?)) AND id > ? ORDER BY id LIMIT ?)
       ORDER BY id`,
    );
    return (some.all(JSON.stringify(domains), after, limit) as Row[]).map(record);
  }

  /** How many devices wait to be claimed. */
  countUnclaimed(): number {
    const count = this.#database.prepare('SELECT count(*) FROM devices WHERE claimed = 0');
    return count.pluck().get() as number;
  }

  /**
   * False when the id is taken by a claimed device; an unclaimed one gives way. `certificatesSince`: as in
   * {@link DeviceCredentials}; `default` takes certificates of up to a day before, but none from before the id was last
   * given up: that one is its former owner's.
   */
  add(
    id: string,
    domain: string,
    secrets: DeviceSecrets,
    now: number,
    certificatesSince: number | 'default' | null = null,
  ): boolean {
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
        const handedOver = former === null ? 0 : 1;
        return this.#done(insert.run({ id, uid: makeUid(), domain, now, since, handedOver, ...secrets }));
      })
      .immediate();
  }

  /** All of them, or none when ids are taken: these are given then. The rest is as for {@link add}. */
  addAll(devices: readonly NewDevice[], now: number, certificatesSince: number | 'default' | null): string[] {
    const isTaken = this.#database.prepare('SELECT 1 FROM devices WHERE id = ? AND claimed = 1');
    return this.#database
      .transaction(() => {
        const taken = devices.filter(({ id }) => isTaken.get(id) !== undefined).map(({ id }) => id);
        if (taken.length > 0) return taken;
        for (const { id, domain, secrets } of devices) this.add(id, domain, secrets, now, certificatesSince);
        return [];
      })
      .immediate();
  }

  /** Another password, or certificates in place of any; false when no claimed device has this id. */
  setSecrets(
    id: string,
    secrets: DeviceSecrets,
    now: number,
    certificatesSince: number | 'default' | null,
  ): boolean {
    const update = this.#database.prepare(
      `UPDATE devices SET password = @password, digest_sha256 = @digestSha256, digest_md5 = @digestMd5,
         fingerprint = NULL, certificates_since = @certificatesSince WHERE id = @id AND claimed = 1`,
    );
    const since = this.#sinceOf(id, now, certificatesSince);
    return this.#done(update.run({ id, certificatesSince: since, ...secrets }));
  }

  /** `hash`: the password hash that it goes with; nothing happens when the device has another by now. */
  setFingerprint(id: string, hash: string, fingerprint: Buffer): void {
    this.#database
      .prepare('UPDATE devices SET fingerprint = ? WHERE id = ? AND password = ?')
      .run(fingerprint, id, hash);
  }

  /** Remembers an unknown device; false when the id is known or `limit` devices wait already. */
  addUnclaimed(
    id: string,
    domain: string,
    { password, address }: { readonly password: string; readonly address: string },
    now: number,
    limit: number,
  ): boolean {
    const insert = this.#database.prepare(
      `INSERT OR IGNORE INTO devices (id, uid, domain, claimed, password, address, created, handed_over)
       SELECT ?, ?, ?, 0, ?, ?, ?, EXISTS (SELECT 1 FROM former_devices WHERE id = ?)
       WHERE (SELECT count(*) FROM devices WHERE claimed = 0) < ?`,
    );
    return this.#done(insert.run(id, makeUid(), domain, password, address, now, id, limit));
  }

  /** Where the devices come from that wait for being claimed. */
  unclaimedAddresses(): string[] {
    const select = this.#database.prepare('SELECT address FROM devices WHERE claimed = 0');
    return select.pluck().all() as string[];
  }

  /** False when no unclaimed device of this domain has this id. */
  claim(id: string, domain: string): boolean {
    const claim = this.#database.prepare(
      'UPDATE devices SET claimed = 1 WHERE id = ? AND domain = ? AND claimed = 0',
    );
    return this.#done(claim.run(id, domain));
  }

  /** With the sessions of browsers on its hosts. False when there is no such device. */
  remove(id: string, now: number): boolean {
    return this.#database
      .transaction(() => {
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
            `DELETE FROM sessions WHERE kind = 'device'
             AND (ltrim(device, '*') = @id OR ltrim(device, '*') GLOB @id || '-[0-9]*')`,
          )
          .run({ id });
        return this.#done(this.#database.prepare('DELETE FROM devices WHERE id = ?').run(id));
      })
      .immediate();
  }

  noteConnected(
    { id, uid }: DeviceKey,
    now: number,
    facts: { address: string; agent: string; properties: Readonly<Record<string, string>> },
  ): void {
    this.#database
      .prepare(
        `UPDATE devices SET online = 1, connects = connects + 1, last_connect = ?, address = ?, agent = ?,
         properties = ? WHERE id = ? AND uid = ?`,
      )
      .run(now, facts.address, facts.agent, JSON.stringify(facts.properties), id, uid);
  }

  noteDisconnected({ id, uid }: DeviceKey, now: number): void {
    this.#database
      .prepare('UPDATE devices SET online = 0, last_seen = ? WHERE id = ? AND uid = ?')
      .run(now, id, uid);
  }

  /** At the start of a reflector nothing is connected, whatever a crash has left behind. */
  noteAllOffline(): void {
    this.#database.prepare('UPDATE devices SET online = 0 WHERE online = 1').run();
  }

  setProperties({ id, uid }: DeviceKey, properties: Readonly<Record<string, string>>): void {
    this.#database
      .prepare('UPDATE devices SET properties = ? WHERE id = ? AND uid = ?')
      .run(JSON.stringify(properties), id, uid);
  }

  addTraffic({ id, uid }: DeviceKey, bytesFrom: number, bytesTo: number): void {
    this.#database
      .prepare(
        'UPDATE devices SET bytes_from = bytes_from + ?, bytes_to = bytes_to + ? WHERE id = ? AND uid = ?',
      )
      .run(bytesFrom, bytesTo, id, uid);
  }

  noteDuplicate({ id, uid }: DeviceKey, now: number): void {
    this.#database
      .prepare('UPDATE devices SET duplicate_noticed = ? WHERE id = ? AND uid = ?')
      .run(now, id, uid);
  }

  /** Somebody was refused who claimed to be this device. */
  noteRefused({ id, uid }: DeviceKey, now: number, facts: { reason: string; address: string }): void {
    this.#database
      .prepare(
        'UPDATE devices SET refused = ?, refused_reason = ?, refused_address = ? WHERE id = ? AND uid = ?',
      )
      .run(now, facts.reason, facts.address, id, uid);
  }

  #sinceOf(id: string, now: number, given: number | 'default' | null): number | null {
    if (given !== 'default') return given;
    return Math.max(now - certificateHeadStartMs, this.#formerlyUsed(id) ?? 0);
  }

  /** When the id was last given up; `null`: nobody had it. */
  #formerlyUsed(id: string): number | null {
    const select = this.#database.prepare('SELECT removed FROM former_devices WHERE id = ?');
    return (select.pluck().get(id) as number | undefined) ?? null;
  }

  #done(result: Database.RunResult): boolean {
    if (result.changes > 0) this.#changed();
    return result.changes > 0;
  }
}

function makeUid(): string {
  return randomBytes(8).toString('hex');
}
