import { CLOSE_REPLACED, type Property } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { DeviceChannel, LocalTunnel } from '../ports/presence.ts';
import type { DeviceKey } from '../ports/store.ts';
import type { TunnelEnd } from '../ports/tunnel-end.ts';
import type { DeviceTunnel } from '../tunnels/device-tunnel.ts';

/** A device whose tunnel ends in this process. */
export class ConnectedDevice implements LocalTunnel {
  readonly id: string;
  /** Of its record when it was let in. */
  readonly uid: string;
  readonly node = null;
  readonly generation: number;
  readonly tunnel: DeviceTunnel;
  readonly address: string;
  readonly visitorKey: string | undefined;
  readonly #limits: Limits;
  #properties: Readonly<Record<string, string>>;
  #savedFrom = 0;
  #savedTo = 0;

  constructor(
    { id, uid }: DeviceKey,
    generation: number,
    tunnel: DeviceTunnel,
    address: string,
    properties: Readonly<Record<string, string>>,
    limits: Limits,
    visitorKey?: string,
  ) {
    this.id = id;
    this.uid = uid;
    this.generation = generation;
    this.tunnel = tunnel;
    this.address = address;
    this.visitorKey = visitorKey;
    this.#limits = limits;
    this.#properties = properties;
  }

  get properties(): Readonly<Record<string, string>> {
    return this.#properties;
  }

  get end(): TunnelEnd | undefined {
    return this.tunnel.end;
  }

  open(port: number, user?: string): DeviceChannel {
    return this.tunnel.open(port, user);
  }

  /** False when the properties would be more than `limits.propertiesBytes`: then they stay as they are. */
  update(changes: readonly Property[]): boolean {
    const merged = mergeProperties(this.#properties, changes, this.#limits.propertiesBytes);
    if (!merged) return false;
    this.#properties = merged;
    return true;
  }

  /** Payload bytes since the last call. */
  takeTraffic(): { bytesFrom: number; bytesTo: number } {
    const { bytesFrom, bytesTo } = this.tunnel;
    const traffic = { bytesFrom: bytesFrom - this.#savedFrom, bytesTo: bytesTo - this.#savedTo };
    this.#savedFrom = bytesFrom;
    this.#savedTo = bytesTo;
    return traffic;
  }

  evict(): void {
    this.tunnel.replace(CLOSE_REPLACED);
  }
}

/** `null` when names and values together come to more than `maxBytes`. */
export function mergeProperties(
  present: Readonly<Record<string, string>>,
  changes: readonly Property[],
  maxBytes: number,
): Readonly<Record<string, string>> | null {
  // A device may name a property `__proto__`.
  const merged: Record<string, string> = Object.assign(Object.create(null), present);
  for (const { name, value } of changes) merged[name] = value;
  let bytes = 0;
  for (const [name, value] of Object.entries(merged))
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes <= maxBytes ? merged : null;
}
