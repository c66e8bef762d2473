import type { Cancellable, HostError, Network, Socket, SocketHandler, TlsOptions } from '../host/host.ts';

/** A target on another machine may lose its power; its connections must not stay until the local timeout. */
const PROBE_AFTER_SECONDS = 120;

/** How a port of the list is reached. A port that is not listed is never reachable. */
export interface Service {
  readonly port: number;
  /** Connects: to a TCP target, or to a handler inside the process. */
  readonly dial: Dial;
}

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
 * Dials `port` of `target`, a name or an IP literal, resolved afresh each time; all its addresses are tried in order.
 * With `tls` the connection is made private before it counts as connected. The certificate is not checked: it is the
 * device's own, mostly self-signed, and reached over its own loopback interface.
 */
export function dialTcp(network: Network, target: string, port: number, tls: boolean): Dial {
  return (handler) => {
    let attempt: Cancellable = network.resolve(target, (addresses, error) => {
      const tryFrom = (index: number, last: HostError | null): void => {
        const address = addresses[index];
        if (!address) {
          handler.closed(last ?? { code: 'name-not-found', message: `${target} has no address` });
          return;
        }
        let connected = false;
        const ready = () => {
          connected = true;
          attempt = { cancel: () => undefined };
          handler.connected(socket);
        };
        const socket = network.connect(
          { address: address.address, port, probeAfterSeconds: PROBE_AFTER_SECONDS },
          {
            connected: () => (tls ? socket.startTls(localTls(target)) : ready()),
            secured: ready,
            data: (bytes, start, end) => handler.data(bytes, start, end),
            taken: (count) => handler.taken(count),
            ended: () => handler.ended(),
            closed: (failure) => {
              if (connected) handler.closed(failure);
              else tryFrom(index + 1, failure);
            },
          },
        );
        attempt = { cancel: () => socket.destroy() };
      };
      tryFrom(0, error);
    });
    return { cancel: () => attempt.cancel() };
  };
}

function localTls(serverName: string): TlsOptions {
  return { serverName, ca: null, certificate: null, key: null, minVersion: '1.2', verify: false };
}
