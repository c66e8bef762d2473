import { CLOSE_REPLACED } from 'rm-protocol';
import type { DeviceKey } from '../ports/store.ts';

/** What the registry needs of a tunnel. */
export interface Registered {
  /** Of the record that the device was let in under. */
  readonly uid: string;
  replace(code: number): void;
}

/** The one live tunnel of each device. */
export class TunnelRegistry<Tunnel extends Registered> {
  readonly #tunnels = new Map<string, Tunnel>();

  get size(): number {
    return this.#tunnels.size;
  }

  /** The tunnel under this id, be it of the present device or of a former one that ends in a moment: see {@link of}. */
  get(deviceId: string): Tunnel | null {
    return this.#tunnels.get(deviceId) ?? null;
  }

  /** The tunnel of this very device. */
  of({ id, uid }: DeviceKey): Tunnel | null {
    const tunnel = this.#tunnels.get(id);
    return tunnel?.uid === uid ? tunnel : null;
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
