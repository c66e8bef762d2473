import type { Property } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { DeviceKey } from '../ports/store.ts';
import type { DeviceTunnel } from '../tunnels/device-tunnel.ts';
import { readServiceSettings, type ServiceSettings } from './service-settings.ts';
import { readServices, type Services } from './services.ts';

/** A device whose tunnel is up. */
export class ConnectedDevice {
  readonly id: string;
  /** Of its record when it was let in. */
  readonly uid: string;
  readonly tunnel: DeviceTunnel;
  readonly address: string;
  readonly #limits: Limits;
  #properties: Readonly<Record<string, string>>;
  #services: Services;
  /** Of the ports that were asked for. */
  readonly #settings = new Map<number, ServiceSettings>();
  #savedFrom = 0;
  #savedTo = 0;

  constructor(
    { id, uid }: DeviceKey,
    tunnel: DeviceTunnel,
    address: string,
    properties: Readonly<Record<string, string>>,
    limits: Limits,
  ) {
    this.id = id;
    this.uid = uid;
    this.tunnel = tunnel;
    this.address = address;
    this.#limits = limits;
    this.#properties = properties;
    this.#services = readServices(properties);
  }

  get properties(): Readonly<Record<string, string>> {
    return this.#properties;
  }

  get services(): Services {
    return this.#services;
  }

  /** What it says of the service on one of its ports. */
  settingsOf(port: number): ServiceSettings {
    let settings = this.#settings.get(port);
    if (!settings) {
      settings = readServiceSettings(this.#properties, port);
      this.#settings.set(port, settings);
    }
    return settings;
  }

  /** False when the properties would be more than `limits.propertiesBytes`: then they stay as they are. */
  update(changes: readonly Property[]): boolean {
    const merged = mergeProperties(this.#properties, changes, this.#limits.propertiesBytes);
    if (!merged) return false;
    this.#properties = merged;
    this.#services = readServices(merged);
    this.#settings.clear();
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

  replace(code: number): void {
    this.tunnel.replace(code);
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
