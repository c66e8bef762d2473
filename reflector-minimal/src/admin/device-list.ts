import type { Context } from '../context.ts';
import { readServices } from '../devices/services.ts';
import type { UserRecord } from '../store/users.ts';
import { seesDevice } from '../users/identity.ts';

export const deviceListPath = '/my-devices/api/devices';

/** `GET /my-devices/api/devices`: the devices that this user sees, as JSON. */
export function deviceList(context: Context, user: UserRecord): string {
  const claimed = context.store.devices.list().filter((device) => device.claimed && seesDevice(user, device));
  const devices = claimed.map((device) => {
    const connected = context.devices.of(device);
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
