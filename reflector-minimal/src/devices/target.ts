import type { Context } from '../context.ts';
import { type Refusal, refusals } from '../http/refusal.ts';
import type { ConnectedDevice } from './connected-device.ts';
import { normalizeDeviceId } from './device-id.ts';

/** A device that can be asked, and on which port. */
export interface Target {
  readonly device: ConnectedDevice;
  /** `null`: the device forwards no web interface. */
  readonly port: number | null;
}

/** What a label of the domain names, whether or not it is on line. */
export interface NamedDevice {
  readonly id: string;
  /** The port in the label; `null`: that of its web interface. */
  readonly port: number | null;
}

/** `<id>`, or `<id>-<port>` for another web interface of the device; `null` for no device of ours. */
export function namedDevice({ store }: Pick<Context, 'store'>, label: string): NamedDevice | null {
  const known = (text: string): string | null => {
    const id = normalizeDeviceId(text);
    return id !== null && store.devices.get(id)?.claimed ? id : null;
  };
  const exact = known(label);
  if (exact !== null) return { id: exact, port: null };
  const split = /^(.+)-(\d{1,5})$/.exec(label);
  const id = split?.[1] === undefined ? null : known(split[1]);
  return id === null ? null : { id, port: Number(split?.[2]) };
}

/** The device on line that a label names, or what to tell the user. */
export function findTarget(context: Pick<Context, 'store' | 'devices'>, label: string): Target | Refusal {
  const named = namedDevice(context, label);
  if (named === null) return refusals.unknownDevice(label);
  const device = context.devices.get(named.id);
  if (!device) return refusals.offline(named.id);
  if (named.port !== null && !device.services.ports.includes(named.port)) {
    return refusals.notForwarded(named.port);
  }
  return { device, port: named.port ?? device.services.httpPort };
}
