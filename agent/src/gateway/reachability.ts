import type { Configuration } from '../config/configuration.ts';
import { gatewayLimits } from '../config/limits.ts';
import type { Cancellable, Host } from '../host.ts';
import { placesOf, probePlace } from './target.ts';

/** Whether a device answers the gateway. */
export interface Reachability {
  readonly ok: boolean;
  /** Why not, in words for a person. */
  readonly reason: string | null;
  /** When it was found, in Unix milliseconds. */
  readonly at: number;
}

/** What is watched: one device. */
export interface Watched {
  readonly configuration: Configuration;
  /** Somebody uses it, so that it need not be asked, and one that takes one connection is left alone. */
  readonly inUse: boolean;
  /** A connection to it is open: it is there. */
  readonly answers: boolean;
  reachability: Reachability | null;
}

/**
 * Looks whether the targets of the devices are there: one after the other, by a connection that is closed at once, so that
 * each is asked about once in an interval and the gateway sleeps between two of them.
 */
export class ReachabilityWatch {
  readonly #host: Host;
  readonly #intervalMs: number;
  /** Who is asked next stands first. */
  readonly #devices = new Set<Watched>();
  #running: Cancellable | null = null;

  /** `intervalMs` 0: no target is ever asked. */
  constructor(host: Host, intervalMs: number) {
    this.#host = host;
    this.#intervalMs = intervalMs;
  }

  add(device: Watched): void {
    if (this.#intervalMs === 0) return;
    // Before those that were asked already.
    const others = [...this.#devices];
    this.#devices.clear();
    const firstKnown = others.findIndex(({ reachability }) => reachability !== null);
    const at = firstKnown < 0 ? others.length : firstKnown;
    for (const each of [...others.slice(0, at), device, ...others.slice(at)]) this.#devices.add(each);
    if (this.#devices.size === 1 || at === 0) this.#schedule();
  }

  remove(device: Watched): void {
    this.#devices.delete(device);
    if (this.#devices.size === 0) this.stop();
  }

  stop(): void {
    this.#running?.cancel();
    this.#running = null;
  }

  #schedule(): void {
    this.#running?.cancel();
    const [first] = this.#devices;
    if (!first) return;
    const regular = this.#intervalMs / this.#devices.size;
    const waitMs = first.reachability === null ? Math.min(regular, gatewayLimits.firstProbeMs) : regular;
    this.#running = this.#host.clock.schedule(waitMs, () => this.#ask());
  }

  #ask(): void {
    const [device] = this.#devices;
    if (!device) return;
    this.#devices.delete(device);
    this.#devices.add(device);
    if (device.inUse) {
      if (device.answers) this.#found(device, null);
      else this.#schedule();
      return;
    }
    const places = placesOf(device.configuration);
    const next = (index: number): void => {
      const place = places[index];
      if (!place) {
        this.#found(device, null);
        return;
      }
      this.#running = probePlace(this.#host, place, (failure) => {
        if (failure === null) next(index + 1);
        else {
          const where = places.length === 1 ? '' : `${'host' in place ? place.host : place.path}: `;
          this.#found(device, `${where}${failure}`);
        }
      });
    };
    next(0);
  }

  #found(device: Watched, reason: string | null): void {
    if (this.#devices.has(device))
      device.reachability = { ok: reason === null, reason, at: this.#host.clock.date() };
    this.#schedule();
  }
}
