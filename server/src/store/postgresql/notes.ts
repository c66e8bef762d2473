import { type DeviceKey, StoreUnavailable } from 'rm-reflector/ports';
import type { Database, Transaction } from './database.ts';
import type { PostgresqlLimits } from './limits.ts';
import { hasNul, withoutNul } from './text.ts';

/** What is noted of a device since the last batch; what is left out stays as it is. */
export interface DeviceNote {
  readonly online?: boolean;
  readonly connects?: number;
  readonly lastConnect?: number;
  readonly address?: string;
  readonly agent?: string;
  /** As JSON. */
  readonly properties?: string;
  readonly lastSeen?: number;
  /** `null`: the tunnel lasts. */
  readonly end?: { readonly cause: string; readonly reason: string; readonly by: string | null } | null;
  readonly bytesFrom?: number;
  readonly bytesTo?: number;
  readonly duplicate?: number;
  readonly refused?: { readonly at: number; readonly reason: string; readonly address: string };
  /** Of the tunnel that `online` is about. */
  readonly generation?: number | undefined;
}

type NotesLimits = Pick<PostgresqlLimits, 'batchMs' | 'batchRecords' | 'batchBytes'>;

/** What is written together. */
class Batch {
  readonly devices = new Map<string, DeviceKey & { readonly note: DeviceNote }>();
  /** By the hash of the session in hexadecimal, when it was used. */
  readonly sessions = new Map<string, number>();
  /** Of properties, which are what may be long in it; those that newer ones have replaced count too. */
  propertiesBytes = 0;
  readonly written: Promise<void>;
  /** With an error: it could not be written. */
  settle: (error?: unknown) => void = () => {};

  constructor() {
    this.written = new Promise((resolve, reject) => {
      this.settle = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  get size(): number {
    return this.devices.size + this.sessions.size;
  }

  /** Takes no more. */
  isFull({ batchRecords, batchBytes }: NotesLimits): boolean {
    return this.size >= batchRecords || this.propertiesBytes >= batchBytes;
  }
}

/**
 * Presence, traffic and last uses, which come in floods: what comes within `batchMs` is one transaction with one statement
 * of each kind. Batches are written one after the other, and when the database is away, those that wait fail too: what is
 * noted of a device stays in its order.
 */
export class Notes {
  readonly #database: Database;
  readonly #limits: NotesLimits;
  /** The last one takes more. */
  readonly #waiting: Batch[] = [];
  readonly #epoch: (() => number) | null;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;

  /** `epoch`: of this node, once its tables are there; `null`: no other server uses the database. */
  constructor(database: Database, limits: NotesLimits, epoch: (() => number) | null = null) {
    this.#database = database;
    this.#limits = limits;
    this.#epoch = epoch;
  }

  /** Resolves once it is kept. Traffic and connects are added up. */
  device({ id, uid }: DeviceKey, note: DeviceNote): Promise<void> {
    const batch = this.#batch();
    const key = `${uid} ${id}`;
    const former = batch.devices.get(key)?.note ?? {};
    const sum = (what: 'connects' | 'bytesFrom' | 'bytesTo') => (former[what] ?? 0) + (note[what] ?? 0);
    const sums = { connects: sum('connects'), bytesFrom: sum('bytesFrom'), bytesTo: sum('bytesTo') };
    batch.propertiesBytes += Buffer.byteLength(note.properties ?? '');
    batch.devices.set(key, { id, uid, note: { ...former, ...note, ...sums } });
    return batch.written;
  }

  /** Resolves once it is kept. */
  touch(sessions: readonly Buffer[], now: number): Promise<void> {
    const batch = this.#batch();
    for (const hash of sessions) batch.sessions.set(hash.toString('hex'), now);
    return batch.written;
  }

  /** Writes what waits, without waiting for more; its callers learn of errors. */
  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll();
    return this.#writing ?? Promise.resolve();
  }

  #batch(): Batch {
    const last = this.#waiting.at(-1);
    if (last && !last.isFull(this.#limits)) return last;
    const batch = new Batch();
    this.#waiting.push(batch);
    if (!this.#writing) this.#timer ??= setTimeout(() => void this.flush(), this.#limits.batchMs);
    return batch;
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#waiting.shift(); batch; batch = this.#waiting.shift()) {
      const { devices, sessions } = batch;
      try {
        // Alone, so that two that change the same records do not wait for each other.
        await this.#database.transact('changes', async (transaction) => {
          if (devices.size > 0) {
            const all = [...devices.values()].filter(({ id, uid }) => !hasNul([id, uid]));
            const { length } = all;
            const notes = this.#epoch && length > 0 ? await present(transaction, all, this.#epoch()) : all;
            await writeDevices(transaction, notes);
          }
          if (sessions.size > 0) await writeSessions(transaction, sessions);
        });
        batch.settle();
      } catch (error) {
        batch.settle(error);
        if (error instanceof StoreUnavailable)
          for (const other of this.#waiting.splice(0)) other.settle(error);
      }
    }
    this.#writing = null;
  }
}

/**
 * Of several nodes, the one with the latest tunnel of a device says whether it is on line: what the others note of theirs is left out,
 * however late it comes.
 */
async function present<Noted extends DeviceKey & { readonly note: DeviceNote }>(
  { query, run }: Transaction,
  devices: readonly Noted[],
  epoch: number,
): Promise<readonly Noted[]> {
  const told = devices.filter(({ note }) => note.generation !== undefined);
  if (told.length === 0) return devices;
  const places = await query<{ uid: string; generation: number }>(
    'SELECT uid, generation FROM rm_server.fleet_places WHERE uid = ANY ($1::text[])',
    told.map(({ uid }) => uid),
  );
  const latest = new Map(places.map(({ uid, generation }) => [uid, generation]));
  const isStale = ({ uid, note }: Noted) => (note.generation ?? Infinity) < (latest.get(uid) ?? 0);
  const current = told.filter((noted) => !isStale(noted));
  await run(
    `INSERT INTO rm_server.fleet_places (uid, epoch, generation)
     SELECT n.uid, $3::bigint, n.generation FROM unnest($1::text[], $2::bigint[]) AS n (uid, generation)
       JOIN rm_reflector.devices AS d ON d.uid = n.uid ORDER BY n.uid
     ON CONFLICT (uid) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation`,
    current.map(({ uid }) => uid),
    current.map(({ note }) => note.generation ?? 0),
    epoch,
  );
  return devices.map((noted) => {
    if (!isStale(noted)) return noted;
    const { duplicate, refused, bytesFrom = 0, bytesTo = 0 } = noted.note;
    const kept = {
      bytesFrom,
      bytesTo,
      ...(duplicate !== undefined && { duplicate }),
      ...(refused && { refused }),
    };
    return { ...noted, note: kept };
  });
}

const update = `UPDATE rm_reflector.devices AS d SET
    online = coalesce(n.online, d.online),
    connects = d.connects + n.connects,
    last_connect = coalesce(n.last_connect, d.last_connect),
    address = coalesce(n.address, d.address),
    agent = coalesce(n.agent, d.agent),
    properties = coalesce(n.properties, d.properties),
    last_seen = coalesce(n.last_seen, d.last_seen),
    end_cause = CASE WHEN n.ends THEN n.end_cause ELSE d.end_cause END,
    end_reason = CASE WHEN n.ends THEN n.end_reason ELSE d.end_reason END,
    end_by = CASE WHEN n.ends THEN n.end_by ELSE d.end_by END,
    bytes_from = d.bytes_from + n.bytes_from,
    bytes_to = d.bytes_to + n.bytes_to,
    duplicate_noticed = coalesce(n.duplicate, d.duplicate_noticed),
    refused = coalesce(n.refused, d.refused),
    refused_reason = coalesce(n.refused_reason, d.refused_reason),
    refused_address = coalesce(n.refused_address, d.refused_address)
  FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[],
      $9::bigint[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::bigint[],
      $17::bigint[], $18::text[], $19::text[])
    AS n (id, uid, online, connects, last_connect, address, agent, properties, last_seen, ends, end_cause, end_reason,
      end_by, bytes_from, bytes_to, duplicate, refused, refused_reason, refused_address)
  WHERE d.id = n.id AND d.uid = n.uid`;

async function writeDevices(
  { run }: Transaction,
  all: readonly (DeviceKey & { readonly note: DeviceNote })[],
): Promise<void> {
  const of = <Item extends string | number | boolean>(take: (note: DeviceNote) => Item | null | undefined) =>
    all.map(({ note }) => {
      const item = take(note) ?? null;
      return typeof item === 'string' ? withoutNul<string>(item) : item;
    });
  await run(
    update,
    all.map(({ id }) => id),
    all.map(({ uid }) => uid),
    of(({ online }) => online),
    of(({ connects }) => connects ?? 0),
    of(({ lastConnect }) => lastConnect),
    of(({ address }) => address),
    of(({ agent }) => agent),
    of(({ properties }) => properties),
    of(({ lastSeen }) => lastSeen),
    of(({ end }) => end !== undefined),
    of(({ end }) => end?.cause),
    of(({ end }) => end?.reason),
    of(({ end }) => end?.by),
    of(({ bytesFrom }) => bytesFrom ?? 0),
    of(({ bytesTo }) => bytesTo ?? 0),
    of(({ duplicate }) => duplicate),
    of(({ refused }) => refused?.at),
    of(({ refused }) => refused?.reason),
    of(({ refused }) => refused?.address),
  );
}

async function writeSessions({ run }: Transaction, sessions: ReadonlyMap<string, number>): Promise<void> {
  await run(
    `UPDATE rm_reflector.sessions AS s SET used = n.used
     FROM unnest($1::bytea[], $2::bigint[]) AS n (hash, used) WHERE s.hash = n.hash`,
    [...sessions.keys()].map((hash) => Buffer.from(hash, 'hex')),
    [...sessions.values()],
  );
}
