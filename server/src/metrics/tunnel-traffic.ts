import type { ConnectedDevice } from 'rm-reflector';
import type { OnlineDevice, Presence } from 'rm-reflector/ports';

interface Bytes {
  readonly from: number;
  readonly to: number;
}

/** Payload bytes of all tunnels of this process, those that have ended too. */
export class TunnelTraffic {
  readonly #presence: Pick<Presence<ConnectedDevice>, 'local' | 'watch'>;
  /** By id. */
  readonly #seen = new Map<string, ConnectedDevice>();
  #ended: Bytes = { from: 0, to: 0 };
  readonly #unwatch: () => void;

  constructor(presence: Pick<Presence<ConnectedDevice>, 'local' | 'watch'>) {
    this.#presence = presence;
    for (const device of presence.local.values()) this.#seen.set(device.id, device);
    this.#unwatch = presence.watch({
      came: (device) => this.#changed(device),
      went: (device) => this.#changed(device),
    });
  }

  get total(): Bytes {
    return [...this.#seen.values()].reduce(add, this.#ended);
  }

  stop(): void {
    this.#unwatch();
  }

  /** Its tunnel is another one, or gone. */
  #changed({ id }: OnlineDevice): void {
    const former = this.#seen.get(id);
    const present = this.#presence.local.get(id);
    if (former === present) return;
    if (former) this.#ended = add(this.#ended, former);
    if (present) this.#seen.set(id, present);
    else this.#seen.delete(id);
  }
}

function add({ from, to }: Bytes, { tunnel }: ConnectedDevice): Bytes {
  return { from: from + tunnel.bytesFrom, to: to + tunnel.bytesTo };
}
