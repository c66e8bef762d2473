import type {
  Address,
  Cancellable,
  Host,
  HostError,
  Socket,
  SocketHandler,
  TlsSession,
} from '../host/host.ts';

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

const idle: ConnectionHandler = {
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};

/** One connection of a race, and the winner's for good. A class, because there is one for each channel of a tunnel. */
class Runner implements SocketHandler, Connection {
  readonly address: string;
  /** Set at once by the race. */
  socket!: Socket;
  handler: ConnectionHandler = idle;
  /** `null` when the race is won. */
  race: Race | null;

  constructor(address: string, race: Race) {
    this.address = address;
    this.race = race;
  }

  connected(): void {
    this.race?.won(this);
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
    if (this.race) this.race.lost(this, error ?? { code: 'reset', message: 'connection closed' });
    else this.handler.closed(error);
  }
}

/**
 * Dials the addresses of one host (RFC 8305 section 5): the next one as soon as one has failed, or when none has
 * connected for a quarter of a second. The first to connect wins, the others are destroyed. There is no time limit; the
 * caller arms its own and calls `expire`, or `cancel`.
 */
export class Race implements Cancellable {
  readonly #host: Pick<Host, 'network' | 'clock'>;
  readonly #destination: Destination;
  readonly #events: RaceEvents;
  #runners: Runner[] = [];
  #failures: (readonly [address: string, error: HostError])[] = [];
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
    for (const { race, socket } of this.#runners) if (race) socket.destroy();
    this.#runners = [];
  }

  /** The time is up: what is under way has failed by this error. */
  expire(error: HostError): void {
    for (const { address } of this.#runners) this.#failures.push([address, error]);
    this.#fail();
  }

  /** @internal */
  won(runner: Runner): void {
    runner.race = null;
    this.cancel();
    this.#events.connected(runner);
  }

  /** @internal */
  lost(runner: Runner, error: HostError): void {
    this.#runners = this.#runners.filter((other) => other !== runner);
    this.#failures.push([runner.address, error]);
    if (this.#next < this.#destination.addresses.length) this.#dial();
    else if (this.#runners.length === 0) this.#fail();
  }

  #dial(): void {
    this.#stagger?.cancel();
    const { addresses, port, probeAfterSeconds = 0 } = this.#destination;
    const address = addresses[this.#next++]?.address;
    if (address === undefined) return;
    if (this.#next < addresses.length) {
      this.#stagger = this.#host.clock.schedule(STAGGER_MS, () => this.#dial());
    }
    const runner = new Runner(address, this);
    runner.socket = this.#host.network.connect({ address, port, probeAfterSeconds }, runner);
    this.#runners.push(runner);
    if (this.#next > 1) this.#events.another?.(address);
  }

  #fail(): void {
    this.cancel();
    this.#events.failed(summary(this.#failures));
  }
}

/** One error for all: the code of the last, and the addresses where they have failed in different ways. */
function summary(failures: readonly (readonly [address: string, error: HostError])[]): HostError {
  const last = failures.at(-1)?.[1] ?? { code: 'other' as const, message: 'no address' };
  if (failures.every(([, { message }]) => message === last.message)) return last;
  const each = failures.map(([address, { message }]) => `${address}: ${message}`);
  return { code: last.code, message: each.join(', ') };
}
