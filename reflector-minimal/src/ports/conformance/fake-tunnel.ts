import { TunnelLost } from '../channel-failure.ts';
import type { DeviceChannel, LocalTunnel } from '../presence.ts';
import type { DeviceKey } from '../store.ts';

/** A tunnel that opens nothing, and writes down how often it was evicted. */
export class FakeTunnel implements LocalTunnel {
  readonly id: string;
  readonly uid: string;
  readonly node = null;
  readonly generation: number;
  readonly address = '192.0.2.7';
  properties: Readonly<Record<string, string>> = { name: 'pump' };
  evictions = 0;

  constructor({ id, uid }: DeviceKey, generation: number) {
    this.id = id;
    this.uid = uid;
    this.generation = generation;
  }

  open(_port: number, _user?: string): DeviceChannel {
    throw new TunnelLost();
  }

  evict(): void {
    this.evictions++;
  }
}
