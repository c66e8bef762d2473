import { parseIp } from 'rm-protocol';
import { expansion } from '../config/expand.ts';
import type { Json, JsonObject } from '../config/json.ts';
import { gatewayLimits } from '../config/limits.ts';
import { withPlaceholders } from '../config/load.ts';
import type { Machine } from '../config/machine.ts';
import { validate } from '../config/validate.ts';
import { placeOf, stateDirectoryFault } from '../config/written-files.ts';
import type { Host } from '../host.ts';
import { ExitStatus } from '../program/exit-status.ts';
import { deviceKeys, type GatewayFile, gatewaySchema } from './gateway-schema.ts';
import { isObject, readSource } from './source.ts';

/** What a gateway's file says. */
export interface GatewaySettings {
  readonly path: string;
  /** What is the process's, with its places of what is written. */
  readonly file: GatewayFile;
  /** What devices share, as it stands in the file. */
  readonly shared: JsonObject;
  /** Devices in the file itself. */
  readonly devices: readonly InlineDevice[];
  /** As {@link Source.place}, for a path in the gateway's file. */
  place(path: string): string;
  /** The page's own identity at the reflector, as it stands in the file; `null`: there is no page. */
  readonly page: Json;
  /** What only the device will have of it, where an image is judged; one line each. */
  readonly missing: readonly string[];
}

export interface InlineDevice {
  readonly json: Json;
  /** Its path in the file: `gateway.devices[3]`. */
  readonly at: string;
  /** As {@link Source.place}, for a path in the device. */
  place(path: string): string;
}

/** Reads a gateway's file. Each error is one line. `image`: the machine is an image (`imageAt`). */
export function readGatewayFile(
  host: Machine,
  path: string,
  image = false,
): GatewaySettings | { readonly errors: readonly string[] } {
  const fault = stateDirectoryFault(host);
  if (fault !== null) return { errors: [fault] };
  const source = readSource(host.files, path, gatewayLimits.ownFileBytes);
  if ('error' in source) return { errors: [source.error] };
  const { json, place } = source;
  const wrong = (member: string, message: string) => ({ errors: [`${place(member)}${member}: ${message}`] });
  if (!isObject(json) || !isObject(json.gateway))
    return wrong('gateway', 'found no object, allowed is { "devices": [ … ] } or { "folder": "/PATH" }');
  const { devices = null, ...gateway } = json.gateway;
  for (const key of deviceKeys)
    if (key in json) return wrong(key, 'found beside "gateway", allowed is it in each of its devices');
  if (devices !== null && !Array.isArray(devices))
    return wrong('gateway.devices', 'allowed is an array of devices');
  const inline: readonly Json[] = devices ?? [];
  const { folder = null } = gateway;
  if ((devices === null) === (folder === null))
    return wrong('gateway', 'needed is either "devices" or "folder"');
  if (inline.length > gatewayLimits.devices)
    return wrong('gateway.devices', `found ${inline.length} devices, allowed are ${gatewayLimits.devices}`);
  const own = { ...json, gateway };
  let result = validate(gatewaySchema(), own, expansion(host));
  let missing: string[] = [];
  if ('problems' in result) {
    const errors = result.problems.map(({ path: at, message }) => `${place(at)}${at}: ${message}`);
    if (image && result.problems.every(({ transient }) => transient)) {
      missing = errors;
      result = validate(gatewaySchema(), own, withPlaceholders);
    }
    if ('problems' in result) return { errors };
  }
  const { control, stateFile, log } = result.value;
  if (result.value.gateway.page && stateFile === null)
    return wrong('gateway.page', 'needed is stateFile, beside which the hash of its password lies');
  const address = result.value.gateway.page?.listen?.address;
  if (!image && address !== undefined && !parseIp(address))
    return wrong('gateway.page.listen.address', `found "${address}", allowed is an IP address`);
  const { gateway: _, ...rest } = json;
  return {
    path,
    missing,
    place,
    page: isObject(gateway.page) ? (gateway.page.device ?? null) : null,
    shared: rest,
    file: {
      ...result.value,
      control: control && placeOf(host, control),
      stateFile: stateFile && placeOf(host, stateFile),
      log: typeof log.to === 'object' ? { ...log, to: { ...log.to, file: placeOf(host, log.to.file) } } : log,
    },
    devices: inline.map((device, index) => {
      const at = `gateway.devices[${index}]`;
      return {
        json: device,
        at,
        place: (member) =>
          place(member === '' ? at : member.startsWith('[') ? at + member : `${at}.${member}`),
      };
    }),
  };
}

/**
 * As {@link readGatewayFile}, of an image if there is one; `null`: what is wrong was printed, and the program ends.
 */
export function settingsFor(host: Host, path: string, image: Machine | null = null): GatewaySettings | null {
  const settings = readGatewayFile(image ?? host, path, image !== null);
  if (!('errors' in settings)) return settings;
  for (const line of settings.errors) host.system.print(2, `${line}\n`);
  host.system.exit(ExitStatus.configuration);
  return null;
}
