import type { Context } from '../context.ts';
import type { Refusal } from '../http/refusal.ts';
import type { OnlineDevice } from '../ports/presence.ts';
import type { DeviceIdentity } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { normalizeDeviceId } from './device-id.ts';
import { servicesOf } from './services.ts';

/** A device that can be asked, and on which port. */
export interface Target {
  readonly device: OnlineDevice;
  /** `null`: the device forwards no web interface. */
  readonly port: number | null;
}

/** What a label of the domain names, whether or not it is on line. */
export interface NamedDevice extends DeviceIdentity {
  /** The port in the label; `null`: that of its web interface. */
  readonly port: number | null;
}

/** `<id>`, or `<id>-<port>` for another web interface of the device; `null` for no device of ours. */
export function namedDevice({ store }: Pick<Context, 'store'>, label: string): NamedDevice | null {
  const known = (text: string, port: number | null): NamedDevice | null => {
    const id = normalizeDeviceId(text);
    const claimed = id === null ? null : store.devices.identity(id);
    return claimed && { ...claimed, port };
  };
  const exact = known(label, null);
  if (exact !== null) return exact;
  const split = /^(.+)-(\d{1,5})$/.exec(label);
  return split?.[1] === undefined ? null : known(split[1], Number(split[2]));
}

/** The device on line, or what to tell the user. */
export function findTarget({ presence }: Pick<Context, 'presence'>, named: NamedDevice): Target | Refusal {
  const device = presence.locate(named);
  if (!device) return refusals.offline(named.id);
  if (named.port !== null && !servicesOf(device).ports.includes(named.port)) {
    return refusals.notForwarded(named.port);
  }
  return { device, port: named.port ?? servicesOf(device).httpPort };
}
