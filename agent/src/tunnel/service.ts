import { interleave } from '../connect/interleave.ts';
import { type ConnectionHandler, Race } from '../connect/race.ts';
import type { Cancellable, Host, Socket, SocketHandler, TlsOptions } from '../host/host.ts';
import type { ChannelErrorCode } from '../protocol/index.ts';

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
 * Dials `port` of `target`, a name or an IP literal, resolved afresh each time; at most `most` of its addresses race.
 * With `tls` the connection is made private before it counts as connected. The certificate is not checked: it is the
 * device's own, mostly self-signed, and reached over its own loopback interface.
 */
export function dialTcp(
  host: Pick<Host, 'network' | 'clock'>,
  target: string,
  port: number,
  tls: boolean,
  most: number,
): Dial {
  return (handler) => {
    let attempt: Cancellable = host.network.resolve(target, (addresses, error) => {
      if (error || addresses.length === 0) {
        handler.closed(error ?? { code: 'name-not-found', message: `${target} has no address` });
        return;
      }
      const destination = {
        addresses: interleave(addresses, most),
        port,
        probeAfterSeconds: PROBE_AFTER_SECONDS,
      };
      attempt = new Race(host, destination, {
        connected: (connection) => {
          const { socket } = connection;
          const ready = () => {
            attempt = { cancel: () => undefined };
            connection.handler = handler;
            handler.connected(socket);
          };
          attempt = { cancel: () => socket.destroy() };
          if (tls) {
            connection.handler = untilSecured(handler, ready);
            socket.startTls(localTls(target));
          } else ready();
        },
        failed: (failure) => handler.closed(failure),
      });
    });
    return { cancel: () => attempt.cancel() };
  };
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
