import type { Happening, ListedDevice } from '../api/types.ts';

/** What an event means for a list of devices. */
export type DeviceChange =
  | { readonly kind: 'changed'; readonly id: string; readonly change: (device: ListedDevice) => ListedDevice }
  | { readonly kind: 'removed'; readonly id: string }
  /** It is not known where in the list, if anywhere. */
  | { readonly kind: 'added' }
  /** Everything is read again. */
  | { readonly kind: 'lost' };

export function changeOf({ kind, device: id = '', time, data }: Happening): DeviceChange | null {
  switch (kind) {
    case 'device.online':
      return {
        kind: 'changed',
        id,
        change: (device) => said({ ...device, online: true, lastSeen: null }, data),
      };
    case 'device.offline':
      return {
        kind: 'changed',
        id,
        change: (device) => ({ ...device, online: false, lastSeen: time ?? device.lastSeen }),
      };
    case 'device.properties':
      return { kind: 'changed', id, change: (device) => said(device, data) };
    case 'device.removed':
      return { kind: 'removed', id };
    case 'device.added':
    case 'device.claimed':
      return { kind: 'added' };
    case 'server.started':
    case 'events.lost':
      return { kind: 'lost' };
    default:
      return null;
  }
}

/** With what the device says of itself now. The name that a user has given counts more, and is not told apart here: only one that is missing is filled in. */
function said(device: ListedDevice, data: Happening['data']): ListedDevice {
  const all = data?.properties;
  if (typeof all !== 'object' || all === null) return device;
  const text = (name: string): string | null => {
    const value: unknown = Object.hasOwn(all, name) ? (all as Record<string, unknown>)[name] : undefined;
    return typeof value === 'string' && value !== '' ? value : null;
  };
  return { ...device, name: device.name ?? text('name'), version: text('version') ?? device.version };
}
