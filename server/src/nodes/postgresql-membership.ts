import { randomUUID } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import { type DeviceKey, StoreError, StoreUnavailable, type TunnelEnd } from 'rm-reflector/ports';
import { connectionOf, type PostgresqlAddress } from '../store/postgresql/connection.ts';
import {
  Database,
  lockStatement,
  type Outage,
  type Transaction,
  Undo,
} from '../store/postgresql/database.ts';
import { type PostgresqlLimits, postgresqlLimits } from '../store/postgresql/limits.ts';
import { withoutNul } from '../store/postgresql/text.ts';
import { Hints, type HintsOptions, hintStatement } from './hints.ts';
import type { NodeLimits } from './limits.ts';
import {
  type AskedEnd,
  type Identity,
  type MembershipTable,
  type NodeRow,
  NotHeld,
  type PresenceChange,
  type PresenceReading,
  type PresenceRow,
  type Renewal,
} from './membership-table.ts';
import { hasNodes, leaseEnd, lives, loner, loneServerRuns } from './node-rows.ts';
import { type FormerRow, outcomeOf, type PresenceEvent } from './outcome.ts';

export interface PostgresqlMembershipOptions extends PostgresqlAddress {
  readonly clock: Clock;
  /** Told that the database has gone or is back; one line each, without a secret. */
  readonly warn?: (text: string, outage?: Outage) => void;
  readonly database?: Partial<PostgresqlLimits>;
  readonly limits: NodeLimits & {
    /** Characters of the data of an event; long values in longer ones are left out. */
    readonly eventBytes: number;
  };
}

/** A lease must not be lost because one call hangs; and these calls wait for nobody else's. */
const brisk: Partial<PostgresqlLimits> = {
  connections: 5,
  connectMs: 2_500,
  lockMs: 2_000,
  statementMs: 3_000,
  answerMs: 4_000,
};

/** Wall-clock ms, of the database. */
const now = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const presenceColumns =
  'p.id, p.uid, p.epoch, p.generation, p.gone, p.change, p.address, p.properties, p.visitor_key AS "visitorKey", p.end_asked AS "endAsked"';

/** That a device `d` is at some node that says so. */
const toldElsewhere =
  'EXISTS (SELECT FROM fleet_presence AS q WHERE q.id = d.id AND q.uid = d.uid AND NOT q.gone)';

/** {@link MembershipTable} in the tables of the server, with connections of its own. */
export class PostgresqlMembership implements MembershipTable {
  readonly #database: Database;
  readonly #limits: PostgresqlMembershipOptions['limits'];
  readonly #hints: Omit<HintsOptions, 'heard'>;

  /** The tables must be there. */
  constructor({ warn = () => {}, database, limits, clock, ...address }: PostgresqlMembershipOptions) {
    const { config } = connectionOf(address);
    const all = { ...postgresqlLimits, ...brisk, ...database };
    this.#database = new Database({ ...config, application_name: 'rm-server node' }, all, warn, [
      'rm_server',
      'rm_reflector',
    ]);
    this.#limits = limits;
    this.#hints = { config, clock, limits, connectMs: all.answerMs };
  }

  join({ name, instance, address }: Identity): Promise<number> {
    return this.#database.transact('changes', async ({ query, run }) => {
      const [mine] = await query<{ epoch: number }>(
        'SELECT epoch FROM fleet_nodes WHERE instance = $1',
        instance,
      );
      if (mine) return mine.epoch;
      if ((await query(loneServerRuns, loner)).length > 0) {
        throw new Undo(
          new StoreError(
            'the database: is used by a server without the key "node": stop that server first; if it was killed, try again in a few seconds',
          ),
        );
      }
      await run(
        'UPDATE fleet_nodes SET superseded = true, lease_until = clock_timestamp() WHERE name = $1 AND NOT superseded',
        name,
      );
      await run('DELETE FROM fleet_nodes WHERE name = $1', loner);
      const [added] = await query<{ epoch: number }>(
        `INSERT INTO fleet_nodes (epoch, name, instance, address, lease_until)
         VALUES (nextval('fleet_epochs'), $1, $2, $3, ${this.#leaseEnd}) RETURNING epoch`,
        name,
        instance,
        address,
      );
      return added?.epoch ?? 0;
    });
  }

  renew({ name, instance, address }: Identity, epoch: number): Promise<Renewal> {
    return this.#database.transact(null, async ({ query, run }) => {
      const [row] = await query<{ alive: boolean; draining: boolean; superseded: boolean }>(
        `SELECT lease_until > clock_timestamp() AS alive, draining, superseded FROM fleet_nodes
         WHERE epoch = $1 FOR UPDATE`,
        epoch,
      );
      if (row?.superseded) return { state: 'superseded' };
      if (row) {
        await run(`UPDATE fleet_nodes SET lease_until = ${this.#leaseEnd} WHERE epoch = $1`, epoch);
        return { state: 'held', draining: row.draining, lapsed: !row.alive };
      }
      // It was buried, and a former process of its name may have been put back meanwhile.
      await run(
        `UPDATE fleet_nodes SET superseded = true, lease_until = clock_timestamp()
         WHERE name = $1 AND epoch < $2 AND NOT superseded`,
        name,
        epoch,
      );
      const added = await run(
        `INSERT INTO fleet_nodes (epoch, name, instance, address, lease_until)
         SELECT $1::bigint, $2::text, $3::text, $4::text, ${this.#leaseEnd}
         WHERE NOT EXISTS (SELECT FROM fleet_nodes WHERE name IN ($2::text, $5::text) AND epoch > $1::bigint)
         ON CONFLICT DO NOTHING`,
        epoch,
        name,
        instance,
        address,
        loner,
      );
      return added > 0 ? { state: 'held', draining: false, lapsed: true } : { state: 'superseded' };
    });
  }

  async leave(epoch: number): Promise<void> {
    await this.#database.run(null, 'DELETE FROM fleet_nodes WHERE epoch = $1 AND NOT superseded', epoch);
  }

  generations(count: number, floor: number): Promise<readonly number[]> {
    return this.#database.transact(null, async ({ query, run }) => {
      const behind = 'FROM fleet_generations WHERE last_value < $1::bigint';
      if ((await query(`SELECT ${behind}`, floor)).length > 0) {
        // Nobody takes a number meanwhile, which would be given again.
        await run('ALTER SEQUENCE fleet_generations OWNED BY NONE');
        await query(`SELECT setval('fleet_generations', $1) ${behind}`, floor);
      }
      const rows = await query<{ generation: number }>(
        "SELECT nextval('fleet_generations') AS generation FROM generate_series(1, $1::integer)",
        count,
      );
      return rows.map(({ generation }) => generation);
    });
  }

  read(position: number): Promise<PresenceReading> {
    return this.#database.transact(null, async (transaction) => {
      const { query } = transaction;
      // Each statement sees what was committed before it: the nodes of these rows, and what was deleted before they were read.
      const rows = await query<PresenceRow>(
        `SELECT ${presenceColumns} FROM fleet_presence AS p WHERE p.change > $1 ORDER BY p.change LIMIT $2`,
        position,
        this.#limits.readRows,
      );
      const { id, pruned } = await stateOf(transaction);
      const nodes = await query<NodeRow>(
        `SELECT epoch, name, address, lease_until > clock_timestamp() AS alive, draining, superseded
         FROM fleet_nodes ORDER BY epoch`,
      );
      return { table: id, pruned, nodes, rows };
    });
  }

  async find(devices: readonly DeviceKey[]): Promise<readonly (PresenceRow | null)[]> {
    const rows = await this.#database.read<PresenceRow>(
      `SELECT ${presenceColumns} FROM fleet_presence AS p WHERE p.id = ANY ($1::text[]) AND NOT p.gone`,
      devices.map(({ id }) => id),
    );
    const found = new Map(rows.map((row) => [row.id, row]));
    return devices.map(({ id, uid }) => {
      const row = found.get(id);
      return row?.uid === uid ? row : null;
    });
  }

  askEnd({ id, uid }: DeviceKey, end: TunnelEnd, epoch: number): Promise<AskedEnd | null> {
    return this.#database.transact('presence', async (transaction) => {
      const [asked] = await transaction.query<AskedEnd>(
        `UPDATE fleet_presence SET end_asked = $4, change = $5::bigint
         WHERE id = $1 AND uid = $2 AND epoch <> $3 AND NOT gone RETURNING epoch, generation, change`,
        ...[id, uid, epoch, JSON.stringify(end), await nextChange(transaction, 1)],
      );
      if (asked) await transaction.query(hintStatement, String(epoch));
      return asked ?? null;
    });
  }

  async tell(epoch: number, changes: readonly PresenceChange[]): Promise<readonly string[]> {
    // What has just come or gone waits for no change that takes long.
    return (
      (await this.#tell('presence', epoch, changes)) ?? (await this.#tell('changes', epoch, changes)) ?? []
    );
  }

  /** `null`: nothing was done, because devices are to be noted on line, which excludes other changes. */
  #tell(
    exclusion: 'changes' | 'presence',
    epoch: number,
    changes: readonly PresenceChange[],
  ): Promise<readonly string[] | null> {
    return this.#database.transact(exclusion, async (transaction) => {
      const { query } = transaction;
      if (exclusion !== 'presence') await query(lockStatement('presence'));
      const [held] = await query<{ held: boolean }>(
        'SELECT lease_until > clock_timestamp() AND NOT superseded AS held FROM fleet_nodes WHERE epoch = $1',
        epoch,
      );
      if (!held?.held) throw new Undo(new NotHeld());
      const formers = await query<FormerRow>(
        'SELECT id, epoch, generation, gone FROM fleet_presence WHERE id = ANY ($1::text[])',
        changes.map(({ id }) => id),
      );
      const { lost, kept, events, again } = outcomeOf(epoch, changes, formers);
      if (again.length > 0 && exclusion === 'presence') return null;
      await this.#put(transaction, epoch, kept);
      if (kept.length > 0) await query(hintStatement, String(epoch));
      await this.#note(transaction, [...events, ...(await backOnLine(transaction, epoch, again))]);
      return lost;
    });
  }

  bury(epoch: number): Promise<boolean> {
    const { batchRows } = this.#limits;
    return this.#database.transact('changes', async (transaction) => {
      const { query, run } = transaction;
      await query(lockStatement('presence'));
      const [node] = await query<{ over: boolean; seen: number }>(
        `SELECT superseded OR lease_until <= clock_timestamp() AS over,
           floor(extract(epoch FROM least(lease_until, clock_timestamp())) * 1000)::bigint AS seen
         FROM fleet_nodes WHERE epoch = $1 FOR UPDATE`,
        epoch,
      );
      if (!node?.over) return false;
      // A device that has come to another node is noted and told there in two transactions, in either order: either is enough.
      const rows = await query<PresenceRow & { readonly moved: boolean }>(
        `SELECT ${presenceColumns},
           EXISTS (SELECT FROM fleet_places AS l WHERE l.uid = p.uid AND l.generation > p.generation) AS moved
         FROM fleet_presence AS p WHERE p.epoch = $1 AND NOT p.gone ORDER BY p.id LIMIT $2`,
        epoch,
        batchRows,
      );
      await this.#markGone(transaction, rows);
      if (rows.length > 0) await query(hintStatement, '');
      const left = await query<DeviceKey & { properties: string }>(
        `SELECT d.id, d.uid, d.properties FROM fleet_places AS p JOIN devices AS d ON d.uid = p.uid
         WHERE p.epoch = $1 AND d.online AND NOT d.id = ANY ($2::text[]) AND NOT ${toldElsewhere} ORDER BY d.uid LIMIT $3`,
        epoch,
        rows.map(({ id }) => id),
        batchRows - rows.length,
      );
      // Until then, as far as anybody knows.
      await this.#offLine(transaction, [...rows.filter(({ moved }) => !moved), ...left], node.seen);
      if (rows.length + left.length > 0) return true;
      await run('DELETE FROM fleet_nodes WHERE epoch = $1', epoch);
      return false;
    });
  }

  listen(heard: (epoch: number | null) => void): () => void {
    const hints = new Hints({ ...this.#hints, heard });
    return () => hints.close();
  }

  async settle(): Promise<void> {
    const portion = () =>
      this.#database.transact('changes', async (transaction) => {
        const rows = await transaction.query<DeviceKey & { properties: string }>(
          `SELECT d.id, d.uid, d.properties FROM devices AS d WHERE d.online AND NOT EXISTS (
             SELECT FROM fleet_places AS p JOIN fleet_nodes AS n ON n.epoch = p.epoch WHERE p.uid = d.uid)
             AND NOT ${toldElsewhere}
           ORDER BY d.id LIMIT $1`,
          this.#limits.batchRows,
        );
        await this.#offLine(transaction, rows);
        return rows.length;
      });
    while ((await portion()) === this.#limits.batchRows);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  get #leaseEnd(): string {
    return leaseEnd(this.#limits.leaseMs);
  }

  async #put(transaction: Transaction, epoch: number, changes: readonly PresenceChange[]): Promise<void> {
    if (changes.length === 0) return;
    const first = await nextChange(transaction, changes.length);
    await transaction.run(
      `INSERT INTO fleet_presence AS p (id, uid, epoch, generation, gone, change, address, properties, visitor_key)
       SELECT n.id, n.uid, $1::bigint, n.generation, n.gone, $2::bigint + n.number, n.address, n.properties, n.visitor_key
       FROM unnest($3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::text[], $8::text[], $9::text[]) WITH ORDINALITY
         AS n (id, uid, generation, gone, address, properties, visitor_key, number)
       ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, epoch = excluded.epoch, generation = excluded.generation,
         gone = excluded.gone, change = excluded.change, address = excluded.address, properties = excluded.properties,
         visitor_key = excluded.visitor_key,
         end_asked = CASE WHEN p.generation = excluded.generation AND NOT excluded.gone THEN p.end_asked END`,
      epoch,
      first - 1,
      changes.map(({ id }) => id),
      changes.map(({ uid }) => uid),
      changes.map(({ generation }) => generation),
      changes.map(({ gone }) => gone),
      changes.map((change) => (change.gone ? '' : change.address)),
      changes.map((change) => (change.gone ? '{}' : withoutNul(JSON.stringify(change.properties)))),
      changes.map((change) => (change.gone ? null : (change.visitorKey ?? null))),
    );
    await this.#prune(transaction, first + changes.length - 1);
  }

  async #markGone(transaction: Transaction, rows: readonly PresenceRow[]): Promise<void> {
    if (rows.length === 0) return;
    const first = await nextChange(transaction, rows.length);
    await transaction.run(
      // What it was asked to end it is to end when it comes back.
      `UPDATE fleet_presence AS p SET gone = true, change = $1::bigint + n.number, properties = '{}', visitor_key = NULL
       FROM unnest($2::text[]) WITH ORDINALITY AS n (id, number) WHERE p.id = n.id`,
      first - 1,
      rows.map(({ id }) => id),
    );
  }

  /** No more than what one batch adds. */
  async #prune({ query, run }: Transaction, last: number): Promise<void> {
    const { goneRows, batchRows } = this.#limits;
    if (last <= goneRows) return;
    const [pruned] = await query<{ last: number | null }>(
      `WITH old AS (SELECT id FROM fleet_presence WHERE gone AND change <= $1 ORDER BY change LIMIT $2),
         deleted AS (DELETE FROM fleet_presence AS p USING old WHERE p.id = old.id RETURNING p.change)
       SELECT max(change) AS last FROM deleted`,
      last - goneRows,
      2 * batchRows,
    );
    if (typeof pruned?.last === 'number')
      await run('UPDATE fleet_presence_state SET pruned = greatest(pruned, $1)', pruned.last);
  }

  /** Notes devices off line of which nobody knows why, and tells of it. */
  async #offLine(
    transaction: Transaction,
    rows: readonly (DeviceKey & { readonly properties: string })[],
    seen: number | null = null,
  ): Promise<void> {
    if (rows.length === 0) return;
    const end: TunnelEnd = { cause: 'lost', reason: 'the server where the tunnel ended has gone' };
    await transaction.run(
      `UPDATE devices AS d SET online = false, last_seen = greatest(d.last_seen, $4::bigint), end_cause = $2, end_reason = $3, end_by = NULL
       FROM unnest($1::text[]) AS n (uid) WHERE d.uid = n.uid AND d.online`,
      rows.map(({ uid }) => uid),
      end.cause,
      end.reason,
      seen,
    );
    await this.#note(
      transaction,
      rows.map(({ id, uid, properties }) => ({
        ...{ id, uid, end, kind: 'device.offline' },
        properties: JSON.parse(properties) as Record<string, string>,
      })),
    );
  }

  async #note({ query, run }: Transaction, events: readonly PresenceEvent[]): Promise<void> {
    if (events.length === 0) return;
    const [position] = await query<{ last: number }>(
      'UPDATE fleet_last_event SET last = last + $1 RETURNING last',
      events.length,
    );
    await run(
      `INSERT INTO fleet_events (sequence, time, kind, device, uid, domain, data)
       SELECT $1::bigint + n.number, ${now}, n.kind, n.device, n.uid, d.domain, n.data
       FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS n (kind, device, uid, data, number)
         LEFT JOIN devices AS d ON d.id = n.device AND d.uid = n.uid AND d.claimed`,
      (position?.last ?? events.length) - events.length,
      events.map(({ kind }) => kind),
      events.map(({ id }) => id),
      events.map(({ uid }) => uid),
      events.map(({ properties, end }) => this.#dataOf(properties, end)),
    );
  }

  #dataOf(properties: PresenceEvent['properties'], end: PresenceEvent['end']): string {
    const told = end && { end: { cause: end.cause, reason: end.reason } };
    const data = JSON.stringify({ properties, ...told });
    return withoutNul(
      data.length <= this.#limits.eventBytes ? data : JSON.stringify({ properties: null, ...told }),
    );
  }
}

/** The row that says which data these are; made if the database has lost it. */
async function stateOf({ query, run }: Transaction): Promise<{ id: string; pruned: number }> {
  const select = 'SELECT id, pruned FROM fleet_presence_state';
  const [state] = await query<{ id: string; pruned: number }>(select);
  if (state) return state;
  await run(
    'INSERT INTO fleet_presence_state (id, last, pruned) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING',
    randomUUID(),
  );
  const [made] = await query<{ id: string; pruned: number }>(select);
  if (!made) throw new StoreUnavailable('EMPTY', 'its presence cannot be read', 'the database');
  return made;
}

/** The first of `count` numbers. */
async function nextChange(transaction: Transaction, count: number): Promise<number> {
  const update = 'UPDATE fleet_presence_state SET last = last + $1 RETURNING last';
  let [row] = await transaction.query<{ last: number }>(update, count);
  if (!row) {
    await stateOf(transaction);
    [row] = await transaction.query<{ last: number }>(update, count);
  }
  return (row?.last ?? count) - count + 1;
}

/** Of devices that were told before: those that were noted off line meanwhile are on line again. */
async function backOnLine(
  { query, run }: Transaction,
  epoch: number,
  changes: readonly PresenceChange[],
): Promise<readonly PresenceEvent[]> {
  if (changes.length === 0) return [];
  const uids = changes.map(({ uid }) => uid);
  const back = await query<{ uid: string }>(
    `UPDATE devices AS d SET online = true, end_cause = NULL, end_reason = NULL, end_by = NULL
     FROM unnest($1::text[], $2::bigint[]) AS n (uid, generation)
     WHERE d.uid = n.uid AND NOT d.online
       AND n.generation >= coalesce((SELECT p.generation FROM fleet_places AS p WHERE p.uid = n.uid), 0)
     RETURNING d.uid`,
    uids,
    changes.map(({ generation }) => generation),
  );
  if (back.length === 0) return [];
  const found = new Set(back.map(({ uid }) => uid));
  const events = changes.filter(({ uid }) => found.has(uid));
  await run(
    `INSERT INTO fleet_places (uid, epoch, generation) SELECT n.uid, $3::bigint, n.generation
     FROM unnest($1::text[], $2::bigint[]) AS n (uid, generation) ORDER BY n.uid
     ON CONFLICT (uid) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation`,
    events.map(({ uid }) => uid),
    events.map(({ generation }) => generation),
    epoch,
  );
  return events.map((change) => ({ ...change, kind: 'device.online' }));
}

/**
 * Says that a node takes no more devices; it learns of it when it renews its lease. False: it is none whose lease lasts. Rejects with
 * `StoreError`.
 */
export async function drainNode(name: string, options: NodesOptions): Promise<boolean> {
  return withDatabase(options, async (database) => {
    const drain = `UPDATE rm_server.fleet_nodes SET draining = true WHERE name = $1 AND ${lives}`;
    return (await hasNodes(database)) && (await database.run(null, drain, name)) > 0;
  });
}

/** Names of the nodes whose lease lasts; also where there are no tables yet. Rejects with `StoreError`. */
export async function livingNodes(options: NodesOptions): Promise<readonly string[]> {
  return withDatabase(options, async (database) => {
    if (!(await hasNodes(database))) return [];
    const rows = await database.read<{ name: string }>(
      `SELECT name FROM rm_server.fleet_nodes WHERE ${lives} ORDER BY name`,
    );
    return rows.map(({ name }) => name);
  });
}

/** A node as `rm-server nodes` shows it. */
export interface NodeState {
  readonly name: string;
  readonly address: string;
  /** `lost`: its lease is over, and the others have not noted all of its devices off line yet. */
  readonly state: 'on line' | 'draining' | 'lost';
  /** That are on line there. */
  readonly devices: number;
}

/** All nodes, by name; none where there are no tables yet. Rejects with `StoreError`. */
export async function nodeStates(options: NodesOptions): Promise<readonly NodeState[]> {
  return withDatabase(options, async (database) => {
    if (!(await hasNodes(database))) return [];
    return database.read<NodeState>(
      `SELECT name, address,
         CASE WHEN NOT (${lives}) THEN 'lost' WHEN draining THEN 'draining' ELSE 'on line' END AS state,
         (SELECT count(*) FROM rm_server.fleet_presence AS p WHERE p.epoch = n.epoch AND NOT p.gone) AS devices
       FROM rm_server.fleet_nodes AS n WHERE name <> $1 ORDER BY name, epoch`,
      loner,
    );
  });
}

/** The node where a device is on line, and from which address; `null`: at none. Rejects with `StoreError`. */
export async function nodeOf(
  device: string,
  options: NodesOptions,
): Promise<{ readonly name: string; readonly address: string } | null> {
  return withDatabase(options, async (database) => {
    if (!(await hasNodes(database))) return null;
    const [row] = await database.read<{ name: string; address: string }>(
      `SELECT n.name, p.address FROM rm_server.fleet_presence AS p JOIN rm_server.fleet_nodes AS n ON n.epoch = p.epoch
       WHERE p.id = $1 AND NOT p.gone`,
      device,
    );
    return row ?? null;
  });
}

type NodesOptions = PostgresqlAddress & { readonly limits?: Partial<PostgresqlLimits> };

async function withDatabase<Result>(
  { limits = {}, ...address }: NodesOptions,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const all = { ...postgresqlLimits, ...limits, connections: 1 };
  const database = new Database(connectionOf(address).config, all, () => {});
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
