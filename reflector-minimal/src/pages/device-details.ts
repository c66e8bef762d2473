import { normalizeDeviceId } from '../devices/device-id.ts';
import { readServices } from '../devices/services.ts';
import type { Identity } from '../ports/identity.ts';
import type { PagesContext } from './context.ts';

/** `GET /my-devices/api/devices/ID`: one device as JSON; `null` when there is none that this user sees. */
export async function deviceDetails(
  context: PagesContext,
  identity: Identity,
  text: string,
): Promise<string | null> {
  const id = normalizeDeviceId(text);
  const device = id === null ? null : await context.store.devices.get(id);
  if (!device?.claimed || !(await context.rights.deviceAccess(identity, device))) return null;
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
