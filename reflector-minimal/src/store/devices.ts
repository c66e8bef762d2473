import type Database from 'better-sqlite3';

/** What a device proves itself by. */
export interface DeviceSecrets {
  /** Made by `hashPassword`. */
  readonly password: string;
  /** H(user:realm:password) of Digest (RFC 7616), hexadecimal; `null` unless the device was added for Digest. */
  readonly digestSha256: string | null;
  readonly digestMd5: string | null;
}

/** Times are wall-clock milliseconds, `null` for never. */
export interface DeviceRecord extends DeviceSecrets {
  readonly id: string;
  readonly domain: string;
  /** False while an unknown device waits for the operator. */
  readonly claimed: boolean;
  readonly created: number;
  readonly online: boolean;
  readonly properties: Readonly<Record<string, string>>;
  /** `User-Agent` of the last connection. */
  readonly agent: string;
  /** Address of the last connection. */
  readonly address: string;
  readonly connects: number;
  readonly lastConnect: number | null;
  /** When the last tunnel ended. */
  readonly lastSeen: number | null;
  readonly bytesFrom: number;
  readonly bytesTo: number;
  /** When two devices with this identity were last seen evicting each other. */
  readonly duplicateNoticed: number | null;
  /** HMAC of a password that needs no scrypt (`devices/fingerprints.ts`). */
  readonly fingerprint: Buffer | null;
}

interface Row {
  id: string;
  domain: string;
  claimed: number;
  password: string;
  digest_sha256: string | null;
  digest_md5: string | null;
  created: number;
  online: number;
  properties: string;
  agent: string;
  address: string;
  connects: number;
  last_connect: number | null;
  last_seen: number | null;
  bytes_from: number;
  bytes_to: number;
  duplicate_noticed: number | null;
  fingerprint: Buffer | null;
}

function record(row: Row): DeviceRecord {
  return {
    id: row.id,
    domain: row.domain,
    claimed: row.claimed === 1,
    password: row.password,
    digestSha256: row.digest_sha256,
    digestMd5: row.digest_md5,
    created: row.created,
    online: row.online === 1,
    properties: JSON.parse(row.properties) as Record<string, string>,
    agent: row.agent,
    address: row.address,
    connects: row.connects,
    lastConnect: row.last_connect,
    lastSeen: row.last_seen,
    bytesFrom: row.bytes_from,
    bytesTo: row.bytes_to,
    duplicateNoticed: row.duplicate_noticed,
    fingerprint: row.fingerprint,
  };
}

export class DeviceTable {
  readonly #database: Database.Database;
  readonly #changed: () => void;
  readonly #get: Database.Statement<[string]>;
  readonly #identity: Database.Statement<[string]>;

  constructor(database: Database.Database, changed: () => void) {
    this.#database = database;
    this.#changed = changed;
    this.#get = database.prepare('SELECT * FROM devices WHERE id = ?');
    this.#identity = database.prepare('SELECT domain, password FROM devices WHERE id = ? AND claimed = 1');
  }

  get(id: string): DeviceRecord | null {
    const row = this.#get.get(id) as Row | undefined;
    return row ? record(row) : null;
  }

  /** Domain and password hash of a claimed device, without the cost of its properties. */
  identity(id: string): { readonly domain: string; readonly password: string } | null {
    return (this.#identity.get(id) as { domain: string; password: string } | undefined) ?? null;
  }

  /** All devices by id, unclaimed ones last. */
  list(): DeviceRecord[] {
    const rows = this.#database.prepare('SELECT * FROM devices ORDER BY claimed DESC, id').all() as Row[];
    return rows.map(record);
  }

  /** False when the id is taken by a claimed device; an unclaimed one gives way. */
  add(id: string, domain: string, secrets: DeviceSecrets, now: number): boolean {
    const insert = this.#database.prepare(
      `INSERT INTO devices (id, domain, claimed, password, digest_sha256, digest_md5, created)
       VALUES (@id, @domain, 1, @password, @digestSha256, @digestMd5, @now)
       ON CONFLICT DO UPDATE SET domain = @domain, claimed = 1, password = @password,
         digest_sha256 = @digestSha256, digest_md5 = @digestMd5, fingerprint = NULL WHERE claimed = 0`,
    );
    return this.#done(insert.run({ id, domain, now, ...secrets }));
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
      `INSERT OR IGNORE INTO devices (id, domain, claimed, password, address, created)
       SELECT ?, ?, 0, ?, ?, ? WHERE (SELECT count(*) FROM devices WHERE claimed = 0) < ?`,
    );
    return this.#done(insert.run(id, domain, password, address, now, limit));
  }

  /** Where the devices come from that wait for being claimed. */
  unclaimedAddresses(): string[] {
    const select = this.#database.prepare('SELECT address FROM devices WHERE claimed = 0');
    return select.pluck().all() as string[];
  }

  /** False when no unclaimed device has this id. */
  claim(id: string): boolean {
    return this.#done(
      this.#database.prepare('UPDATE devices SET claimed = 1 WHERE id = ? AND claimed = 0').run(id),
    );
  }

  /** False when there is no such device. */
  remove(id: string): boolean {
    return this.#done(this.#database.prepare('DELETE FROM devices WHERE id = ?').run(id));
  }

  noteConnected(
    id: string,
    now: number,
    facts: { address: string; agent: string; properties: Readonly<Record<string, string>> },
  ): void {
    this.#database
      .prepare(
        `UPDATE devices SET online = 1, connects = connects + 1, last_connect = ?, address = ?, agent = ?,
         properties = ? WHERE id = ?`,
      )
      .run(now, facts.address, facts.agent, JSON.stringify(facts.properties), id);
  }

  noteDisconnected(id: string, now: number): void {
    this.#database.prepare('UPDATE devices SET online = 0, last_seen = ? WHERE id = ?').run(now, id);
  }

  /** At the start of a reflector nothing is connected, whatever a crash has left behind. */
  noteAllOffline(): void {
    this.#database.prepare('UPDATE devices SET online = 0 WHERE online = 1').run();
  }

  setProperties(id: string, properties: Readonly<Record<string, string>>): void {
    this.#database
      .prepare('UPDATE devices SET properties = ? WHERE id = ?')
      .run(JSON.stringify(properties), id);
  }

  addTraffic(id: string, bytesFrom: number, bytesTo: number): void {
    this.#database
      .prepare('UPDATE devices SET bytes_from = bytes_from + ?, bytes_to = bytes_to + ? WHERE id = ?')
      .run(bytesFrom, bytesTo, id);
  }

  noteDuplicate(id: string, now: number): void {
    this.#database.prepare('UPDATE devices SET duplicate_noticed = ? WHERE id = ?').run(now, id);
  }

  #done(result: Database.RunResult): boolean {
    if (result.changes > 0) this.#changed();
    return result.changes > 0;
  }
}
