import type { Cancellable, Host, HostError } from '../host.ts';
import { DialledConnection } from './connection.ts';
import type { RaceEvents } from './race.ts';

/** Dials a local (UNIX) socket, with the events of a `Race` of one address. */
export class LocalSocket extends DialledConnection implements Cancellable {
  /** `null` once connected, failed or cancelled. */
  #events: RaceEvents | null;

  constructor(host: Pick<Host, 'network'>, path: string, events: RaceEvents) {
    super(path);
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

  protected override get dialling(): boolean {
    return this.#events !== null;
  }

  protected override failed(error: HostError): void {
    const events = this.#events;
    this.#events = null;
    events?.failed(error);
  }
}
