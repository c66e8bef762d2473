import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import {
  type DeviceChannel,
  type DeviceKey,
  EndUnconfirmed,
  type LocalTunnel,
  type OnlineDevice,
  type Presence,
  type PresenceListener,
  StoreUnavailable,
  type TunnelEnd,
  TunnelLost,
} from 'rm-reflector/ports';
import { Batched } from './batched.ts';
import type { Lease } from './lease.ts';
import type { NodeLimits } from './limits.ts';
import {
  type AskedEnd,
  type MembershipTable,
  type NodeRow,
  NotHeld,
  type PresenceChange,
  type PresenceReading,
  type PresenceRow,
} from './membership-table.ts';
import { RemoteDevice } from './remote-device.ts';

/** Where another node listens for its peers. */
export interface Peer {
  readonly name: string;
  readonly epoch: number;
  readonly address: string;
}

/** The tunnel that is meant. */
export type RelayTarget = DeviceKey & { readonly generation: number };

export interface Place {
  readonly peer: Peer;
  readonly target: RelayTarget;
}

/** Opens channels to devices at other nodes. */
export interface Dialer {
  /** `relocate` is asked once, when the peer says that the tunnel is not there: where it is, or `null`. */
  open(
    peer: Peer,
    target: RelayTarget,
    port: number,
    options: { readonly user?: string; relocate(): Promise<Place | null> },
  ): DeviceChannel;
  /** The peer is gone. Another process of its name has another epoch. */
  forget(peer: { readonly name: string; readonly epoch: number }): void;
}

export interface ClusterPresenceOptions {
  readonly table: MembershipTable;
  readonly lease: Pick<Lease, 'epoch' | 'holds' | 'isSuperseded' | 'draining'>;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly limits: NodeLimits;
  /** How long what is known of other nodes counts while the database is away, ms. */
  readonly outageMs: number;
  readonly log: Logger;
  /** Events were added to the log of events. */
  readonly told?: () => void;
  /** Another node has asked for the end of a tunnel of this process. */
  readonly end?: (id: string, end: TunnelEnd) => void;
  /** Ends the node, and within it {@link ClusterPresence.stop}. */
  readonly close?: () => Promise<void>;
}

/** Somebody waits for the end of a tunnel at another node. */
interface Ending {
  /** What is known of other nodes is new. */
  look(): void;
  giveUp(): void;
}

/** What the database is to know. */
interface Untold {
  readonly change: PresenceChange;
  /** It could not be told, for a reason of its own. */
  readonly hasFailed?: true;
}

/**
 * Where devices are, of all nodes that share a database. What others have is in memory, and read anew every `limits.readMs`, and
 * soon after a hint; what comes and goes here is told in batches.
 */
export class ClusterPresence<Tunnel extends LocalTunnel> implements Presence<Tunnel> {
  readonly #options: ClusterPresenceOptions;
  readonly #local = new Map<string, Tunnel>();
  readonly #remote = new Map<string, RemoteDevice>();
  readonly #listeners = new Set<PresenceListener>();
  readonly #generations: Batched<null, number>;
  readonly #lookUps: Batched<DeviceKey, PresenceRow | null>;
  /** Of all generations that this node knows of. */
  #highest = 0;
  /** By id. */
  readonly #untold = new Map<string, Untold>();
  /** What was told, or is to be told, of the tunnels of this process. */
  readonly #described = new Map<string, Readonly<Record<string, string>>>();
  #nodes: ReadonlyMap<number, NodeRow> = new Map();
  /** When each node's lease was first seen to be over, monotonic ms, by epoch. */
  readonly #overSince = new Map<number, number>();
  /** Of the data that {@link #position} is in. */
  #table: string | null = null;
  #position = 0;
  /** Remote devices that a reading of everything has not found yet, until when. */
  #unconfirmed: { readonly ids: Set<string>; readonly until: number } | null = null;
  /** When all was known, monotonic ms. */
  #knownAt: number;
  #readTimer: Cancellable | null = null;
  /** The next reading is soon. */
  #isHinted = false;
  #unlisten = (): void => {};
  #tellTimer: Cancellable | null = null;
  #reading: Promise<void> | null = null;
  #burying: Promise<void> | null = null;
  #telling: Promise<void> | null = null;
  /** So many changes are told one at a time: one of them cannot be told. */
  #singly = 0;
  /** Tunnels at other nodes that were asked to end. */
  readonly #ending = new Set<Ending>();
  #stopped = false;

  constructor(options: ClusterPresenceOptions) {
    this.#options = options;
    this.#knownAt = options.clock.now();
    const { table, limits } = options;
    // The renewals of the lease must not wait for a flood of these.
    this.#generations = new Batched(
      (asked) => table.generations(asked.length, this.#highest),
      limits.readRows,
    );
    this.#lookUps = new Batched((asked) => table.find(asked), limits.readRows);
  }

  get local(): ReadonlyMap<string, Tunnel> {
    return this.#local;
  }

  get takesDevices(): boolean {
    const { lease } = this.#options;
    return lease.holds && !lease.draining;
  }

  get remoteCount(): number {
    return this.#known.size;
  }

  /** Changes that the database does not know yet. */
  get untold(): number {
    return this.#untold.size;
  }

  /** Reads what the other nodes have, and goes on reading. Rejects with `StoreUnavailable`: then it has not begun. */
  async start(): Promise<void> {
    const { table, lease, limits } = this.#options;
    await this.#read();
    this.#readLater(limits.readMs);
    this.#unlisten = table.listen((epoch) => {
      if (epoch !== lease.epoch) this.#hinted();
    });
  }

  /** Rejects with `StoreUnavailable`, also while this process may take no devices. */
  async nextGeneration(): Promise<number> {
    this.#mustHold();
    const generation = await this.#generations.ask(null);
    this.#mustHold();
    this.#highest = Math.max(this.#highest, generation);
    return generation;
  }

  announce(tunnel: Tunnel): boolean {
    const { id, generation } = tunnel;
    const present = this.#local.get(id);
    if (present === tunnel) return true;
    const best = Math.max(present?.generation ?? -1, this.#remote.get(id)?.generation ?? -1);
    if (best >= generation || this.#options.lease.isSuperseded || this.#stopped) {
      this.#contain(() => tunnel.evict());
      return false;
    }
    this.#local.set(id, tunnel);
    this.#remote.delete(id);
    this.#tellHere(tunnel, false);
    if (present) this.#contain(() => present.evict());
    this.#came(tunnel);
    return true;
  }

  withdraw(tunnel: Tunnel): boolean {
    const { id } = tunnel;
    if (this.#local.get(id) !== tunnel) return false;
    this.#remove(tunnel);
    this.#tell(goneOf(tunnel, this.#isUntold(tunnel)));
    this.#went(tunnel);
    return true;
  }

  locate({ id, uid }: DeviceKey): OnlineDevice | null {
    const found = this.#local.get(id) ?? this.#known.get(id);
    return found?.uid === uid ? found : null;
  }

  list(after: string, limit: number): readonly OnlineDevice[] {
    const ids = [...this.#local.keys(), ...this.#known.keys()].filter((id) => id > after).sort();
    return ids.slice(0, limit).flatMap((id) => this.#local.get(id) ?? this.#remote.get(id) ?? []);
  }

  watch(listener: PresenceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells again of all tunnels of this process: the others may have noted them off line. */
  tellAgain(): void {
    for (const tunnel of this.#local.values()) this.#tellHere(tunnel, true);
  }

  /** This process has lost its name: none of its tunnels counts any more. */
  evictAll(): void {
    this.#untold.clear();
    for (const tunnel of [...this.#local.values()]) {
      this.#remove(tunnel);
      this.#contain(() => tunnel.evict());
      this.#went(tunnel);
    }
  }

  async disconnect(
    device: DeviceKey,
    end: TunnelEnd,
    { untilEnded = false }: { readonly untilEnded?: boolean } = {},
  ): Promise<boolean> {
    const { table, lease } = this.#options;
    const asked = await table.askEnd(device, end, lease.epoch);
    if (asked && untilEnded) await this.#untilEnded(device.id, asked);
    return asked !== null;
  }

  async close(): Promise<void> {
    await this.#options.close?.();
  }

  /** Tells what is left to tell. False: it could not be told; the others learn of it when the lease is over. */
  async stop(): Promise<boolean> {
    this.#unlisten();
    this.#readTimer?.cancel();
    for (const tunnel of [...this.#local.values()]) this.withdraw(tunnel);
    this.#stopped = true;
    for (const { giveUp } of [...this.#ending]) giveUp();
    await this.#reading;
    await this.#burying;
    await this.#telling;
    while (this.#untold.size > 0 && !this.#options.lease.isSuperseded) {
      if (!(await this.#tellBatch())) break;
    }
    this.#tellTimer?.cancel();
    return this.#untold.size === 0;
  }

  /** What is known of other nodes, as long as it counts. */
  get #known(): ReadonlyMap<string, RemoteDevice> {
    const { clock, outageMs, limits } = this.#options;
    const isKnown = clock.now() - this.#knownAt <= limits.readMs + outageMs;
    return isKnown ? this.#remote : new Map();
  }

  #mustHold(): void {
    if (this.#options.lease.holds) return;
    throw new StoreUnavailable('LEASE', 'its lease is over', 'this node');
  }

  #remove({ id }: Tunnel): void {
    this.#local.delete(id);
    this.#described.delete(id);
  }

  #came(device: OnlineDevice): void {
    for (const listener of this.#listeners) this.#contain(() => listener.came(device));
  }

  #went(device: OnlineDevice): void {
    for (const listener of this.#listeners) this.#contain(() => listener.went(device));
  }

  /** What others do with the news ends neither the reading nor the telling. */
  #contain(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.log.error({ err: error }, 'presence');
    }
  }

  #tellHere(tunnel: Tunnel, again: boolean): void {
    const { id, uid, generation, address, visitorKey, properties } = tunnel;
    this.#described.set(id, properties);
    const key = { id, uid, generation, address, visitorKey, properties };
    // What was never told is not told again.
    this.#tell({ ...key, gone: false, again: again && !this.#isUntold(tunnel) });
  }

  /** That this tunnel has come is still to be told. */
  #isUntold({ id, generation }: Tunnel): boolean {
    const change = this.#untold.get(id)?.change;
    return change?.gone === false && !change.again && change.generation === generation;
  }

  #tell(change: PresenceChange): void {
    if (this.#options.lease.isSuperseded) return;
    this.#untold.set(change.id, { change });
    this.#tellLater(this.#options.limits.batchMs);
  }

  #tellLater(ms: number): void {
    if (this.#telling || this.#stopped) return;
    this.#tellTimer ??= this.#options.clock.schedule(ms, () => {
      this.#tellTimer = null;
      this.#telling = this.#tellBatch().then((done) => {
        this.#telling = null;
        const { batchMs, retryMs, batchRows } = this.#options.limits;
        const { size } = this.#untold;
        // A flood waits for no companions.
        const isFlood = size >= batchRows || this.#singly > 0;
        if (size > 0) this.#tellLater(done ? (isFlood ? 0 : batchMs) : retryMs);
      });
    });
  }

  /** False: it is to be tried again later. */
  async #tellBatch(): Promise<boolean> {
    const { table, lease, limits, log } = this.#options;
    const batch: Untold[] = [];
    let bytes = 0;
    for (const untold of this.#untold.values()) {
      if (batch.length >= (this.#singly > 0 ? 1 : limits.batchRows) || bytes >= limits.batchBytes) break;
      batch.push(untold);
      for (const [name, value] of Object.entries(untold.change.properties))
        bytes += name.length + value.length;
    }
    let lost: readonly string[] = [];
    try {
      lost = await table.tell(
        lease.epoch,
        batch.map(({ change }) => change),
      );
    } catch (error) {
      if (error instanceof StoreUnavailable || error instanceof NotHeld) return false;
      if (batch.length > 1) {
        this.#singly = batch.length;
        return true;
      }
      const [only] = batch;
      if (!only?.hasFailed) log.error({ err: error, device: only?.change.id }, 'presence not told');
      // The others must not wait behind it for ever; but nobody else would ever say that a device has gone.
      if (only?.change.gone && this.#untold.get(only.change.id) === only) return this.#postpone(only.change);
    }
    if (this.#singly > 0) this.#singly--;
    for (const untold of batch)
      if (this.#untold.get(untold.change.id) === untold) this.#untold.delete(untold.change.id);
    const generations = new Map(batch.map(({ change }) => [change.id, change.generation]));
    for (const id of lost) {
      const tunnel = this.#local.get(id);
      if (tunnel?.generation === generations.get(id)) this.#lose(tunnel as Tunnel);
    }
    this.#options.told?.();
    return true;
  }

  /** It is told after the others, with no more than what is needed. False: there are no others. */
  #postpone(change: PresenceChange & { readonly gone: true }): boolean {
    if (this.#singly > 0) this.#singly--;
    this.#untold.delete(change.id);
    this.#untold.set(change.id, {
      change: { ...change, properties: {}, end: undefined },
      hasFailed: true,
    });
    return [...this.#untold.values()].some(({ hasFailed }) => !hasFailed);
  }

  /** Another node has a later tunnel of the device. */
  #lose(tunnel: Tunnel, successor: RemoteDevice | null = null): void {
    this.#remove(tunnel);
    this.#untold.delete(tunnel.id);
    if (successor) this.#remote.set(tunnel.id, successor);
    this.#contain(() => tunnel.evict());
    if (successor) this.#came(successor);
    else this.#went(tunnel);
  }

  /** There is something to read. */
  #hinted(): void {
    if (this.#isHinted) return;
    this.#isHinted = true;
    if (this.#reading) return;
    this.#readTimer?.cancel();
    this.#readLater(this.#options.limits.hintMs);
  }

  #readLater(ms: number): void {
    if (this.#stopped) return;
    this.#readTimer = this.#options.clock.schedule(ms, () => {
      this.#isHinted = false;
      this.#reading = this.#read()
        .then(() => this.#buryMeanwhile())
        .catch((error) => this.#failed(error, 'presence not read'))
        .then(() => {
          this.#reading = null;
          const { hintMs, readMs } = this.#options.limits;
          this.#readLater(this.#isHinted ? hintMs : readMs);
        });
    });
  }

  /** A lease counts as over only by readings that all succeeded. */
  #failed(error: unknown, what: string): void {
    this.#overSince.clear();
    if (!(error instanceof StoreUnavailable)) this.#options.log.error({ err: error }, what);
  }

  /** What comes is read while the devices of a dead node, of which there may be thousands, are noted off line. */
  #buryMeanwhile(): void {
    this.#burying ??= this.#bury()
      .catch((error) => this.#failed(error, 'devices of a dead node not noted off line'))
      .then(() => {
        this.#burying = null;
      });
  }

  /** Rejects with `EndUnconfirmed` if this node does not read within `limits.endMs` that it has. */
  #untilEnded(id: string, asked: AskedEnd): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#ending.delete(ending);
        reject(new EndUnconfirmed(this.#nodes.get(asked.epoch)?.name ?? `of epoch ${asked.epoch}`));
      };
      const timer = this.#options.clock.schedule(this.#options.limits.endMs, giveUp);
      const ending: Ending = {
        look: () => {
          // What is known may be from before it was asked.
          if (this.#position < asked.change || this.#remote.get(id)?.generation === asked.generation) return;
          this.#ending.delete(ending);
          timer.cancel();
          resolve();
        },
        giveUp: () => {
          timer.cancel();
          giveUp();
        },
      };
      if (this.#stopped) ending.giveUp();
      else this.#ending.add(ending);
    });
  }

  async #read(): Promise<void> {
    const { table, clock, limits } = this.#options;
    this.#describe();
    let isWhole = this.#position === 0;
    for (;;) {
      const began = clock.now();
      const reading = await table.read(this.#position);
      this.#takeNodes(reading.nodes);
      if (this.#beginsAnew(reading, isWhole)) {
        isWhole = true;
        continue;
      }
      for (const row of reading.rows) this.#take(row);
      this.#position = reading.rows.at(-1)?.change ?? this.#position;
      if (reading.rows.length >= limits.readRows) continue;
      this.#knownAt = began;
      this.#dropUnconfirmed();
      for (const { look } of [...this.#ending]) look();
      return;
    }
  }

  /** What devices here say of themselves has changed. */
  #describe(): void {
    for (const tunnel of this.#local.values())
      if (this.#described.get(tunnel.id) !== tunnel.properties) this.#tellHere(tunnel, true);
  }

  #takeNodes(nodes: readonly NodeRow[]): void {
    const { dialer } = this.#options;
    const present = new Map(nodes.map((node) => [node.epoch, node]));
    for (const { epoch, name } of this.#nodes.values())
      if (!present.has(epoch)) dialer.forget({ name, epoch });
    this.#nodes = present;
  }

  /** Whether everything is to be read, because the data are others, or what has gone is not in them any more. `isWhole`: it is being read. */
  #beginsAnew({ table, pruned }: PresenceReading, isWhole: boolean): boolean {
    const { clock, limits } = this.#options;
    const isOther = this.#table !== null && table !== this.#table;
    const isBehind = !isWhole && pruned > this.#position;
    this.#table = table;
    if (!isOther && !isBehind) return false;
    this.#position = 0;
    this.#unconfirmed = {
      ids: new Set(this.#remote.keys()),
      until: clock.now() + (isOther ? limits.retellMs : 0),
    };
    if (isOther) this.tellAgain();
    return true;
  }

  #dropUnconfirmed(): void {
    const unconfirmed = this.#unconfirmed;
    if (!unconfirmed || this.#options.clock.now() < unconfirmed.until) return;
    this.#unconfirmed = null;
    for (const id of unconfirmed.ids) {
      const device = this.#remote.get(id);
      if (device) this.#removeRemote(device);
    }
  }

  #removeRemote(device: RemoteDevice): void {
    this.#remote.delete(device.id);
    this.#went(device);
  }

  #take(row: PresenceRow): void {
    const { id, generation, gone, epoch } = row;
    this.#highest = Math.max(this.#highest, generation);
    const local = this.#local.get(id);
    const former = this.#remote.get(id);
    if (epoch === this.#options.lease.epoch) {
      if (former && former.generation < generation) this.#removeRemote(former);
      if (local?.generation !== generation) return;
      if (row.endAsked !== null) this.#options.end?.(id, JSON.parse(row.endAsked) as TunnelEnd);
      // The others hold it for gone.
      else if (gone && !this.#untold.has(id)) this.#tellHere(local, true);
      return;
    }
    this.#unconfirmed?.ids.delete(id);
    const isLater = generation > Math.max(local?.generation ?? -1, former?.generation ?? -1);
    const node = this.#nodes.get(epoch);
    // The row of a node is there before its devices, and goes after them: that they have gone comes next.
    if (gone || !node) {
      if (local && generation > local.generation) this.#lose(local);
      else if (former && generation >= former.generation) this.#removeRemote(former);
      return;
    }
    if (isLater) {
      const device = new RemoteDevice(row, node.name, this.#open);
      if (local) this.#lose(local, device);
      else {
        this.#remote.set(id, device);
        this.#came(device);
      }
    } else if (former?.generation === generation) former.describe(row.properties);
  }

  /** Notes the devices of nodes off line that have gone without a word. */
  async #bury(): Promise<void> {
    const { table, lease, clock, limits, log } = this.#options;
    for (const epoch of this.#overSince.keys()) if (!this.#nodes.has(epoch)) this.#overSince.delete(epoch);
    for (const { epoch, name, alive, superseded } of this.#nodes.values()) {
      if (alive || epoch === lease.epoch) {
        this.#overSince.delete(epoch);
        continue;
      }
      const since = this.#overSince.get(epoch) ?? clock.now();
      this.#overSince.set(epoch, since);
      if (!lease.holds || (!superseded && clock.now() - since < limits.buryMs)) continue;
      log.warn({ node: name, epoch }, 'the lease of a node is over: its devices are noted off line');
      while (!this.#stopped && (await table.bury(epoch)));
      this.#options.told?.();
    }
  }

  readonly #open = (device: RemoteDevice, port: number, user?: string): DeviceChannel => {
    const peer = this.#peerOf(device.epoch);
    if (!peer) throw new TunnelLost();
    const { id, uid, generation } = device;
    return this.#options.dialer.open(peer, { id, uid, generation }, port, {
      ...(user !== undefined && { user }),
      relocate: () => this.#relocate(device),
    });
  };

  /** Looks in the database itself. */
  async #relocate({ id, uid, generation }: RemoteDevice): Promise<Place | null> {
    try {
      const row = await this.#lookUps.ask({ id, uid });
      const peer = row && row.epoch !== this.#options.lease.epoch ? this.#peerOf(row.epoch) : null;
      if (!row || !peer || row.generation === generation) return null;
      return { peer, target: { id, uid, generation: row.generation } };
    } catch (error) {
      if (error instanceof StoreUnavailable) return null;
      throw error;
    }
  }

  #peerOf(epoch: number): Peer | null {
    const node = this.#nodes.get(epoch);
    return node ? { name: node.name, epoch, address: node.address } : null;
  }
}

function goneOf({ id, uid, generation, properties, end }: LocalTunnel, untold: boolean): PresenceChange {
  return { id, uid, generation, properties, gone: true, end, untold };
}
