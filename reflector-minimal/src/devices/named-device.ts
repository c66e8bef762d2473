import type { StoreCache } from '../cache/store-cache.ts';
import type { DeviceIdentity } from '../ports/store.ts';
import { normalizeDeviceId } from './device-id.ts';

/** What a label of the domain names, whether or not it is on line. */
export interface NamedDevice extends DeviceIdentity {
  /** The port in the label; `null`: that of its web interface. */
  readonly port: number | null;
}

/** `<id>`, or `<id>-<port>` for another web interface of the device; `null` for no device of ours. */
export async function namedDevice(
  cache: Pick<StoreCache, 'device'>,
  label: string,
): Promise<NamedDevice | null> {
  const known = async (text: string, port: number | null): Promise<NamedDevice | null> => {
    const id = normalizeDeviceId(text);
    const claimed = id === null ? null : await cache.device(id);
    return claimed && { ...claimed, port };
  };
  const exact = await known(label, null);
  if (exact !== null) return exact;
  const split = /^(.+)-(\d{1,5})$/.exec(label);
  return split?.[1] === undefined ? null : known(split[1], Number(split[2]));
}
