import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopback, networksOf, plainAddress } from './addresses.ts';

/** What names a connection, also where the socket that speaks TLS on it is another than the one that was accepted. */
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** The trusted proxies. */
interface Addresses {
  has(address: string): boolean;
}

/**
 * Bounds the connections of one network (an IPv4 /24, an IPv6 /48) on which nobody has shown yet who they are: without it
 * a single machine that opens connections and says nothing takes the places of all. Who has logged in, and a device that
 * was let in, is not counted any more: a fleet behind one address has all the places that it needs. This machine and the
 * trusted proxies speak for others and are not bounded here.
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

  /** Closes what is too much as soon as it is accepted, and tells `dropped` of it. */
  limit(server: Pick<Server, 'on'>, dropped: (address: string) => void): void {
    server.on('connection', (socket: Socket) => {
      const { remoteAddress = '', remotePort } = socket;
      if (!this.#add({ remoteAddress, remotePort })) {
        dropped(remoteAddress);
        socket.destroy();
        return;
      }
      // A socket that is closed does not know its peer any more.
      socket.once('close', () => this.#remove({ remoteAddress, remotePort }));
    });
  }

  /** Somebody has shown on this connection who they are. */
  authenticated(socket: Duplex): void {
    this.#remove(socket as Partial<Socket> as Peer);
  }

  /** False when the network has too many already. */
  #add(peer: Peer): boolean {
    const address = plainAddress(peer.remoteAddress ?? '');
    if (isLoopback(address) || this.#proxies.has(address)) return true;
    const [narrow, network = narrow] = networksOf(address);
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
