import { parseIp } from 'rm-protocol';
import type { Json, JsonObject } from '../../config/json.ts';
import type { Host } from '../../host.ts';
import { addressFault } from '../addresses.ts';
import { isObject } from '../source.ts';

/**
 * What the page shows of a device's file and what it may change. Whoever has logged in there must not become more than that: so no
 * programs, no files and variables of the gateway, no other reflector, no address of the gateway itself. All that is in a file besides stays in
 * it. Secrets go in and never come out.
 */

const deviceKeys = ['id', 'domain', 'name', 'version', 'tenant'] as const;
const serviceKeys = [
  'port',
  'kind',
  'path',
  'name',
  'target',
  'targetPort',
  'host',
  'forwarded',
  'headers',
  'connections',
  'responseTimeout',
] as const;
const tlsKeys = ['verify', 'name', 'pins', 'minVersion'] as const;
const topKeys = ['target', 'start'] as const;

/** The most services that are looked at; the schema has the same bound. */
const MAX_SERVICES = 256;

/** A device as the page shows it. */
export interface EditableDevice {
  readonly device: JsonObject;
  /** Which secrets there are: text that is shown as set, and never what it is. */
  readonly secrets: { readonly password: boolean; readonly enrollKey: boolean };
  readonly services: readonly JsonObject[];
  readonly target?: Json;
  readonly start?: Json;
  /** Keys of the file that the page leaves alone. */
  readonly kept: readonly string[];
}

/** What the page shows of the content of a file. */
export function shown(json: JsonObject): EditableDevice {
  const device = objectAt(json, 'device');
  const enroll = objectAt(device, 'enroll');
  const services = servicesOf(json);
  const shownServices = services.map((service) => ({
    ...pick(service, serviceKeys),
    ...(isObject(service.tls) ? { tls: pick(service.tls, tlsKeys) } : {}),
  }));
  const kept = [
    ...othersOf(json, ['device', 'services', ...topKeys], ''),
    ...othersOf(device, ['password', 'enroll', ...deviceKeys], 'device.'),
    ...services.flatMap((service, at) => [
      ...othersOf(service, ['tls', ...serviceKeys], `services[${at}].`),
      ...(isObject(service.tls) ? othersOf(service.tls, tlsKeys, `services[${at}].tls.`) : []),
    ]),
  ];
  return {
    ...pick(json, topKeys),
    device: pick(device, deviceKeys),
    secrets: {
      password: device.password !== undefined && device.password !== '',
      enrollKey: enroll.key !== undefined && enroll.key !== null,
    },
    services: shownServices,
    kept,
  };
}

/**
 * The content of a file after an edit: `edited` has the keys that {@link shown} shows, and `password` or `enrollKey` in `device` for a
 * secret that is new. `was` in a service is the port that it had. `stored` is what was there, or `null`. Problems are one line each.
 */
export function changed(
  host: Pick<Host, 'files'>,
  stored: JsonObject | null,
  edited: Json,
): { readonly json: JsonObject } | { readonly problems: readonly string[] } {
  if (!isObject(edited) || !isObject(edited.device) || !Array.isArray(edited.services))
    return { problems: ['found no device, needed are "device" and "services"'] };
  if (edited.services.length > MAX_SERVICES || !edited.services.every((service: Json) => isObject(service)))
    return { problems: [`services: allowed are ${MAX_SERVICES} objects`] };
  const services: readonly JsonObject[] = edited.services;
  const problems = [
    ...strange(edited, ['device', 'services', ...topKeys], ''),
    ...strange(edited.device, ['password', 'enrollKey', ...deviceKeys], 'device.'),
    ...services.flatMap((service, at) => [
      ...strange(service, ['tls', 'was', ...serviceKeys], `services[${at}].`),
      ...(isObject(service.tls) ? strange(service.tls, tlsKeys, `services[${at}].tls.`) : []),
    ]),
  ];
  const before = stored === null ? null : shown(stored);
  const shownByPort = new Map(before?.services.map((service) => [service.port ?? null, service]));
  const variables = [
    ...newVariables(without(edited, ['services']), { ...before }),
    ...services.flatMap((service) =>
      newVariables(without(service, ['was']), shownByPort.get(portBefore(service, services)) ?? {}),
    ),
  ];
  for (const text of variables)
    problems.push(`found "${text.slice(0, 64)}": write variables to the file on the gateway, not here`);
  // What was dialled before may be dialled; the same address at another port may not.
  const dialled = new Set(before?.services.map((service) => dialledBy(service, before.target)));
  for (const [path, target] of targetsOf(edited, services, dialled)) {
    const fault = targetFault(host, target);
    if (fault !== null)
      problems.push(
        `${path}: found "${target}", ${fault}; if you mean it, write it to the file on the gateway`,
      );
  }
  if (problems.length > 0) return { problems };
  const old = stored ?? {};
  const oldServices = new Map(servicesOf(old).map((service) => [service.port ?? null, service]));
  return {
    json: {
      ...without(old, ['device', 'services', ...topKeys]),
      ...pick(edited, topKeys),
      device: deviceAfter(objectAt(old, 'device'), edited.device),
      services: services.map((service) =>
        serviceAfter(oldServices.get(portBefore(service, services)), service),
      ),
    },
  };
}

function deviceAfter(old: JsonObject, edited: JsonObject): JsonObject {
  const { password, enrollKey } = edited;
  const kept = without(old, deviceKeys);
  const secret: Record<string, Json> = {};
  if (typeof password === 'string' && password !== '') secret.password = password;
  if (typeof enrollKey === 'string' && enrollKey !== '')
    secret.enroll = { ...objectAt(old, 'enroll'), key: enrollKey };
  return {
    // A device has one of them.
    ...without(kept, 'password' in secret ? ['enroll'] : 'enroll' in secret ? ['password'] : []),
    ...pick(edited, deviceKeys),
    ...secret,
  };
}

/** The port by which a service is found in the file: what else stands there stays with it. */
function portBefore({ was = null, port = null }: JsonObject, services: readonly JsonObject[]): Json {
  if (was !== null) return was;
  return services.some((other) => other.was === port) ? null : port;
}

function serviceAfter(old: JsonObject | undefined, edited: JsonObject): JsonObject {
  const kept = old ? without(old, ['tls', ...serviceKeys]) : {};
  const { tls = null } = edited;
  const keptTls = old && isObject(old.tls) ? without(old.tls, tlsKeys) : {};
  if (isObject(tls))
    return { ...kept, ...pick(edited, serviceKeys), tls: { ...keptTls, ...pick(tls, tlsKeys) } };
  const stays = Object.keys(keptTls).length > 0 && edited.kind === old?.kind;
  return { ...kept, ...pick(edited, serviceKeys), ...(stays ? { tls: keptTls } : {}) };
}

/** What a service dials: two that dial the same are equal. */
function dialledBy(service: JsonObject, all: Json | undefined): string {
  return JSON.stringify([service.target ?? all ?? null, service.targetPort ?? service.port ?? null]);
}

/** The targets that were not dialled before, each with its place. */
function targetsOf(
  edited: JsonObject,
  services: readonly JsonObject[],
  dialled: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [at, service] of services.entries()) {
    const target = service.target ?? edited.target ?? null;
    const place = (service.target ?? null) === null ? 'target' : `services[${at}].target`;
    if (typeof target === 'string' && !dialled.has(dialledBy(service, edited.target)))
      found.set(place, target);
  }
  if (services.length === 0 && typeof edited.target === 'string') found.set('target', edited.target);
  return found;
}

/** A name is judged again for each connection. */
function targetFault({ files }: Pick<Host, 'files'>, target: string): string | null {
  if (target.startsWith('unix:')) return 'a socket of the gateway itself';
  if (/^localhost\.?$/i.test(target)) return 'the gateway itself';
  const bytes = parseIp(target.replace(/%.*/, ''));
  return bytes ? addressFault(files, { address: target, family: bytes.length === 4 ? 4 : 6 }) : null;
}

function objectAt(json: JsonObject, key: string): JsonObject {
  const value = json[key] ?? null;
  return isObject(value) ? value : {};
}

function servicesOf(json: JsonObject): readonly JsonObject[] {
  const { services = null } = json;
  return Array.isArray(services) ? services.filter((service: Json) => isObject(service)) : [];
}

/** An absent key and `null` mean the same. */
function pick(json: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    keys.flatMap((key): [string, Json][] => {
      const value = Object.hasOwn(json, key) ? (json[key] ?? null) : null;
      return value === null ? [] : [[key, value]];
    }),
  );
}

function without(json: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

function othersOf(json: JsonObject, keys: readonly string[], at: string): string[] {
  return Object.keys(without(json, keys)).map((key) => at + key);
}

function strange(json: JsonObject, keys: readonly string[], at: string): string[] {
  return othersOf(json, keys, at).map(
    (path) => `${path.slice(0, 64)}: the page does not change it; write it to the file on the gateway`,
  );
}

/** The texts with variables that do not stand at the same place in `before`. */
function newVariables(json: Json | undefined, before: unknown): readonly string[] {
  if (typeof json === 'string') return json.includes('${') && json !== before ? [json] : [];
  if (typeof json !== 'object' || json === null) return [];
  const old = typeof before === 'object' && before !== null ? new Map(Object.entries(before)) : new Map();
  return Object.entries(json).flatMap(([key, value]) => newVariables(value, old.get(key)));
}
