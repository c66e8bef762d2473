import { base64Encode, utf8Encode } from 'rm-protocol';
import type { Json } from '../config/json.ts';
import { gatewayLimits } from '../config/limits.ts';
import type { Machine } from '../config/machine.ts';
import type { Host } from '../host.ts';
import { messageOf } from '../log/log.ts';
import type { GatewaySettings } from './gateway-file.ts';
import { isObject, readDeviceFile } from './source.ts';

/** Where a device is configured. */
export interface DeviceSource {
  /** A file, or the place of the device in the gateway's file, for people. */
  readonly origin: string;
  /** By which it is known again: changes of its content do not change it. */
  readonly key: string;
  /** Two sources with the same digest say the same. */
  readonly digest: string;
  readonly content: { readonly json: Json; place(path: string): string } | { readonly error: string };
}

/** Of the gateway's own page; no file and no ID has a space at its beginning. */
export const pageKey = ' page';

/** What sources are read with. */
type Reader = Pick<Machine, 'files'> & Pick<Host, 'crypto'>;

/** All devices of a gateway, in order; the error is one line, and says nothing of any device. */
export function deviceSources(
  host: Reader,
  settings: GatewaySettings,
): readonly DeviceSource[] | { readonly error: string } {
  const { folder } = settings.file.gateway;
  const others = folder === null ? inFile(host, settings) : inFolder(host, folder);
  return 'error' in others ? others : [...pageOf(host, settings), ...others];
}

/** The gateway's own page is a device, too: the first, so that no other takes its ID. */
function pageOf(host: Reader, { path, page, place }: GatewaySettings): DeviceSource[] {
  if (page === null) return [];
  const json = { device: page, target: 'localhost', services: [{ port: 80, name: 'Gateway' }] };
  const at = 'gateway.page';
  return [
    {
      origin: `${path}: ${at}`,
      key: pageKey,
      digest: digestOf(host, JSON.stringify(json)),
      content: { json, place: (member) => place(member === '' ? at : `${at}.${member}`) },
    },
  ];
}

function inFile(host: Reader, { path, devices }: GatewaySettings): DeviceSource[] {
  const ids = new Set<string>();
  return devices.map(({ json, at, place }) => {
    const id = isObject(json) && isObject(json.device) ? json.device.id : undefined;
    // The second of an ID does not replace the first: both are judged, and the second is a fault.
    const isFirst = typeof id === 'string' && !ids.has(id);
    if (isFirst) ids.add(id);
    return {
      origin: `${path}: ${at}`,
      key: isFirst ? id : at,
      digest: digestOf(host, JSON.stringify(json)),
      content: { json, place },
    };
  });
}

function inFolder(host: Reader, folder: string): DeviceSource[] | { readonly error: string } {
  let names: readonly string[];
  try {
    names = host.files.list(folder).filter((name) => /^[^.].*\.json$/.test(name));
  } catch (error) {
    return { error: `gateway.folder: ${folder}: ${messageOf(error)}` };
  }
  if (names.length > gatewayLimits.files)
    return {
      error: `gateway.folder: ${folder}: found ${names.length} files, allowed are ${gatewayLimits.files}`,
    };
  return names.map((name) => {
    const origin = `${folder}/${name}`;
    const content = readDeviceFile(host.files, origin);
    const text = 'error' in content ? content.error : JSON.stringify(content.json);
    return { origin, key: name, digest: digestOf(host, text), content };
  });
}

/** Of a text; short, because it is kept for each device. */
export function digestOf({ crypto }: Pick<Host, 'crypto'>, text: string): string {
  return base64Encode(crypto.digest('sha-1', utf8Encode(text)));
}
