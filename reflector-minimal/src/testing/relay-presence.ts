import { TunnelLost } from '../ports/channel-failure.ts';
import type { LocalTunnel, OnlineDevice, Presence, PresenceListener } from '../ports/presence.ts';
import type { DeviceKey } from '../ports/store.ts';
import type { Peer } from '../relay/peer-link.ts';
import type { RelayDialer } from '../relay/relay-dialer.ts';

/** What a node sees of the devices of another one, whose Presence is in the same process. */
export class RelayPresence<Tunnel extends LocalTunnel> implements Presence<Tunnel> {
  readonly local: ReadonlyMap<string, Tunnel> = new Map();
  /** Where the owner listens; a test may change it. */
  peer: Peer;
  readonly #owner: Presence;
  readonly #dialer: RelayDialer;
  readonly #seen = new WeakMap<OnlineDevice, RemoteDevice>();

  constructor(owner: Presence, peer: Peer, dialer: RelayDialer) {
    this.#owner = owner;
    this.peer = peer;
    this.#dialer = dialer;
  }

  nextGeneration(): number | Promise<number> {
    return this.#owner.nextGeneration();
  }

  announce(): boolean {
    return false;
  }

  withdraw(): boolean {
    return false;
  }

  locate(key: DeviceKey): OnlineDevice | null {
    const found = this.#owner.locate(key);
    return found && this.#remote(found);
  }

  list(after: string, limit: number): readonly OnlineDevice[] {
    return this.#owner.list(after, limit).map((device) => this.#remote(device));
  }

  watch({ came, went }: PresenceListener): () => void {
    return this.#owner.watch({
      came: (device) => came(this.#remote(device)),
      went: (device) => went(this.#remote(device)),
    });
  }

  #remote(device: OnlineDevice): RemoteDevice {
    const known = this.#seen.get(device);
    if (known) return known;
    const remote = new RemoteDevice(device, this, this.#owner, this.#dialer);
    this.#seen.set(device, remote);
    return remote;
  }
}

class RemoteDevice implements OnlineDevice {
  readonly id: string;
  readonly uid: string;
  readonly node: string;
  readonly generation: number;
  readonly address: string;
  readonly #device: OnlineDevice;
  readonly #presence: { readonly peer: Peer };
  readonly #owner: Presence;
  readonly #dialer: RelayDialer;

  constructor(device: OnlineDevice, presence: { readonly peer: Peer }, owner: Presence, dialer: RelayDialer) {
    const { id, uid, generation, address } = device;
    this.id = id;
    this.uid = uid;
    this.node = presence.peer.name;
    this.generation = generation;
    this.address = address;
    this.#device = device;
    this.#presence = presence;
    this.#owner = owner;
    this.#dialer = dialer;
  }

  get properties(): Readonly<Record<string, string>> {
    return this.#device.properties;
  }

  open(port: number, user?: string) {
    if (this.#owner.locate(this) !== this.#device) throw new TunnelLost();
    return this.#dialer.open(this.#presence.peer, this, port, {
      user,
      relocate: async () => {
        const found = this.#owner.locate(this);
        return found && { peer: this.#presence.peer, target: found };
      },
    });
  }
}
