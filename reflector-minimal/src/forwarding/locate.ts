import { servicesOf } from '../devices/services.ts';
import type { Refusal } from '../http/refusal.ts';
import type { OnlineDevice, Presence } from '../ports/presence.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { Authorized } from './authorize.ts';

/** Who may use which device, and where it is. */
export interface Located extends Authorized {
  readonly device: OnlineDevice;
  /** The port that the label names, or that of the web interface; `null`: the device forwards none. */
  readonly port: number | null;
}

/** The tunnel of the device. */
export function locate(
  { presence }: { readonly presence: Pick<Presence, 'locate'> },
  authorized: Authorized,
): Located | Refusal {
  const { named } = authorized;
  const device = presence.locate(named);
  if (!device) return refusals.offline(named.id);
  const { ports, httpPort } = servicesOf(device);
  if (named.port !== null && !ports.includes(named.port)) return refusals.notForwarded(named.port);
  // Of each request, so written out: V8 makes a copy by `...` slowly, and reads it slowly ever after.
  const { identity, label, access } = authorized;
  return { identity, label, named, access, device, port: named.port ?? httpPort };
}
