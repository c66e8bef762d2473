import type { Address, Cancellable, Host, HostError, Socket, SocketHandler } from '../host/host.ts';

/** How long an address may take before the next is dialled beside it, in milliseconds (RFC 8305 section 5). */
const STAGGER_MS = 250;

/** What a connection tells once it is made. */
export type ConnectionHandler = Omit<SocketHandler, 'connected'>;

/** A TCP connection. Its events go to the handler that it has at the moment. */
export interface Connection {
  readonly socket: Socket;
  readonly address: string;
  handler: ConnectionHandler;
}

export interface Destination {
  /** At least one, each once, in the order in which they are dialled. */
  readonly addresses: readonly Address[];
  readonly port: number;
  /** See `ConnectOptions`. */
  readonly probeAfterSeconds?: number;
}

export interface RaceEvents {
  /** An address behind the first is dialled. */
  another?(address: string): void;
  /** The first to connect, with a handler to be set before this returns; the race holds nothing any more. */
  connected(connection: Connection): void;
  /** Each address has failed. */
  failed(error: HostError): void;
}

/**
 * Dials the addresses of one host (RFC 8305 section 5): the next one as soon as one has failed, or when none has
 * connected for a quarter of a second. The first to connect wins, the others are destroyed. There is no time
 * limit; the caller arms its own and calls `expire`, or `cancel`.
 */
export class Race implements Cancellable {
  readonly #host: Pick<Host, 'network' | 'clock'>;
  readonly #destination: Destination;
  readonly #events: RaceEvents;
  readonly #failures = new Map<string, HostError>();
  readonly #runners = new Map<string, Socket>();
  #next = 0;
  #stagger: Cancellable | null = null;

  constructor(host: Pick<Host, 'network' | 'clock'>, destination: Destination, events: RaceEvents) {
    this.#host = host;
    this.#destination = destination;
    this.#events = events;
    this.#dial();
  }

  cancel(): void {
    this.#stagger?.cancel();
    for (const socket of this.#runners.values()) socket.destroy();
    this.#runners.clear();
  }

  /** The time is up: what is under way has failed by this error. */
  expire(error: HostError): void {
    for (const address of this.#runners.keys()) this.#failures.set(address, error);
    this.#fail();
  }

  #dial(): void {
    this.#stagger?.cancel();
    const { addresses, port, probeAfterSeconds = 0 } = this.#destination;
    const address = addresses[this.#next++]?.address;
    if (address === undefined) return;
    if (this.#next < addresses.length) {
      this.#stagger = this.#host.clock.schedule(STAGGER_MS, () => this.#dial());
    }
    let won: Connection | null = null;
    const socket = this.#host.network.connect(
      { address, port, probeAfterSeconds },
      {
        connected: () => {
          this.#runners.delete(address);
          this.cancel();
          won = { socket, address, handler: idle };
          this.#events.connected(won);
        },
        secured: (session) => won?.handler.secured?.(session),
        data: (bytes, start, end) => won?.handler.data(bytes, start, end),
        taken: (count) => won?.handler.taken(count),
        ended: () => won?.handler.ended(),
        closed: (error) => {
          if (won) won.handler.closed(error);
          else this.#lost(address, error ?? { code: 'reset', message: 'connection closed' });
        },
      },
    );
    this.#runners.set(address, socket);
    if (this.#next > 1) this.#events.another?.(address);
  }

  #lost(address: string, error: HostError): void {
    this.#runners.delete(address);
    this.#failures.set(address, error);
    if (this.#next < this.#destination.addresses.length) this.#dial();
    else if (this.#runners.size === 0) this.#fail();
  }

  #fail(): void {
    this.cancel();
    this.#events.failed(summary(this.#failures));
  }
}

const idle: ConnectionHandler = {
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};

/** One error for all: the code of the last, and the addresses where they have failed in different ways. */
function summary(failures: ReadonlyMap<string, HostError>): HostError {
  const last = [...failures.values()].at(-1) ?? { code: 'other' as const, message: 'no address' };
  const same = [...failures.values()].every(({ message }) => message === last.message);
  if (same) return last;
  const each = [...failures].map(([address, { message }]) => `${address}: ${message}`);
  return { code: last.code, message: each.join(', ') };
}
