import { interleave } from '../connect/interleave.ts';
import { type Connection, type ConnectionHandler, Race, type RaceEvents } from '../connect/race.ts';
import type {
  Address,
  Cancellable,
  Host,
  HostError,
  Socket,
  SocketHandler,
  TlsOptions,
} from '../host/host.ts';
import { type ChannelErrorCode, parseIp } from '../protocol/index.ts';

/** A target on another machine may lose its power; its connections must not stay until the local timeout. */
const PROBE_AFTER_SECONDS = 120;

/** How a port of the list is reached. A port that is not listed is never reachable. */
export interface Service {
  readonly port: number;
  /** Connects: to a TCP target, or to a handler inside the process. */
  readonly dial: Dial;
  /** Asked before each dial; absent: everybody is let in. */
  readonly admit?: Admit;
}

/** Why a channel may not be opened now. */
export interface Refusal {
  readonly fault: ChannelErrorCode;
  /** For the log. */
  readonly reason: string;
}

/**
 * Says whether a channel may be opened: no, yes (`null`), or later, by one call of `decided`, which never comes from
 * within this call nor after `cancel`.
 */
export type Admit = (
  channel: number,
  decided: (refusal: Refusal | null) => void,
) => Refusal | Cancellable | null;

/** Like {@link SocketHandler}, but learns of its socket when it is connected. */
export interface LocalHandler extends Omit<SocketHandler, 'connected' | 'secured'> {
  connected(socket: Socket): void;
}

/**
 * Starts to connect and returns at once. `cancel` ends the attempt; once connected it does nothing, and the socket's
 * `destroy` ends the connection. Failure comes as `closed`.
 */
export type Dial = (handler: LocalHandler) => Cancellable;

/**
 * Dials `port` of `target`, a name or an IP literal; a name is resolved afresh each time, and at most `most` of its
 * addresses race. With `tls` the connection is made private before it counts as connected. The certificate is not
 * checked: it is the device's own, mostly self-signed, and reached over its own loopback interface.
 */
export function dialTcp(host: Machine, target: string, port: number, tls: boolean, most: number): Dial {
  const literal = parseIp(target);
  const address: Address | null = literal && { address: target, family: literal.length === 4 ? 4 : 6 };
  const service = { target, port, tls, most, fixed: address && [address] };
  return (handler) => new Dialling(host, service, handler);
}

type Machine = Pick<Host, 'network' | 'clock'>;

interface TcpService {
  readonly target: string;
  readonly port: number;
  readonly tls: boolean;
  readonly most: number;
  /** Of an IP literal. */
  readonly fixed: readonly Address[] | null;
}

/** One connection to a service on its way. A class, because there is one for each channel of a tunnel. */
class Dialling implements Cancellable, RaceEvents {
  readonly #host: Machine;
  readonly #service: TcpService;
  readonly #handler: LocalHandler;
  /** The look-up, the race or the handshake; `null` when it is over. */
  #underWay: Cancellable | null;

  constructor(host: Machine, service: TcpService, handler: LocalHandler) {
    this.#host = host;
    this.#service = service;
    this.#handler = handler;
    const { target, fixed } = service;
    this.#underWay = fixed
      ? this.#race(fixed)
      : host.network.resolve(target, (addresses, error) => this.#resolved(addresses, error));
  }

  cancel(): void {
    this.#underWay?.cancel();
    this.#underWay = null;
  }

  /** @internal */
  connected(connection: Connection): void {
    const { target, tls } = this.#service;
    if (!tls) {
      this.#ready(connection);
      return;
    }
    const { socket } = connection;
    this.#underWay = { cancel: () => socket.destroy() };
    connection.handler = untilSecured(this.#handler, () => this.#ready(connection));
    socket.startTls(localTls(target));
  }

  /** @internal */
  failed(error: HostError): void {
    this.#underWay = null;
    this.#handler.closed(error);
  }

  #resolved(addresses: readonly Address[], error: HostError | null): void {
    const { target, most } = this.#service;
    if (error || addresses.length === 0) {
      this.failed(error ?? { code: 'name-not-found', message: `${target} has no address` });
      return;
    }
    this.#underWay = this.#race(interleave(addresses, most));
  }

  #race(addresses: readonly Address[]): Race {
    const { port } = this.#service;
    return new Race(this.#host, { addresses, port, probeAfterSeconds: PROBE_AFTER_SECONDS }, this);
  }

  #ready(connection: Connection): void {
    this.#underWay = null;
    connection.handler = this.#handler;
    this.#handler.connected(connection.socket);
  }
}

function untilSecured(handler: LocalHandler, secured: () => void): ConnectionHandler {
  return {
    secured,
    data: () => undefined,
    taken: () => undefined,
    // An alert that says why may still be on its way to `closed`.
    ended: () => undefined,
    closed: (error) => handler.closed(error ?? { code: 'reset', message: 'connection closed during TLS' }),
  };
}

function localTls(serverName: string): TlsOptions {
  const none = { ca: null, certificate: null, key: null, judgedAt: null };
  return { serverName, ...none, minVersion: '1.2', verify: false };
}
