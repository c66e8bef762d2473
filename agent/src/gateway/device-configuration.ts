import { parseIp } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import type { Json, JsonObject } from '../config/json.ts';
import { configure } from '../config/load.ts';
import type { Machine } from '../config/machine.ts';
import type { GatewaySettings } from './gateway-file.ts';
import { agentKeys, processKeys } from './gateway-schema.ts';
import { isObject } from './source.ts';

/** A device as it is configured. */
export interface DeviceConfiguration {
  /** By which `rm-agent` knows it. */
  readonly id: string;
  readonly configuration: Configuration;
  /** Remarks for the user, one line each. */
  readonly warnings: readonly string[];
  /** Environment variables that hold secrets. */
  readonly hidden: readonly string[];
}

/** Why a device cannot run, one line each; `transient`: that may change without an edit. */
export interface DeviceFault {
  readonly errors: readonly string[];
  readonly transient?: boolean;
}

/** The property by which the reflector learns whether the device answers. */
export const REACHABLE = 'reachable';

/**
 * Judges one device: a configuration of the agent, of which the gateway's file has what it leaves out. Each error is one
 * line, without the place of the device; it begins with the path of what is wrong. `image`: the machine is an image
 * (`imageAt`).
 */
export function configureDevice(
  host: Machine,
  { shared, file }: GatewaySettings,
  json: Json,
  image = false,
): DeviceConfiguration | DeviceFault {
  if (!isObject(json)) return { errors: ['found no object, allowed is { "device": …, "services": … }'] };
  const taken = [...processKeys, 'gateway'].filter((key) => key in json);
  const errors = taken.map((key) => `${key}: found in a device, allowed is it in the gateway's file only`);
  for (const key of agentKeys)
    if (key in json) errors.push(`${key}: found in a device of a gateway, allowed is it for an agent alone`);
  errors.push(...targetFaults(json));
  if (isObject(json.device) && isObject(json.device.properties) && REACHABLE in json.device.properties)
    errors.push(`device.properties.${REACHABLE}: found, but the gateway sends it itself`);
  if (errors.length > 0) return { errors };
  const loaded = configure(host, { ...shared, ...json }, image);
  if ('errors' in loaded) return loaded;
  const { ok, warnings, hidden } = loaded;
  const { id } = ok.device;
  if (typeof id !== 'string')
    return { errors: ['device.id: found a command, allowed is text for a device of a gateway'] };
  return { id, configuration: shareParts(ok, json, file, id), warnings, hidden };
}

/** The defaults of an agent are for services beside it on the device, those of a gateway would be the gateway's own. */
function targetFaults(json: JsonObject): string[] {
  const services = Array.isArray(json.services) ? json.services : [];
  const faults: string[] = [];
  services.forEach((service: Json, index: number) => {
    if (!isObject(service)) return;
    if (json.target === undefined && (service.target ?? null) === null)
      faults.push(`services[${index}].target: missing, needed is the host name or address of the device`);
    const { tls } = service;
    const secure = service.kind === 'https' || (service.kind === undefined && service.port === 443);
    const pinned = isObject(tls) && Array.isArray(tls.pins) && tls.pins.length > 0;
    const decided = isObject(tls) && typeof tls.verify === 'boolean';
    if (secure && !pinned && !decided && !local(service.target ?? json.target ?? null))
      faults.push(
        `services[${index}].tls: needed are pins, or "verify": true with the authority as "ca", or "verify": false if anybody in the network of the device may pose as it`,
      );
  });
  return faults;
}

/** Whether nobody on the way can pose as it. */
function local(target: Json): boolean {
  if (typeof target !== 'string') return false;
  return /^(?:unix:|localhost$|::1$)/.test(target) || (target.startsWith('127.') && parseIp(target) !== null);
}

/** What a device has from the gateway's file is in memory once, whatever the number of devices. */
function shareParts(
  ok: Configuration,
  json: JsonObject,
  file: GatewaySettings['file'],
  id: string,
): Configuration {
  const own = (key: keyof Configuration) => key in json;
  const { device, stateFile } = ok;
  return {
    ...ok,
    tls: own('tls') ? ok.tls : file.tls,
    addresses: own('addresses') ? ok.addresses : file.addresses,
    upgrade: own('upgrade') ? ok.upgrade : file.upgrade,
    timeouts: own('timeouts') ? ok.timeouts : file.timeouts,
    reconnect: own('reconnect') ? ok.reconnect : file.reconnect,
    access: own('access') ? ok.access : file.access,
    log: file.log,
    control: file.control,
    // Beside that of the gateway, because everything that is ever written lies in one directory.
    stateFile: stateFile && file.stateFile && `${file.stateFile}.${encodeURIComponent(id)}`,
    device: {
      ...device,
      properties: { ...device.properties, [REACHABLE]: '' },
      propertiesInterval: device.propertiesInterval || intervalFor(device.properties, file.gateway.probe),
    },
  };
}

/** Seconds after which {@link REACHABLE} is looked at again; never where that would run programs which run once. */
function intervalFor(properties: Configuration['device']['properties'], probe: number): number {
  return Object.values(properties).some((value) => typeof value === 'object') ? 0 : probe;
}
