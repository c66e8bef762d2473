import { readServices } from '../devices/services.ts';
import type { Identity } from '../ports/identity.ts';
import type { PagesContext } from './context.ts';
import { type DevicePage, pageOfDevices } from './device-page.ts';

export const deviceListPath = '/my-devices/api/devices';

/** `GET /my-devices/api/devices`: one page of the devices that this user sees, as JSON. */
export async function deviceList(
  context: PagesContext,
  identity: Identity,
  page: DevicePage,
): Promise<string> {
  const { devices: records, next } = await pageOfDevices(context, identity, page);
  const devices = records.map((device) => {
    const connected = context.presence.locate(device);
    const properties = connected?.properties ?? device.properties;
    const seen = connected ? null : (device.lastSeen ?? device.lastConnect);
    return {
      id: device.id,
      online: connected !== null,
      lastSeen: seen === null ? null : Math.floor(seen / 1000),
      ports: readServices(properties).ports,
      name: properties.name ?? null,
      version: properties.version ?? null,
    };
  });
  return `${JSON.stringify({ devices, next })}\n`;
}
