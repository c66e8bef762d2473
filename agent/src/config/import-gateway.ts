import { type Imported, importProperties, withoutAbsent } from './import.ts';
import type { Json, JsonObject } from './json.ts';
import { type ImportFacts, parseProperties } from './properties-file.ts';
import type { Problem } from './validate.ts';

/** A properties file of the original gateway. */
export interface PropertiesFile {
  readonly name: string;
  readonly text: string;
}

/** What all devices of a gateway share where they agree. */
const sharedKeys = ['reflector', 'tls', 'proxy', 'timeouts', 'notify', 'log'] as const;

/** What the original has for a device that names no host. */
const DEFAULT_TARGET = '127.0.0.1';

/** Whether a properties file is that of the original gateway itself, and not of a device. */
export function isGatewayProperties(text: string): boolean {
  return [...parseProperties(text).keys()].some((key) => key.startsWith('gateway.'));
}

/** Whether it is the file of one of its devices. */
export function isDeviceProperties(text: string): boolean {
  return !isGatewayProperties(text) && /^[^\S\r\n]*webtunnel\./m.test(text);
}

/** The folder with the devices, where the gateway's own file names one. */
export function gatewayFolder(text: string): string | null {
  return parseProperties(text).get('gateway.configDir') ?? null;
}

/**
 * Makes the configuration of a gateway out of the original's: `common` is the text of its own file, over which each device
 * has a file. Warnings name the file of the device, unless they are the same for all.
 */
export function importGateway(
  common: string,
  files: readonly PropertiesFile[],
  facts: ImportFacts,
  check: (json: JsonObject) => readonly Problem[],
): Imported {
  const warned = new Map<string, string[]>();
  const warn = (name: string, line: string) => {
    const names = warned.get(line) ?? [];
    names.push(name);
    warned.set(line, names);
  };
  const own = withoutGatewayKeys(common);
  const imported = files.map(({ name, text }) => {
    const { json, warnings } = importProperties(`${own}\n${text}`, facts, check);
    for (const line of warnings) warn(name, line);
    const services = Array.isArray(json.services) ? json.services.map((service) => decided(service)) : [];
    if (services.some(({ undecided }) => undecided))
      warn(
        name,
        'webtunnel.https.verification: nobody verifies the device, as in the original, so anybody in its network may pose as it; better are services[].tls.pins',
      );
    return { ...json, target: json.target ?? DEFAULT_TARGET, services: services.map(({ json: one }) => one) };
  });
  const shared: Record<string, Json> = {};
  for (const key of sharedKeys) {
    const [first = null, ...others] = imported.map((json: JsonObject) => json[key] ?? null);
    const same = others.every((other) => JSON.stringify(other) === JSON.stringify(first));
    // There is one log.
    if (same || key === 'log') shared[key] = first;
  }
  const devices = imported.map((json: JsonObject) =>
    withoutAbsent({ ...json, ...Object.fromEntries(Object.keys(shared).map((key) => [key, null])) }),
  );
  const lines = [...warned].flatMap(([line, names]) =>
    names.length === files.length ? [line] : names.map((name) => `${name}: ${line}`),
  );
  if (own !== common)
    lines.push(
      'gateway.*: this gateway is configured by its own file and folder, left out; see docs/gateway.md',
    );
  return { json: { ...withoutAbsent(shared), gateway: { devices } }, warnings: lines };
}

/** The same text for a device: its lines count after those of the gateway, which has keys of its own. */
function withoutGatewayKeys(text: string): string {
  const properties = [...parseProperties(text)];
  if (!properties.some(([key]) => key.startsWith('gateway.'))) return text;
  const escaped = (value: string) => value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/\r/g, '\\r');
  return properties
    .filter(([key]) => !key.startsWith('gateway.'))
    .map(([key, value]) => `${key} = ${escaped(value)}`)
    .join('\n');
}

/** A gateway wants to be told when nobody verifies a device. */
function decided(service: Json): { readonly json: Json; readonly undecided: boolean } {
  if (typeof service !== 'object' || service === null || Array.isArray(service))
    return { json: service, undecided: false };
  const { kind, tls = null } = service as JsonObject;
  const given = typeof tls === 'object' && tls !== null ? (tls as JsonObject) : {};
  if (kind !== 'https' || given.verify !== undefined) return { json: service, undecided: false };
  return { json: { ...(service as JsonObject), tls: { verify: false, ...given } }, undecided: true };
}

/** What the tiny host loads for one command only. */
export const gatewayImport = {
  importGateway,
  isGatewayProperties,
  isDeviceProperties,
  gatewayFolder,
} as const;
