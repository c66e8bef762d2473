import type { Cancellable, Clock } from 'rm-protocol';
import type { ConnectedDevice } from 'rm-reflector';
import type {
  ArrivingDevice,
  CertificatesSince,
  DeviceKey,
  DeviceTurnedAway,
  NewDevice,
  Presence,
} from 'rm-reflector/ports';
import { conflict, type Problem } from '../api/problem.ts';
import type { Limits } from '../limits.ts';
import type { Core } from '../part.ts';
import { get, type Tables, type Work } from '../store/tables.ts';
import { monthOf, nextMonth } from './calendar.ts';

type GuardLimits = Pick<
  Limits,
  'quotaCheckMs' | 'quotaCountMs' | 'quotaCounts' | 'arrivalMs' | 'quotaRetrySeconds'
>;

interface DeviceBound {
  number: number;
  device_quota: number | null;
}

const selectDeviceBound = 'SELECT number, device_quota FROM fleet_domains WHERE id = ?';

/** Of one domain, in one month. */
interface Use {
  id: string;
  connection_quota: number | null;
  byte_quota: number | null;
  /** Payload in both directions. */
  used: number;
}

const uses = `SELECT m.id, m.connection_quota, m.byte_quota, coalesce(t.bytes_from + t.bytes_to, 0) AS used
  FROM fleet_domains m LEFT JOIN fleet_domain_traffic t ON t.domain = m.number AND t.month = ?`;

/**
 * Why a domain may have no `more` devices; `null`: it may. They come in the same transaction. Commands of the reflector are not
 * asked: who has a shell on the server is not bound by quotas.
 */
export function* deviceQuotaProblem(domain: string, more = 1): Work<Problem | null> {
  const bounds = yield* get<DeviceBound>(selectDeviceBound, domain);
  if (!bounds || bounds.device_quota === null) return null;
  const count = yield* get<{ n: number }>(
    'SELECT count(*) AS n FROM fleet_devices WHERE domain = ?',
    bounds.number,
  );
  const present = count?.n ?? 0;
  return present + more <= bounds.device_quota ? null : tooMany(domain, bounds.device_quota, present);
}

/** Adds a device to the store. Throws a `Problem` when its ID is taken, or when its domain has as many as it may have. */
export async function addWithinQuota(
  { database, store }: Pick<Core, 'database' | 'store'>,
  device: NewDevice,
  now: number,
  certificatesSince: CertificatesSince,
): Promise<void> {
  const { id, domain } = device;
  const most =
    (await database.get<DeviceBound>(selectDeviceBound, domain))?.device_quota ?? Number.POSITIVE_INFINITY;
  const outcome = await store.devices.add(device, now, certificatesSince, most);
  if (outcome === 'taken') throw conflict(`device ${id}: this ID is taken`);
  if (outcome === 'full')
    throw tooMany(domain, most, await store.devices.count({ domains: [domain], claimed: true }));
}

/** Keeps devices within the quotas of their domains when they connect, and while they are on line. */
export class QuotaGuard {
  readonly #database: Tables;
  readonly #presence: Presence<ConnectedDevice>;
  readonly #clock: Clock;
  readonly #limits: GuardLimits;
  readonly #failed: (error: unknown) => void;
  /** Each device that is on line or was let in a moment ago, by `uid`. */
  readonly #known = new Map<string, DeviceKey & { readonly domain: string }>();
  /** Their `uid`s by domain. */
  readonly #present = new Map<string, Set<string>>();
  /** The `uid` by the ID of each that is on line. */
  readonly #uids = new Map<string, string>();
  /** When devices were let in that have not come yet, the first one first; monotonic ms. */
  readonly #arriving = new Map<string, number>();
  readonly #stopWatching: () => void;
  readonly #isNode: boolean;
  /** By domain, how many devices were on line at all nodes, and when; monotonic ms. The oldest comes first. */
  readonly #counts = new Map<string, { readonly at: number; readonly count: Promise<number> }>();
  #timer: Cancellable | null = null;
  /** The last look at what is spent. */
  #ending: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly database: Tables;
    readonly presence: Presence<ConnectedDevice>;
    readonly clock: Clock;
    readonly limits: GuardLimits;
    readonly failed: (error: unknown) => void;
    /** Devices of the domain may be on line at other nodes. */
    readonly isNode?: boolean;
  }) {
    this.#isNode = parts.isNode ?? false;
    this.#database = parts.database;
    this.#presence = parts.presence;
    this.#clock = parts.clock;
    this.#limits = parts.limits;
    this.#failed = parts.failed;
    this.#stopWatching = this.#presence.watch({
      came: (device) => this.#come(device),
      went: ({ uid }) => this.#leave(uid),
    });
  }

  /** Whether a device may come on line. One that may has its place from now on. Rejects with `StoreUnavailable`. */
  async admit({
    device: { id, uid, domain },
  }: Pick<ArrivingDevice, 'device'>): Promise<DeviceTurnedAway | null> {
    const now = this.#clock.date();
    const use = await this.#database.get<Use>(`${uses} WHERE m.id = ?`, monthOf(now), domain);
    const most = use?.connection_quota ?? null;
    const counted = this.#isNode && most !== null ? await this.#onLine(domain) : 0;
    // From here on in one turn: of devices that come at once each counts for the next.
    this.#forgetLost();
    if (use && isSpent(use)) return { status: 403, error: spentReason(use, now) };
    const present = this.#present.get(domain) ?? new Set();
    const onLine = Math.max(present.size, counted);
    const isOnLine = present.has(uid) || (this.#isNode && this.#presence.locate({ id, uid }) !== null);
    if (most !== null && onLine >= most && !isOnLine) {
      const error = `quota: the domain ${domain} may have ${devices(most)} on line, and has ${onLine}`;
      return { status: 503, error, retryAfterSeconds: this.#limits.quotaRetrySeconds };
    }
    this.#enter({ id, uid, domain });
    return null;
  }

  /** Looks from time to time whether a domain has used up its bytes. */
  start(): void {
    this.#timer = this.#clock.schedule(this.#limits.quotaCheckMs, () => {
      this.start();
      this.#ending = this.#ending.then(() => this.endSpent()).catch((error: unknown) => this.#failed(error));
    });
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#stopWatching();
    await this.#ending;
  }

  /** Ends the tunnels of domains that have used up their bytes. */
  async endSpent(): Promise<void> {
    const now = this.#clock.date();
    const bounded = await this.#database.read<Use>(`${uses} WHERE m.byte_quota IS NOT NULL`, monthOf(now));
    const spent = new Map(bounded.filter(isSpent).map((use) => [use.id, spentReason(use, now)]));
    if (spent.size === 0) return;
    for (const device of [...this.#presence.local.values()]) {
      const reason = spent.get(this.#known.get(device.uid)?.domain ?? '');
      if (reason) device.tunnel.close(1008, { cause: 'refused', reason });
    }
  }

  /** As the store has noted them, of all nodes. Rejects with `StoreUnavailable`. */
  #onLine(domain: string): Promise<number> {
    const now = this.#clock.now();
    const known = this.#counts.get(domain);
    if (known && now - known.at < this.#limits.quotaCountMs) return known.count;
    this.#counts.delete(domain);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size >= this.#limits.quotaCounts && oldest !== undefined) this.#counts.delete(oldest);
    const isTrue = (column: string) => this.#database.dialect.is(column, true);
    const count = this.#database
      .get<{ n: number }>(
        `SELECT count(*) AS n FROM devices WHERE domain = ? AND ${isTrue('claimed')} AND ${isTrue('online')}`,
        domain,
      )
      .then((row) => row?.n ?? 0);
    const entry = { at: now, count };
    this.#counts.set(domain, entry);
    // What has failed is counted again.
    count.catch(() => this.#counts.get(domain) === entry && this.#counts.delete(domain));
    return count;
  }

  #come({ id, uid }: DeviceKey): void {
    this.#arriving.delete(uid);
    // A device whose ID another had before: the tunnel of that one was evicted, and does not go.
    const former = this.#uids.get(id);
    if (former !== undefined && former !== uid) this.#leave(former);
    if (this.#known.has(uid)) this.#uids.set(id, uid);
  }

  #enter(device: DeviceKey & { readonly domain: string }): void {
    const { uid, domain } = device;
    // It may have moved since.
    if (this.#known.get(uid)?.domain !== domain) this.#leave(uid);
    this.#known.set(uid, device);
    const present = this.#present.get(domain) ?? new Set();
    this.#present.set(domain, present.add(uid));
    if (!this.#presence.locate(device)) this.#arriving.set(uid, this.#clock.now());
  }

  #leave(uid: string): void {
    this.#arriving.delete(uid);
    const known = this.#known.get(uid);
    if (!known) return;
    this.#known.delete(uid);
    if (this.#uids.get(known.id) === uid) this.#uids.delete(known.id);
    const present = this.#present.get(known.domain);
    present?.delete(uid);
    if (present?.size === 0) this.#present.delete(known.domain);
  }

  /** Gives back the places of devices that were let in and did not come. */
  #forgetLost(): void {
    const since = this.#clock.now() - this.#limits.arrivalMs;
    for (const [uid, at] of this.#arriving) {
      if (at > since) return;
      const known = this.#known.get(uid);
      if (known && this.#presence.locate(known)) this.#arriving.delete(uid);
      else this.#leave(uid);
    }
  }
}

function isSpent({ byte_quota: most, used }: Use): boolean {
  return most !== null && used >= most;
}

function spentReason({ id, byte_quota: most }: Use, now: number): string {
  return `quota: the domain ${id} has used its ${most} bytes of this month, until ${nextMonth(now)}`;
}

function tooMany(domain: string, most: number, present: number): Problem {
  return conflict(`quota: the domain ${domain} may have ${devices(most)}, and has ${present}`);
}

function devices(count: number): string {
  return count === 1 ? '1 device' : `${count} devices`;
}
