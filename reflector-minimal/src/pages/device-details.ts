import { normalizeDeviceId } from '../devices/device-id.ts';
import { readServices } from '../devices/services.ts';
import type { UserRecord } from '../ports/store.ts';
import { seesDevice } from '../users/identity.ts';
import type { PagesContext } from './context.ts';
import { deviceListPath } from './device-list.ts';

/** The id in `/my-devices/api/devices/ID`, or `null` for another path. */
export function deviceOfPath(path: string): string | null {
  if (!path.startsWith(`${deviceListPath}/`)) return null;
  const text = path.slice(deviceListPath.length + 1);
  // The ids of devices need no percent-encoding.
  return text === '' || text.includes('/') ? null : text;
}

/** `GET /my-devices/api/devices/ID`: one device as JSON; `null` when there is none that this user sees. */
export async function deviceDetails(
  context: PagesContext,
  user: UserRecord,
  text: string,
): Promise<string | null> {
  const id = normalizeDeviceId(text);
  const device = id === null ? null : await context.store.devices.get(id);
  if (!device?.claimed || !seesDevice(user, device)) return null;
  const connected = context.presence.locate(device);
  const properties = connected?.properties ?? device.properties;
  const seen = connected ? null : (device.lastSeen ?? device.lastConnect);
  const { ports, sshPort, vncPort, rdpPort } = readServices(properties);
  return `${JSON.stringify({
    id: device.id,
    online: connected !== null,
    lastSeen: seen === null ? null : Math.floor(seen / 1000),
    ports,
    name: properties.name ?? null,
    version: properties.version ?? null,
    sshPort,
    vncPort,
    rdpPort,
  })}\n`;
}
