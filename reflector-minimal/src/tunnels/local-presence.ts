import type { LocalTunnel, Presence, PresenceListener } from '../ports/presence.ts';
import type { DeviceKey } from '../ports/store.ts';

/** Presence of a reflector that is alone: every device on line has its tunnel in this process. */
export class LocalPresence<Tunnel extends LocalTunnel> implements Presence<Tunnel> {
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #listeners = new Set<PresenceListener>();
  #generation = 0;

  get local(): ReadonlyMap<string, Tunnel> {
    return this.#tunnels;
  }

  nextGeneration(): number {
    return ++this.#generation;
  }

  announce(tunnel: Tunnel): boolean {
    const present = this.#tunnels.get(tunnel.id);
    if (present && present.generation >= tunnel.generation) {
      if (present !== tunnel) tunnel.evict();
      return present === tunnel;
    }
    this.#tunnels.set(tunnel.id, tunnel);
    present?.evict();
    for (const listener of this.#listeners) listener.came(tunnel);
    return true;
  }

  withdraw(tunnel: Tunnel): boolean {
    if (this.#tunnels.get(tunnel.id) !== tunnel) return false;
    this.#tunnels.delete(tunnel.id);
    for (const listener of this.#listeners) listener.went(tunnel);
    return true;
  }

  locate({ id, uid }: DeviceKey): Tunnel | null {
    const tunnel = this.#tunnels.get(id);
    return tunnel?.uid === uid ? tunnel : null;
  }

  list(after: string, limit: number): readonly Tunnel[] {
    const ids = [...this.#tunnels.keys()].filter((id) => id > after).sort();
    return ids.slice(0, limit).flatMap((id) => this.#tunnels.get(id) ?? []);
  }

  watch(listener: PresenceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
