import type { Context } from '../context.ts';
import { readServices } from '../devices/services.ts';

export const deviceListPath = '/my-devices/api/devices';

/** `GET /my-devices/api/devices`: what the landing page shows for programs, as JSON. */
export function deviceList(context: Context): string {
  const claimed = context.store.devices.list().filter((device) => device.claimed);
  const devices = claimed.map((device) => {
    const connected = context.devices.get(device.id);
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
  return `${JSON.stringify({ devices })}\n`;
}
