import type { Cancellable, HostError, Network } from '../host.ts';

interface Listener {
  readonly changed: () => void;
  readonly failed: (error: HostError) => void;
}

/** One watch of the network for all devices. */
export class SharedNetworkChanges {
  readonly #network: Pick<Network, 'onChange'>;
  readonly #listeners = new Set<Listener>();
  #watch: Cancellable | null = null;

  constructor(network: Pick<Network, 'onChange'>) {
    this.#network = network;
  }

  /** As {@link Network.onChange}; where the machine cannot tell, the first device that asks is told so. */
  onChange(changed: () => void, failed: (error: HostError) => void): Cancellable {
    const listener = { changed, failed };
    this.#listeners.add(listener);
    this.#watch ??= this.#network.onChange(
      () => {
        for (const each of [...this.#listeners]) if (this.#listeners.has(each)) each.changed();
      },
      (error) => {
        const [first] = this.#listeners;
        first?.failed(error);
      },
    );
    return {
      cancel: () => {
        if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
        this.#watch?.cancel();
        this.#watch = null;
      },
    };
  }
}
