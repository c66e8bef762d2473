import type { DeviceKey, TunnelEnd } from 'rm-reflector/ports';

/** What a node says of itself. */
export interface Identity {
  readonly name: string;
  /** Of this process; unguessable. */
  readonly instance: string;
  /** `host:port` by which its peers reach it. */
  readonly address: string;
}

/** A server that uses the database. */
export interface NodeRow {
  /** Of its process; a later process has a higher one. */
  readonly epoch: number;
  readonly name: string;
  readonly address: string;
  /** Its lease is not over, by the database's clock. */
  readonly alive: boolean;
  readonly draining: boolean;
  /** Another process has taken its name. */
  readonly superseded: boolean;
}

/** Where the latest tunnel of a device ends, or has ended. */
export interface PresenceRow extends DeviceKey {
  readonly epoch: number;
  readonly generation: number;
  /** The tunnel has ended. */
  readonly gone: boolean;
  /** Grows by one with each change of any row. */
  readonly change: number;
  readonly address: string;
  /** JSON object. */
  readonly properties: string;
  readonly visitorKey: string | null;
  /** JSON of the `TunnelEnd` with which the node is to end the tunnel; `null`: it lasts. */
  readonly endAsked: string | null;
}

/** What other nodes are to know of a tunnel. */
export type PresenceChange = DeviceKey & {
  readonly generation: number;
  readonly properties: Readonly<Record<string, string>>;
} & (
    | {
        readonly gone: false;
        readonly address: string;
        readonly visitorKey: string | undefined;
        /** It was told before: there is an event only if the device counts as off line. */
        readonly again: boolean;
      }
    | {
        readonly gone: true;
        readonly end: TunnelEnd | undefined;
        /** That it has come may not have been told: both are to be noted. */
        readonly untold: boolean;
      }
  );

/** A tunnel that is asked to end. */
export type AskedEnd = Pick<PresenceRow, 'epoch' | 'generation' | 'change'>;

/** What has changed behind a position. */
export interface PresenceReading {
  /** Of the data: another one, if the database has lost it. */
  readonly table: string;
  /** Rows of devices that have gone up to this change may be missing. */
  readonly pruned: number;
  readonly nodes: readonly NodeRow[];
  /** In the order of their changes. */
  readonly rows: readonly PresenceRow[];
}

export type Renewal =
  /** `lapsed`: it was over before. */
  | { readonly state: 'held'; readonly draining: boolean; readonly lapsed: boolean }
  /** Another process has taken the name. */
  | { readonly state: 'superseded' };

/**
 * The servers that share a database, and which devices they have. All methods reject with `StoreUnavailable` when it cannot be used;
 * each may be called again when it is not known whether it was done.
 */
export interface MembershipTable {
  /** Takes the name from whoever has it, and returns the epoch. A second call of the same instance returns the same one. */
  join(node: Identity): Promise<number>;
  renew(node: Identity, epoch: number): Promise<Renewal>;
  /** The node has ended in order. */
  leave(epoch: number): Promise<void>;
  /** That many numbers, each above all that were given before, and above `floor` if a failover has lost some. */
  generations(count: number, floor: number): Promise<readonly number[]>;
  /** The changes behind `position`, at most `limits.readRows`. */
  read(position: number): Promise<PresenceReading>;
  /** For each of these devices where it is, or `null` for nowhere. */
  find(devices: readonly DeviceKey[]): Promise<readonly (PresenceRow | null)[]>;
  /** Asks the node of a device to end its tunnel, and returns what its row is then. `null`: no node but `epoch` has one. */
  askEnd(device: DeviceKey, end: TunnelEnd, epoch: number): Promise<AskedEnd | null>;
  /**
   * Tells what has come and gone at a node, with its events. Returns the ids of which another node has a later tunnel. Rejects with
   * `NotHeld` while the lease is over, when nothing was changed.
   */
  tell(epoch: number, changes: readonly PresenceChange[]): Promise<readonly string[]>;
  /**
   * Notes some of the devices of a node off line whose lease is over or that was superseded, and removes the node once it has none.
   * Returns whether there may be more.
   */
  bury(epoch: number): Promise<boolean>;
  /**
   * Calls `heard` soon after a node has told something, as far as that is possible: which one, or `null` if that is not known. The
   * returned function ends it.
   */
  listen(heard: (epoch: number | null) => void): () => void;
  /** Notes devices off line that are on line at no node that there is. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** A node whose lease is over wants to tell something. */
export class NotHeld extends Error {
  override readonly name = 'NotHeld';

  constructor() {
    super('the lease of this node is over');
  }
}
