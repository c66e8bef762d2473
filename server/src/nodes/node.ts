import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { LocalTunnel, TunnelEnd } from 'rm-reflector/ports';
import { ClusterPresence, type Dialer } from './cluster-presence.ts';
import { Lease } from './lease.ts';
import type { NodeLimits } from './limits.ts';
import type { MembershipTable } from './membership-table.ts';

/** Carries bytes between this process and its peers. */
export interface Relay {
  readonly dialer: Dialer & { close(): void };
  /** Lets peers reach the tunnels of this process. Rejects when it cannot listen. */
  listen(tunnels: ReadonlyMap<string, LocalTunnel>): Promise<{ close(): Promise<void> }>;
}

export interface NodeOptions {
  readonly name: string;
  /** `host:port` by which its peers reach it. */
  readonly address: string;
  /** Closed at the end. */
  readonly table: MembershipTable;
  /** Called once the epoch of this process is known. */
  readonly relay: (node: { readonly name: string; readonly epoch: number }) => Relay;
  readonly clock: Clock;
  readonly limits: NodeLimits;
  /** How long what is known of other nodes counts while the database is away, ms. */
  readonly outageMs: number;
  readonly log: Logger;
  /** Events were added to the log of events. */
  readonly told?: () => void;
  /** Another process has taken the name: this one is to end. */
  readonly superseded: () => void;
  /** Another node has asked for the end of the tunnel of a device here. */
  readonly end: (id: string, end: TunnelEnd) => void;
  /** Somebody has said that this node takes no more devices. Called once. */
  readonly drain: () => void;
}

/** This process among the servers that share the database. */
export interface Node<Tunnel extends LocalTunnel> {
  readonly lease: Lease;
  /** To be closed once the tunnels of this process have ended; the node has left then. */
  readonly presence: ClusterPresence<Tunnel>;
  /** Changes that the other nodes do not know yet. */
  readonly untold: number;
}

/**
 * Takes the name, notes the devices of a former process of it off line, and listens for peers. Rejects with `StoreUnavailable`, or with
 * what `relay` or its `listen` has failed with: then the node has left again, and nothing is left open.
 */
export async function startNode<Tunnel extends LocalTunnel>(options: NodeOptions): Promise<Node<Tunnel>> {
  const { table, name, clock, limits, log } = options;
  const closers: (() => unknown)[] = [() => table.close()];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    let presence: ClusterPresence<Tunnel> | null = null;
    let isTold = true;
    const lease = new Lease({
      ...{ table, name, address: options.address, clock, limits, log },
      lapsed: () => presence?.tellAgain(),
      superseded: () => {
        presence?.evictAll();
        options.superseded();
      },
      drain: options.drain,
    });
    closers.push(() => lease.stop({ leave: isTold }));
    await lease.join();
    await buryFormer(table, name);
    await table.settle();
    const relay = options.relay({ name, epoch: lease.epoch });
    closers.push(() => relay.dialer.close());
    const made = new ClusterPresence<Tunnel>({
      ...{ table, lease, clock, limits, log, dialer: relay.dialer, outageMs: options.outageMs },
      ...(options.told && { told: options.told }),
      end: options.end,
      close,
    });
    presence = made;
    closers.push(async () => {
      isTold = await made.stop();
    });
    const listener = await relay.listen(made.local);
    closers.push(() => listener.close());
    await made.start();
    log.info({ node: name, epoch: lease.epoch }, 'this server is a node');
    return {
      lease,
      presence: made,
      get untold() {
        return made.untold;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What former processes of this name had is off line: their devices come again. */
async function buryFormer(table: MembershipTable, name: string): Promise<void> {
  const { nodes } = await table.read(Number.MAX_SAFE_INTEGER);
  for (const node of nodes) {
    if (node.name === name && node.superseded) while (await table.bury(node.epoch));
  }
}
