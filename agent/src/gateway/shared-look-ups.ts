import type { Address, Cancellable, HostError, Network } from '../host.ts';

type Done = (addresses: readonly Address[], error: HostError | null) => void;

interface LookUp {
  readonly waiting: Set<Done>;
  /** Set at once by the code that looks up. */
  running: Cancellable | null;
}

/** Look-ups of names: devices that want the same name at the same time share one. */
export class SharedLookUps {
  readonly #network: Pick<Network, 'resolve'>;
  readonly #byName = new Map<string, LookUp>();

  constructor(network: Pick<Network, 'resolve'>) {
    this.#network = network;
  }

  /** As {@link Network.resolve}. */
  resolve(name: string, done: Done): Cancellable {
    // Each call is a waiter of its own.
    const waiter: Done = (addresses, error) => done(addresses, error);
    const lookUp = this.#byName.get(name) ?? this.#start(name);
    lookUp.waiting.add(waiter);
    return {
      cancel: () => {
        if (!lookUp.waiting.delete(waiter) || lookUp.waiting.size > 0 || this.#byName.get(name) !== lookUp)
          return;
        lookUp.running?.cancel();
        this.#byName.delete(name);
      },
    };
  }

  #start(name: string): LookUp {
    const lookUp: LookUp = { waiting: new Set(), running: null };
    this.#byName.set(name, lookUp);
    lookUp.running = this.#network.resolve(name, (addresses, error) => {
      this.#byName.delete(name);
      // One of them may cancel another.
      for (const waiter of [...lookUp.waiting]) if (lookUp.waiting.delete(waiter)) waiter(addresses, error);
    });
    return lookUp;
  }
}
