import type { Random } from '../../protocol/src/testing/random.ts';
import type {
  Address,
  Cancellable,
  ConnectOptions,
  HostError,
  Listener,
  Network,
  Socket,
  SocketHandler,
} from '../src/host.ts';
import type { SimulatedClock } from './clock.ts';
import { type ConnectionFault, type SimulatedPath, SimulatedSocket, type TlsAnswer } from './socket.ts';

/** What stands at an address: a program that accepts, an error, or nothing that answers. */
export type Endpoint =
  | { readonly accept: (socket: SimulatedSocket) => SocketHandler; readonly tls?: TlsAnswer }
  | { readonly error: HostError }
  | 'silent';

/** What somebody sends back to a multicast message. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
  /** Absent: a latency of the network. */
  readonly afterMs?: number;
}

export type Name = readonly string[] | HostError | 'silent';

export const refused: HostError = { code: 'refused', message: 'connection refused' };
export const timedOut: HostError = { code: 'timed-out', message: 'connection timed out' };
export const unreachable: HostError = { code: 'unreachable', message: 'network is unreachable' };

/** A network of which every name, place, delay and fault is given, and every handle of the agent counted. */
export class SimulatedNetwork implements Network, SimulatedPath {
  ownAuthorities?: string = 'those of the simulation';
  readonly clock: SimulatedClock;
  readonly random: Random;
  bufferBytes = 65_536;
  latencyMs: readonly [number, number] = [1, 1];
  /** What befalls the connections that are dialled from now on. */
  faultFor: () => ConnectionFault | null = () => null;
  forgetsAfterMs = Number.POSITIVE_INFINITY;
  readonly received = new Set<Uint8Array>();
  /** Look-ups of names; an IP literal needs none. */
  readonly names = new Map<string, Name>();
  /** By `address:port`; nothing there means that the connection is refused. */
  readonly endpoints = new Map<string, Endpoint>();
  readonly paths = new Map<string, Endpoint>();
  /** What the agent holds at present. */
  readonly sockets = new Set<SimulatedSocket>();
  lookUps = 0;
  /** Ports from which somebody has asked a multicast group, and is not done. */
  asking = 0;
  /** What comes back to what is sent to a group, by the own address from which it is sent; an error: it cannot be sent. */
  readonly groups = new Map<string, ((message: Uint8Array) => readonly Datagram[]) | HostError>();
  readonly #watchers = new Set<() => void>();
  /** All that was dialled, in order. */
  readonly dialled: string[] = [];
  /** For each of these the seconds of silence after which TCP asks; 0: never. */
  readonly probed: number[] = [];

  constructor(clock: SimulatedClock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  latency(): number {
    return this.random.integer(...this.latencyMs);
  }

  resolve(name: string, done: (addresses: readonly Address[], error: HostError | null) => void): Cancellable {
    let open = true;
    const close = () => {
      if (open) this.lookUps--;
      open = false;
    };
    this.lookUps++;
    const literal = /^[\d.]+$|:/.test(name);
    const found = literal ? [name] : this.names.get(name);
    this.clock.defer(literal ? 0 : this.latency(), () => {
      if (!open || found === 'silent') return;
      close();
      if (found && !('code' in found)) {
        const family = (address: string) => (address.includes(':') ? 6 : 4);
        done(
          found.map((address) => ({ address, family: family(address) })),
          null,
        );
      } else {
        done([], found ?? { code: 'name-not-found', message: 'name not found' });
      }
    });
    return { cancel: close };
  }

  connect({ address, port, probeAfterSeconds = 0 }: ConnectOptions, handler: SocketHandler): SimulatedSocket {
    this.dialled.push(`${address}:${port}`);
    this.probed.push(probeAfterSeconds);
    return this.#dial(() => this.endpoints.get(`${address}:${port}`), handler);
  }

  connectLocal(path: string, handler: SocketHandler): SimulatedSocket {
    return this.#dial(
      () => this.paths.get(path) ?? { error: { code: 'not-found', message: 'no such file' } },
      handler,
    );
  }

  listenLocal(
    path: string,
    accept: (socket: Socket) => SocketHandler,
    failed: (error: HostError) => void,
  ): Listener {
    return this.#listen(this.paths, path, { accept }, 'another agent uses it', failed);
  }

  listenTcp(
    address: string,
    port: number,
    accept: (socket: Socket) => SocketHandler,
    failed: (error: HostError) => void,
  ): Listener {
    return this.#listen(this.endpoints, `${address}:${port}`, { accept }, 'address in use', failed);
  }

  multicast(
    from: string,
    _group: string,
    _port: number,
    messages: readonly Uint8Array[],
    answered: (bytes: Uint8Array, address: string, port: number) => void,
    failed: (error: HostError) => void,
  ): Cancellable {
    let open = true;
    const cancel = () => {
      if (open) this.asking--;
      open = false;
    };
    this.asking++;
    const group = this.groups.get(from) ?? unreachable;
    if (typeof group === 'function')
      for (const { bytes, address, port, afterMs = this.latency() } of messages.flatMap(group))
        this.clock.defer(afterMs, () => {
          if (open) answered(bytes, address, port);
        });
    else
      this.clock.defer(0, () => {
        if (!open) return;
        cancel();
        failed(group);
      });
    return { cancel };
  }

  onChange(changed: () => void): Cancellable {
    this.#watchers.add(changed);
    return { cancel: () => void this.#watchers.delete(changed) };
  }

  /** How many want to be told of changes. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** An address or a default route has come or gone. */
  change(): void {
    for (const changed of [...this.#watchers])
      this.clock.defer(0, () => this.#watchers.has(changed) && changed());
  }

  /** A program that listens. */
  listen(
    address: string,
    port: number,
    accept: (socket: SimulatedSocket) => SocketHandler,
    tls?: TlsAnswer,
  ): void {
    this.endpoints.set(`${address}:${port}`, { accept, ...(tls ? { tls } : {}) });
  }

  /** All connections that exist go dead without a word. */
  cutAll(): void {
    for (const socket of this.sockets) socket.cut = true;
  }

  #listen(
    places: Map<string, Endpoint>,
    place: string,
    endpoint: Endpoint,
    taken: string,
    failed: (error: HostError) => void,
  ): Listener {
    if (places.has(place)) {
      this.clock.defer(0, () => failed({ code: 'in-use', message: taken }));
      return { close: () => undefined };
    }
    places.set(place, endpoint);
    return { close: () => places.delete(place) };
  }

  #dial(find: () => Endpoint | undefined, handler: SocketHandler): SimulatedSocket {
    const socket = new SimulatedSocket(this, (gone) => this.sockets.delete(gone));
    socket.handler = handler;
    socket.fault = this.faultFor();
    this.sockets.add(socket);
    this.clock.defer(this.latency(), () => {
      if (socket.over) return;
      const place = find() ?? { error: refused };
      if (place === 'silent') return;
      if ('error' in place) {
        socket.fail(place.error);
        return;
      }
      const peer = new SimulatedSocket(this);
      socket.join(peer);
      socket.tls = place.tls ?? null;
      peer.handler = place.accept(peer);
      handler.connected();
    });
    return socket;
  }
}
