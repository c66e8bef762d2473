import type { DeviceChannel, OnlineDevice } from 'rm-reflector/ports';
import type { PresenceRow } from './membership-table.ts';

/** Opens a port of a device at another node. Throws `TunnelLost` when that node is not there any more. */
export type OpenRemotely = (device: RemoteDevice, port: number, user: string | undefined) => DeviceChannel;

/** A device whose tunnel ends at another node. */
export class RemoteDevice implements OnlineDevice {
  readonly id: string;
  readonly uid: string;
  readonly node: string;
  /** Of that node. */
  readonly epoch: number;
  readonly generation: number;
  readonly address: string;
  readonly visitorKey: string | undefined;
  readonly #open: OpenRemotely;
  /** As JSON until somebody asks: nobody does for most devices, and an object without prototype takes several times as much. */
  #properties: Readonly<Record<string, string>> | string;

  constructor(row: PresenceRow, node: string, open: OpenRemotely) {
    const { id, uid, epoch, generation, address, visitorKey, properties } = row;
    this.id = id;
    this.uid = uid;
    this.node = node;
    this.epoch = epoch;
    this.generation = generation;
    this.address = address;
    this.visitorKey = visitorKey ?? undefined;
    this.#open = open;
    this.#properties = properties;
  }

  get properties(): Readonly<Record<string, string>> {
    if (typeof this.#properties === 'string') this.#properties = propertiesOf(this.#properties);
    return this.#properties;
  }

  open(port: number, user?: string): DeviceChannel {
    return this.#open(this, port, user);
  }

  /** `properties`: JSON object. */
  describe(properties: string): void {
    const present = this.#properties;
    if (properties !== (typeof present === 'string' ? present : JSON.stringify(present)))
      this.#properties = properties;
  }
}

function propertiesOf(text: string): Readonly<Record<string, string>> {
  // A device may name a property `__proto__`.
  return Object.assign(Object.create(null), JSON.parse(text));
}
