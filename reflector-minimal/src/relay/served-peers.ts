import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { LocalTunnel } from '../ports/presence.ts';
import { HeldBytes } from '../tunnels/held-bytes.ts';
import type { Hello, NodeLife } from './hello.ts';
import { ServedPeer } from './served-peer.ts';

export interface ServedPeersOptions {
  /** This node. */
  readonly node: NodeLife;
  /** Tunnels of this process: `Presence.local`. */
  readonly tunnels: ReadonlyMap<string, LocalTunnel>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  faulty(error: unknown): void;
}

/** A connection that another node has made. */
export interface Caller {
  /** For the log. */
  readonly address: string;
  /** Why it is not who it says it is, or `null`. */
  objection(hello: Hello): string | null;
  /** It has said who it is, and is accepted. */
  greeted(): void;
  /** It has ended without that. */
  refused(reason: string): void;
}

interface Greeted {
  readonly peer: ServedPeer;
  readonly epoch: number;
}

/** The nodes that have connected to this one, however they came. Of two processes with one name, the younger counts. */
export class ServedPeers {
  readonly #options: ServedPeersOptions;
  readonly #held: HeldBytes;
  /** All that are connected, and those that have said who they are by name, the oldest first. */
  readonly #peers = new Set<ServedPeer>();
  readonly #greeted = new Map<string, Greeted[]>();
  /** Lines about nodes that come and go, since when by the clock. */
  #lines = 0;
  #linesSince = Number.NEGATIVE_INFINITY;

  constructor(options: ServedPeersOptions) {
    this.#options = options;
    this.#held = new HeldBytes(options.limits.relayHeldBytes);
  }

  /** `socket`: connected, and authenticated as far as TLS does that. */
  serve(socket: Duplex, { address, objection, greeted, refused }: Caller): void {
    const { node, tunnels, limits, clock, faulty } = this.#options;
    let accepted: Hello | null = null;
    const peer = new ServedPeer({
      socket,
      node,
      tunnels,
      limits,
      clock,
      held: this.#held,
      greeted: (hello) => {
        const found = objection(hello) ?? this.#outlived(hello);
        if (found !== null) return found;
        accepted = hello;
        greeted();
        this.#enter(hello, peer);
        this.#tell({ peer: hello.name, epoch: hello.epoch, address }, 'a node has connected to the relay');
        return null;
      },
      lost: (reason) => {
        this.#peers.delete(peer);
        if (!accepted) return refused(reason);
        this.#leave(accepted.name, peer);
        this.#tell({ peer: accepted.name, reason }, 'a node has left the relay');
      },
      faulty,
    });
    this.#peers.add(peer);
  }

  /** Ends all connections and their channels. */
  end(reason: string): void {
    for (const peer of this.#peers) peer.end(reason);
  }

  #outlived({ name, epoch }: Hello): string | null {
    const younger = (this.#greeted.get(name) ?? []).some((other) => other.epoch > epoch);
    return younger ? `epoch ${epoch} of ${JSON.stringify(name)} has passed` : null;
  }

  #enter({ name, epoch }: Hello, peer: ServedPeer): void {
    const others = [...(this.#greeted.get(name) ?? [])];
    this.#greeted.set(name, [...others, { peer, epoch }]);
    const more = others.length + 1 - this.#options.limits.relayConnectionsPerPeer;
    others.forEach((other, i) => {
      if (other.epoch < epoch) other.peer.end('this node has started again');
      else if (i < more) other.peer.end('too many connections of this node');
    });
  }

  #leave(name: string, peer: ServedPeer): void {
    const rest = (this.#greeted.get(name) ?? []).filter((other) => other.peer !== peer);
    if (rest.length > 0) this.#greeted.set(name, rest);
    else this.#greeted.delete(name);
  }

  /** A node that comes and goes without end does not fill the log. */
  #tell(facts: object, message: string): void {
    const { clock, limits, log } = this.#options;
    if (clock.now() - this.#linesSince >= limits.relayTlsMs) {
      this.#linesSince = clock.now();
      this.#lines = 0;
    }
    this.#lines++;
    if (this.#lines <= limits.relayLines) log.info(facts, message);
    else if (this.#lines === limits.relayLines + 1)
      log.warn(facts, 'nodes come to the relay and go so often that further lines are left out for a while');
  }
}
