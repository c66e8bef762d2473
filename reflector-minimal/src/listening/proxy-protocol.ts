import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { plainAddress } from '../network/addresses.ts';
import { guardConnections } from './guard-connections.ts';
import { type ProxiedPeer, readProxyHeader } from './proxy-header.ts';

export interface ProxyProtocolOptions {
  /** Whose connections begin with a header. */
  readonly proxies: { has(address: string): boolean };
  readonly limits: Pick<Limits, 'proxyHeaderBytes' | 'proxyHeaderMs'>;
  readonly clock: Clock;
  /** A proxy has sent something else. `address`: its own. */
  readonly refused: (address: string, reason: string) => void;
}

/**
 * Takes the header of the PROXY protocol off connections of trusted proxies, before TLS and HTTP see a byte. From then on the socket
 * says that it comes from whom the proxy has named, so everything that asks for the address is told that one. A proxy must send a
 * header; from everybody else it is what it would be without this: no HTTP, and no TLS.
 */
export class ProxyProtocol {
  readonly #options: ProxyProtocolOptions;
  /** Their headers are not complete. */
  readonly #waiting = new Set<Socket>();
  readonly #read = new WeakMap<Socket, ProxiedPeer | null>();

  constructor(options: ProxyProtocolOptions) {
    this.#options = options;
  }

  /** Connections of which the header is not complete. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Stands before all listeners of this server, those to come as well. */
  guard(server: Server): void {
    guardConnections(server, (socket) => {
      if (this.#read.has(socket)) return false;
      const { remoteAddress } = socket;
      // Reset already. Taken for somebody else's, its header would be a failed handshake of nobody.
      if (remoteAddress === undefined) socket.destroy();
      else if (!this.#options.proxies.has(plainAddress(remoteAddress))) return false;
      else this.#take(socket, () => server.emit('connection', socket));
      return true;
    });
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      // A socket of TLS asks the kernel, not the socket under it.
      const { _parent: under } = socket as { readonly _parent?: Socket };
      const peer = under && this.#read.get(under);
      if (peer) says(socket, peer);
    });
  }

  /** Closes what waits. */
  stop(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #take(socket: Socket, accepted: () => void): void {
    const { limits, clock, refused } = this.#options;
    const proxy = plainAddress(socket.remoteAddress ?? '');
    let held = Buffer.alloc(0);
    let timer: Cancellable | null = null;
    const leave = () => {
      timer?.cancel();
      this.#waiting.delete(socket);
      socket.off('readable', read).off('end', ended).off('error', ignored).off('close', leave);
    };
    const refuse = (reason: string) => {
      leave();
      // It may still report an error, and nobody else listens.
      socket.on('error', ignored).destroy();
      refused(proxy, reason);
    };
    const ignored = () => {};
    // A proxy may connect only to see whether somebody listens.
    const ended = () => {
      if (held.length > 0) return refuse('the connection ended before its PROXY header');
      leave();
      socket.on('error', ignored).destroy();
    };
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read())
        held = Buffer.concat([held, chunk]);
      const header = readProxyHeader(held, limits.proxyHeaderBytes);
      if (header === 'incomplete') return;
      if ('invalid' in header) return refuse(header.invalid);
      leave();
      if (held.length > header.bytes) socket.unshift(held.subarray(header.bytes));
      this.#read.set(socket, header.peer);
      if (header.peer) says(socket, header.peer);
      accepted();
    };
    timer = clock.schedule(limits.proxyHeaderMs, () => refuse('no PROXY header in time'));
    this.#waiting.add(socket);
    socket.on('readable', read).on('end', ended).on('error', ignored).on('close', leave);
  }
}

/** From now on the socket has this peer. */
function says(socket: Socket, { address, port }: ProxiedPeer): void {
  const fixed = (value: unknown) => ({ value, enumerable: true, configurable: true });
  Object.defineProperties(socket, {
    remoteAddress: fixed(address),
    remotePort: fixed(port),
    remoteFamily: fixed(address.includes(':') ? 'IPv6' : 'IPv4'),
  });
}
