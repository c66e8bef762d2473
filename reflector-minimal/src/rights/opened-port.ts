import { serviceSettingsOf } from '../devices/service-settings.ts';
import { servicesOf } from '../devices/services.ts';
import type { Refusal } from '../http/refusal.ts';
import type { OnlineDevice } from '../ports/presence.ts';
import type { DeviceAccess } from '../ports/rights.ts';
import { refusals } from '../refusals/catalogue.ts';

/** A port of a device, for rights. */
export interface OpenedPort {
  readonly port: number;
  /** It was that of a web interface when it was opened. */
  readonly web: boolean;
}

/** What the device says of its port: its web interface, or another service of kind `https`. */
export function openedPort(device: Pick<OnlineDevice, 'properties'>, port: number): OpenedPort {
  return { port, web: port === servicesOf(device).httpPort || serviceSettingsOf(device, port).tls };
}

/** Why a user with this access may not open a port; `null`: they may. */
export function portRefusal(access: DeviceAccess, opened: OpenedPort): Refusal | null {
  const { port } = opened;
  return mayOpen(access, opened) ? null : refusals.notGranted({ port, granted: access.ports ?? [] });
}

export function mayOpen({ ports }: DeviceAccess, { port, web }: OpenedPort): boolean {
  return ports === null || ports.includes(port) || (web && ports.includes('web'));
}
