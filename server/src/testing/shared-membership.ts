import { type DeviceKey, StoreUnavailable, type TunnelEnd } from 'rm-reflector/ports';
import type { NodeLimits } from '../nodes/limits.ts';
import {
  type AskedEnd,
  type Identity,
  type MembershipTable,
  NotHeld,
  type PresenceChange,
  type PresenceReading,
  type PresenceRow,
  type Renewal,
} from '../nodes/membership-table.ts';
import { outcomeOf, type PresenceEvent } from '../nodes/outcome.ts';

interface Member extends Identity {
  leaseUntil: number;
  draining: boolean;
  superseded: boolean;
}

/** A database in memory that several nodes of a test share. */
export class SharedMembership {
  readonly members = new Map<number, Member>();
  readonly rows = new Map<string, PresenceRow>();
  readonly events: PresenceEvent[] = [];
  /** Ids of devices that count as on line. */
  readonly onLine = new Set<string>();
  /** How many rows each call has told. */
  readonly told: number[] = [];
  /** Whether what is told is heard at once. */
  givesHints = false;
  readonly listeners = new Set<(epoch: number | null) => void>();
  /** Changes of rows of which the next reader is not told any more. */
  pruned = 0;
  #data = 1;
  #last = 0;
  #epochs = 0;
  #generations = 0;
  readonly #now: () => number;
  readonly #limits: NodeLimits;

  /** `now`: by the clock of the database. */
  constructor(now: () => number, limits: NodeLimits) {
    this.#now = now;
    this.#limits = limits;
  }

  /** What a crash leaves of the unlogged tables. */
  crash(): void {
    this.rows.clear();
    this.#data++;
    this.#last = 0;
    this.pruned = 0;
  }

  /** A failover to a replica that lacks the last of them. */
  loseGenerations(count: number): void {
    this.#generations -= count;
  }

  /** Forgets the rows of devices that have gone. */
  prune(): void {
    for (const [id, row] of this.rows) if (row.gone) this.rows.delete(id);
    this.pruned = this.#last;
  }

  connect(): SharedConnection {
    return new SharedConnection(this);
  }

  join(node: Identity): number {
    for (const [epoch, member] of this.members) {
      if (member.instance === node.instance) return epoch;
      if (member.name === node.name) member.superseded = true;
    }
    const epoch = ++this.#epochs;
    this.members.set(epoch, { ...node, leaseUntil: this.#leaseEnd, draining: false, superseded: false });
    return epoch;
  }

  renew(node: Identity, epoch: number): Renewal {
    const member = this.members.get(epoch);
    const isTaken = [...this.members].some(([other, { name }]) => other > epoch && name === node.name);
    if (member ? member.superseded : isTaken) return { state: 'superseded' };
    for (const [other, former] of this.members)
      if (other < epoch && former.name === node.name) former.superseded = true;
    const lapsed = !member || member.leaseUntil <= this.#now();
    const { draining = false } = member ?? {};
    this.members.set(epoch, { ...node, leaseUntil: this.#leaseEnd, draining, superseded: false });
    return { state: 'held', draining, lapsed };
  }

  leave(epoch: number): void {
    this.members.delete(epoch);
  }

  generations(count: number, floor: number): number[] {
    this.#generations = Math.max(this.#generations, floor);
    return Array.from({ length: count }, () => ++this.#generations);
  }

  read(position: number): PresenceReading {
    const nodes = [...this.members].map(([epoch, { name, address, draining, superseded, leaseUntil }]) => ({
      ...{ epoch, name, address, draining, superseded },
      alive: leaseUntil > this.#now(),
    }));
    const rows = [...this.rows.values()]
      .filter(({ change }) => change > position)
      .sort((a, b) => a.change - b.change)
      .slice(0, this.#limits.readRows);
    return { table: String(this.#data), pruned: this.pruned, nodes, rows };
  }

  find({ id, uid }: DeviceKey): PresenceRow | null {
    const row = this.rows.get(id);
    return row && row.uid === uid && !row.gone ? row : null;
  }

  askEnd(device: DeviceKey, end: TunnelEnd, epoch: number): AskedEnd | null {
    const row = this.find(device);
    if (!row || row.epoch === epoch) return null;
    const asked = { ...row, endAsked: JSON.stringify(end), change: ++this.#last };
    this.rows.set(row.id, asked);
    this.#hint(epoch);
    return asked;
  }

  tell(epoch: number, changes: readonly PresenceChange[]): readonly string[] {
    const member = this.members.get(epoch);
    if (!member || member.superseded || member.leaseUntil <= this.#now()) throw new NotHeld();
    this.told.push(changes.length);
    const formers = changes.flatMap(({ id }) => this.rows.get(id) ?? []);
    const { lost, kept, events, again } = outcomeOf(epoch, changes, formers);
    for (const change of kept) {
      const { id, uid, generation, gone } = change;
      const former = this.rows.get(id);
      const endAsked = former?.generation === generation && !gone ? former.endAsked : null;
      this.rows.set(id, {
        ...{ id, uid, epoch, generation, gone, change: ++this.#last },
        address: gone ? '' : change.address,
        properties: gone ? '{}' : JSON.stringify(change.properties),
        visitorKey: gone ? null : (change.visitorKey ?? null),
        endAsked,
      });
    }
    if (kept.length > 0) this.#hint(epoch);
    for (const event of events) this.#note(event);
    for (const { id, uid, properties } of again)
      if (!this.onLine.has(id)) this.#note({ kind: 'device.online', id, uid, properties });
    return lost;
  }

  bury(epoch: number): boolean {
    const member = this.members.get(epoch);
    if (!member || (!member.superseded && member.leaseUntil > this.#now())) return false;
    const rows = [...this.rows.values()].filter((row) => row.epoch === epoch && !row.gone);
    for (const row of rows.slice(0, this.#limits.batchRows)) {
      this.rows.set(row.id, { ...row, gone: true, change: ++this.#last });
      this.#note({ kind: 'device.offline', id: row.id, uid: row.uid, properties: {} });
    }
    if (rows.length > 0) return true;
    this.members.delete(epoch);
    return false;
  }

  get #leaseEnd(): number {
    return this.#now() + this.#limits.leaseMs;
  }

  #hint(epoch: number): void {
    if (this.givesHints) for (const heard of this.listeners) heard(epoch);
  }

  #note(event: PresenceEvent): void {
    this.events.push(event);
    if (event.kind === 'device.online') this.onLine.add(event.id);
    else this.onLine.delete(event.id);
  }
}

/** The way of one node to it, which can break. */
export class SharedConnection implements MembershipTable {
  readonly #shared: SharedMembership;
  /** `answer`: what is asked is done, and the answer does not come. */
  broken: 'no' | 'away' | 'answer' = 'no';
  /** Answers that are lost before the connection works again; for `answer`. */
  lost = Number.POSITIVE_INFINITY;

  constructor(shared: SharedMembership) {
    this.#shared = shared;
  }

  join(node: Identity): Promise<number> {
    return this.#do(() => this.#shared.join(node));
  }

  renew(node: Identity, epoch: number): Promise<Renewal> {
    return this.#do(() => this.#shared.renew(node, epoch));
  }

  leave(epoch: number): Promise<void> {
    return this.#do(() => this.#shared.leave(epoch));
  }

  generations(count: number, floor: number): Promise<readonly number[]> {
    return this.#do(() => this.#shared.generations(count, floor));
  }

  read(position: number): Promise<PresenceReading> {
    return this.#do(() => this.#shared.read(position));
  }

  find(devices: readonly DeviceKey[]): Promise<readonly (PresenceRow | null)[]> {
    return this.#do(() => devices.map((device) => this.#shared.find(device)));
  }

  askEnd(device: DeviceKey, end: TunnelEnd, epoch: number): Promise<AskedEnd | null> {
    return this.#do(() => this.#shared.askEnd(device, end, epoch));
  }

  tell(epoch: number, changes: readonly PresenceChange[]): Promise<readonly string[]> {
    return this.#do(() => this.#shared.tell(epoch, changes));
  }

  bury(epoch: number): Promise<boolean> {
    return this.#do(() => this.#shared.bury(epoch));
  }

  listen(heard: (epoch: number | null) => void): () => void {
    this.#shared.listeners.add(heard);
    return () => this.#shared.listeners.delete(heard);
  }

  settle(): Promise<void> {
    return this.#do(() => {});
  }

  async close(): Promise<void> {}

  async #do<Result>(work: () => Result): Promise<Result> {
    if (this.broken === 'away') throw new StoreUnavailable('ECONNREFUSED', 'away', 'the database');
    const result = work();
    if (this.broken === 'answer' && this.lost-- > 0) {
      throw new StoreUnavailable('UNKNOWN', 'it is not known whether a change was made', 'the database');
    }
    return result;
  }
}
