import type { Cancellable, Host, HostError, Socket, SocketHandler, TlsSession } from '../host/host.ts';
import type { Connection, ConnectionHandler, RaceEvents } from './race.ts';

/** Dials a local (UNIX) socket, and tells what a {@link Race} of one address would. */
export class LocalSocket implements Cancellable, SocketHandler, Connection {
  readonly address: string;
  readonly socket: Socket;
  handler!: ConnectionHandler;
  /** `null` once connected, failed or cancelled. */
  #events: RaceEvents | null;

  constructor(host: Pick<Host, 'network'>, path: string, events: RaceEvents) {
    this.address = path;
    this.#events = events;
    this.socket = host.network.connectLocal(path, this);
  }

  cancel(): void {
    if (this.#events) this.socket.destroy();
    this.#events = null;
  }

  connected(): void {
    const events = this.#events;
    this.#events = null;
    events?.connected(this);
  }

  secured(session: TlsSession): void {
    this.handler.secured?.(session);
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    this.handler.data(bytes, start, end);
  }

  taken(count: number): void {
    this.handler.taken(count);
  }

  ended(): void {
    this.handler.ended();
  }

  closed(error: HostError | null): void {
    const events = this.#events;
    this.#events = null;
    if (events) events.failed(error ?? { code: 'reset', message: 'connection closed' });
    else this.handler.closed(error);
  }
}
