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
  #properties: Readonly<Record<string, string>>;

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
    this.#properties = propertiesOf(properties);
  }

  get properties(): Readonly<Record<string, string>> {
    return this.#properties;
  }

  open(port: number, user?: string): DeviceChannel {
    return this.#open(this, port, user);
  }

  /** `properties`: JSON object. */
  describe(properties: string): void {
    if (properties !== JSON.stringify(this.#properties)) this.#properties = propertiesOf(properties);
  }
}

function propertiesOf(text: string): Readonly<Record<string, string>> {
  // A device may name a property `__proto__`.
  return Object.assign(Object.create(null), JSON.parse(text));
}
