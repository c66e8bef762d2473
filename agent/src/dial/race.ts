import type { Address, Cancellable, Host, HostError } from '../host.ts';
import { type Connection, DialledConnection } from './connection.ts';

/** How long an address may take before the next is dialled beside it, in milliseconds (RFC 8305 section 5). */
const STAGGER_MS = 250;

export interface Destination {
  /** At least one, each once, in the order in which they are dialled. */
  readonly addresses: readonly Address[];
  readonly port: number;
  /** See `ConnectOptions`. */
  readonly probeAfterSeconds?: number;
}

export interface RaceEvents {
  /** A further address is dialled. */
  dialled?(address: string): void;
  /** The first to connect, with a handler to be set before this returns; the race holds nothing any more. */
  connected(connection: Connection): void;
  /** Each address has failed. */
  failed(error: HostError): void;
}

/** One connection of a race, and the winner's for good. */
class RacingConnection extends DialledConnection {
  /** `null` when the race is won. */
  race: Race | null;

  constructor(address: string, race: Race) {
    super(address);
    this.race = race;
  }

  connected(): void {
    this.race?.won(this);
  }

  protected override get dialling(): boolean {
    return this.race !== null;
  }

  protected override failed(error: HostError): void {
    this.race?.lost(this, error);
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
  #runners: RacingConnection[] = [];
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

  /** The time is up: the pending connections have failed with this error. */
  expire(error: HostError): void {
    for (const { address } of this.#runners) this.#failures.push([address, error]);
    this.#fail();
  }

  /** @internal */
  won(runner: RacingConnection): void {
    runner.race = null;
    this.cancel();
    this.#events.connected(runner);
  }

  /** @internal */
  lost(runner: RacingConnection, error: HostError): void {
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
    const runner = new RacingConnection(address, this);
    runner.socket = this.#host.network.connect({ address, port, probeAfterSeconds }, runner);
    this.#runners.push(runner);
    if (this.#next > 1) this.#events.dialled?.(address);
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
