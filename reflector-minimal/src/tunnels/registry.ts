import { CLOSE_REPLACED } from 'rm-agent/protocol';

/** What the registry needs of a tunnel. */
export interface Registered {
  replace(code: number): void;
}

/** The one live tunnel of each device. */
export class TunnelRegistry<Tunnel extends Registered> {
  readonly #tunnels = new Map<string, Tunnel>();

  get size(): number {
    return this.#tunnels.size;
  }

  get(deviceId: string): Tunnel | null {
    return this.#tunnels.get(deviceId) ?? null;
  }

  all(): IterableIterator<Tunnel> {
    return this.#tunnels.values();
  }

  /** The newest connection of a device wins: an older one is most often dead and does not know it. */
  attach(deviceId: string, tunnel: Tunnel): void {
    const old = this.#tunnels.get(deviceId);
    this.#tunnels.set(deviceId, tunnel);
    old?.replace(CLOSE_REPLACED);
  }

  /** False when `tunnel` is not (or no longer) that of the device: then nothing changes. */
  detach(deviceId: string, tunnel: Tunnel): boolean {
    if (this.#tunnels.get(deviceId) !== tunnel) return false;
    return this.#tunnels.delete(deviceId);
  }
}
