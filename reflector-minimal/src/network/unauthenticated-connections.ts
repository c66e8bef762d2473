import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopback, networksOf, plainAddress } from './addresses.ts';

/** Identifies a connection by its TCP socket and by its TLS socket alike. */
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** The trusted proxies. */
interface Addresses {
  has(address: string): boolean;
}

/**
 * Limits the connections from one network (an IPv4 /24 or IPv6 /48) on which nobody has authenticated yet. Without it, one
 * machine could use up all connections. A connection stops counting when a user or device authenticates on it, so a fleet
 * behind one address is not limited. Loopback and trusted proxies are not limited, because they act for others.
 */
export class UnauthenticatedConnections {
  readonly #perNetwork: number;
  readonly #proxies: Addresses;
  /** Network of each connection that is counted. */
  readonly #connections = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** `perNetwork`: `limits.unauthenticatedPerNetwork`. */
  constructor(perNetwork: number, proxies: Addresses) {
    this.#perNetwork = perNetwork;
    this.#proxies = proxies;
  }

  /** Connections that are counted. */
  get size(): number {
    return this.#connections.size;
  }

  /** Counts a connection that was just accepted, until it closes; `false`: its network has too many. */
  admits(socket: Socket): boolean {
    const { remoteAddress = '', remotePort } = socket;
    if (!this.#add({ remoteAddress, remotePort })) return false;
    // A closed socket no longer knows its peer.
    socket.once('close', () => this.#remove({ remoteAddress, remotePort }));
    return true;
  }

  /** Whether its network has used up more than half of its places: devices that wait leave the others to users. */
  isHalfFull(socket: Socket): boolean {
    const network = this.#connections.get(keyOf(socket));
    return network !== undefined && (this.#counts.get(network) ?? 0) > this.#perNetwork / 2;
  }

  /** A user or device has authenticated on this connection. */
  authenticated(socket: Duplex): void {
    this.#remove(socket as Partial<Socket> as Peer);
  }

  /** False when the network has too many already. */
  #add(peer: Peer): boolean {
    const address = plainAddress(peer.remoteAddress ?? '');
    if (isLoopback(address) || this.#proxies.has(address)) return true;
    const [narrow, network = narrow] = networksOf(address);
    // Two proxies may name the same peer: counted twice, it would be given back once.
    if (this.#connections.has(keyOf(peer))) return true;
    const count = this.#counts.get(network) ?? 0;
    if (count >= this.#perNetwork) return false;
    this.#counts.set(network, count + 1);
    this.#connections.set(keyOf(peer), network);
    return true;
  }

  #remove(peer: Peer): void {
    const network = this.#connections.get(keyOf(peer));
    if (network === undefined) return;
    this.#connections.delete(keyOf(peer));
    const left = (this.#counts.get(network) ?? 1) - 1;
    if (left > 0) this.#counts.set(network, left);
    else this.#counts.delete(network);
  }
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}
