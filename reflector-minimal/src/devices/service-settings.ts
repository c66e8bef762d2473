import type { AnnouncedService } from 'rm-protocol';
import { hostOf } from '../http/host-names.ts';

/** What the agent says of one of its services, in the property `service-PORT`; `target` is a name or an address. */
export interface ServiceSettings extends Omit<AnnouncedService, 'port' | 'kind' | 'responseTimeout'> {
  /** The service speaks TLS, which the agent does for us. */
  readonly tls: boolean;
  /** Time until its answer must have begun, at most a day; `null`: `limits.responseMs`. */
  readonly responseTimeoutMs: number | null;
}

const day = 86_400;

type Properties = Readonly<Record<string, string>>;

/** Of the ports that were asked for; kept with the properties, which do not change. */
const kept = new WeakMap<Properties, Map<number, ServiceSettings>>();

/** What a device on line says of the service on one of its ports. */
export function serviceSettingsOf(
  { properties }: { readonly properties: Properties },
  port: number,
): ServiceSettings {
  let byPort = kept.get(properties);
  if (!byPort) {
    byPort = new Map();
    kept.set(properties, byPort);
  }
  let settings = byPort.get(port);
  if (!settings) {
    settings = readServiceSettings(properties, port);
    byPort.set(port, settings);
  }
  return settings;
}

/** Properties come from the device: whatever cannot be read counts as absent. */
export function readServiceSettings(properties: Properties, port: number): ServiceSettings {
  const pairs = pairsOf(properties[`service-${port}`] ?? '');
  const kind = pairs.get('kind');
  return {
    // The original agent does not say so.
    tls: kind === undefined ? port === 443 : kind === 'https',
    target: hostOf(pairs.get('target') ?? properties.targetHost ?? '') || null,
    targetPort: number(pairs.get('targetPort'), 65_535),
    host: authority(pairs.get('host')),
    forwarded: pairs.get('forwarded') !== 'no',
    headers: pairs.get('headers') === 'few' ? 'few' : 'all',
    connections: number(pairs.get('connections'), 64),
    responseTimeoutMs: seconds(pairs.get('responseTimeout')),
  };
}

function pairsOf(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const pair of text.split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (!pairs.has(name.trim())) pairs.set(name.trim(), value.join('=').trim());
  }
  return pairs;
}

/** It becomes a header line: nothing but a host name or an address, and a port. */
function authority(text: string | undefined): string | null {
  return text !== undefined && hostOf(text) !== '' ? text : null;
}

function number(text: string | undefined, most: number): number | null {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return null;
  const value = Number(text);
  return value >= 1 && value <= most ? value : null;
}

function seconds(text: string | undefined): number | null {
  const value = number(text, day);
  return value === null ? null : value * 1000;
}
