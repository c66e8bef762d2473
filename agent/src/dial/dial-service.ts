import { base64Encode, parseIp } from 'rm-protocol';
import type {
  Address,
  Cancellable,
  Host,
  HostError,
  Socket,
  SocketHandler,
  TlsOptions,
  TlsSession,
} from '../host.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { interleave } from './interleave.ts';
import { LocalSocket } from './local-socket.ts';
import { Race, type RaceEvents } from './race.ts';

/** A target on another machine may lose its power; its connections must not stay until the local timeout. */
const PROBE_AFTER_SECONDS = 120;

/** Like {@link SocketHandler}, but learns of its socket when it is connected. */
export interface LocalHandler extends Omit<SocketHandler, 'connected' | 'secured'> {
  connected(socket: Socket): void;
}

/**
 * Starts to connect and returns at once. `cancel` ends the attempt; once connected it does nothing, and the socket's
 * `destroy` ends the connection. Failure comes as `closed`.
 */
export type Dial = (handler: LocalHandler) => Cancellable;

/** How TLS is spoken to a service. */
export interface ServiceTls {
  /** Asked for each connection, because files and the clock change. The error is one line for a person. */
  readonly options: () => TlsOptions | { readonly error: string };
  /** Base64 of SHA-256 digests of public keys, of which the service must show one; none: any key will do. */
  readonly pins: readonly string[];
}

/** Where a service is: a port of a host, which is a name or an IP literal, or a local (UNIX) socket. */
export type ServiceAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Dials a service. A name is resolved anew each time, and at most `most` of its addresses are tried. With `tls`, the
 * connection counts as connected once the TLS handshake is complete and the service is verified.
 */
export function dialService(
  host: Machine,
  place: ServiceAddress,
  tls: ServiceTls | null,
  most: number,
): Dial {
  const literal = 'host' in place ? parseIp(place.host) : null;
  const fixed: readonly Address[] | null =
    'host' in place && literal ? [{ address: place.host, family: literal.length === 4 ? 4 : 6 }] : null;
  const service = { place, tls, most, fixed };
  return (handler) => new ServiceConnector(host, service, handler);
}

type Machine = Pick<Host, 'network' | 'clock'>;

interface AddressedService {
  readonly place: ServiceAddress;
  readonly tls: ServiceTls | null;
  readonly most: number;
  /** Of an IP literal. */
  readonly fixed: readonly Address[] | null;
}

/** One connection to a service, while it is made. A class, because there is one for each channel of a tunnel. */
class ServiceConnector implements Cancellable, RaceEvents {
  readonly #host: Machine;
  readonly #service: AddressedService;
  readonly #handler: LocalHandler;
  /** The look-up, the race or the handshake; `null` when it is over. */
  #pending: Cancellable | null;

  constructor(host: Machine, service: AddressedService, handler: LocalHandler) {
    this.#host = host;
    this.#service = service;
    this.#handler = handler;
    const { place, fixed } = service;
    if ('path' in place) this.#pending = new LocalSocket(host, place.path, this);
    else if (fixed) this.#pending = this.#race(fixed, place.port);
    else
      this.#pending = host.network.resolve(place.host, (addresses, error) =>
        this.#resolved(addresses, error, place),
      );
  }

  cancel(): void {
    this.#pending?.cancel();
    this.#pending = null;
  }

  /** @internal */
  connected(connection: Connection): void {
    const { tls } = this.#service;
    if (!tls) {
      this.#ready(connection);
      return;
    }
    const { socket } = connection;
    const options = tls.options();
    if ('error' in options) {
      socket.destroy();
      this.failed({ code: 'tls-files', message: options.error });
      return;
    }
    this.#pending = { cancel: () => socket.destroy() };
    connection.handler = untilSecured(this.#handler, (session) => this.#secured(connection, session));
    socket.startTls(options);
  }

  /** @internal */
  failed(error: HostError): void {
    this.#pending = null;
    this.#handler.closed(error);
  }

  #resolved(
    addresses: readonly Address[],
    error: HostError | null,
    { host, port }: { readonly host: string; readonly port: number },
  ): void {
    if (error || addresses.length === 0) {
      this.failed(error ?? { code: 'name-not-found', message: `${host} has no address` });
      return;
    }
    this.#pending = this.#race(interleave(addresses, this.#service.most), port);
  }

  #race(addresses: readonly Address[], port: number): Race {
    return new Race(this.#host, { addresses, port, probeAfterSeconds: PROBE_AFTER_SECONDS }, this);
  }

  #secured(connection: Connection, { publicKeyDigest }: TlsSession): void {
    const { pins = [] } = this.#service.tls ?? {};
    const shown = base64Encode(publicKeyDigest);
    if (pins.length === 0 || pins.includes(shown)) {
      this.#ready(connection);
      return;
    }
    connection.socket.destroy();
    this.failed({ code: 'tls-untrusted', message: `its public key (sha256/${shown}) is none of tls.pins` });
  }

  #ready(connection: Connection): void {
    this.#pending = null;
    connection.handler = this.#handler;
    this.#handler.connected(connection.socket);
  }
}

function untilSecured(handler: LocalHandler, secured: (session: TlsSession) => void): ConnectionHandler {
  return {
    secured,
    data: () => undefined,
    taken: () => undefined,
    // An alert with the reason may still arrive, for `closed`.
    ended: () => undefined,
    closed: (error) => handler.closed(error ?? { code: 'reset', message: 'connection closed during TLS' }),
  };
}
