import { duplicateShownMs } from '../pages/landing.ts';
import type { DeviceRecord, Store } from '../ports/store.ts';
import { columns } from './columns.ts';
import { every } from './every.ts';
import { CommandError, ExitStatus } from './exit.ts';

/** Filters and format. */
export interface ListOptions {
  readonly domain?: string | undefined;
  readonly state?: string | undefined;
  /** Part of the id or the name. */
  readonly match?: string | undefined;
  readonly json?: boolean | undefined;
}

const states = ['online', 'offline', 'unclaimed'] as const;

/** A device as `--json` shows it. Times are ISO 8601, `null` for never. */
interface Shown {
  readonly id: string;
  readonly domain: string;
  readonly state: (typeof states)[number];
  /** Since when it is in this state. */
  readonly since: string | null;
  /** When it was last online; the present time, if it is now. */
  readonly lastSeen: string | null;
  readonly name: string | null;
  readonly version: string | null;
  /** `User-Agent` of the last connection. */
  readonly agent: string;
  readonly address: string;
  readonly connects: number;
  /** Payload bytes from and to the device. */
  readonly bytesFrom: number;
  readonly bytesTo: number;
  /** When a peer that claimed to be this device was last refused. */
  readonly lastRefusal: { readonly at: string; readonly reason: string; readonly address: string } | null;
  /** Two devices have used this identity within the last day. */
  readonly duplicate: boolean;
  readonly created: string;
  readonly proof: 'password' | 'certificate';
  /** Earlier certificates are not accepted. */
  readonly certificatesSince: string | null;
}

/**
 * `rm-reflector device list`: a table, or JSON. `served`: a reflector runs on the store, so that on-line states mean something. Throws {@link CommandError}. */
export async function listDevices(
  store: Store,
  now: number,
  served: boolean,
  { domain, state, match, json }: ListOptions,
): Promise<string> {
  if (state !== undefined && !states.some((known) => known === state)) {
    throw new CommandError(
      ExitStatus.usage,
      `--state ${JSON.stringify(state)}: must be one of ${states.join(', ')}`,
    );
  }
  const wanted = match?.toLowerCase();
  const domains = domain === undefined ? null : [domain];
  const listed = (claimed: boolean) =>
    every(
      (after, limit) => store.devices.page({ domains, claimed }, after, limit),
      ({ id }) => id,
    );
  // Unclaimed ones last.
  const devices = [...(await listed(true)), ...(await listed(false))]
    .map((device) => shown(device, served, now))
    .filter((device) => state === undefined || device.state === state)
    .filter(
      ({ id, name }) =>
        wanted === undefined || [id, name ?? ''].some((text) => text.toLowerCase().includes(wanted)),
    );
  return json ? `${JSON.stringify(devices, null, 2)}\n` : table(devices);
}

/** `rm-reflector device show ID`: all that is known about a device. Throws {@link CommandError}. */
export async function showDevice(
  store: Store,
  id: string,
  now: number,
  served: boolean,
  { json }: ListOptions,
): Promise<string> {
  const device = await store.devices.get(id);
  if (!device) throw new CommandError(ExitStatus.failed, `device ${id}: there is no such device`);
  const { properties } = device;
  const facts = shown(device, served, now);
  if (json) return `${JSON.stringify({ ...facts, properties }, null, 2)}\n`;
  const { lastRefusal, duplicate, proof, certificatesSince, bytesFrom, bytesTo, ...plain } = facts;
  const lines: [string, string | number | null][] = [
    ...Object.entries(plain),
    ['lastRefusal', refusalText(lastRefusal)],
    ['proof', certificatesSince === null ? proof : `${proof}, issued at ${certificatesSince} or later`],
    ['traffic', `${formatBytes(bytesFrom)} from, ${formatBytes(bytesTo)} to the device`],
    ...(duplicate ? ([['warning', 'two devices use this identity']] as [string, string][]) : []),
    ...Object.entries(properties).map(([name, value]): [string, string] => [`property ${name}`, value]),
  ];
  return lines
    .map(([name, value]) => `${printable(name)}: ${printable(String(value ?? '-'), 1000)}\n`)
    .join('');
}

function shown(device: DeviceRecord, served: boolean, now: number): Shown {
  const online = served && device.online;
  const state = device.claimed ? (online ? 'online' : 'offline') : 'unclaimed';
  const seen = device.lastSeen ?? device.lastConnect;
  const since = { online: device.lastConnect, offline: seen, unclaimed: device.created }[state];
  return {
    id: device.id,
    domain: device.domain,
    state,
    since: time(since),
    lastSeen: time(online ? now : seen),
    name: device.properties.name ?? null,
    version: device.properties.version ?? null,
    agent: device.agent,
    address: device.address,
    connects: device.connects,
    bytesFrom: device.bytesFrom,
    bytesTo: device.bytesTo,
    lastRefusal:
      device.refused === null
        ? null
        : {
            at: new Date(device.refused).toISOString(),
            reason: device.refusedReason ?? '',
            address: device.refusedAddress ?? '',
          },
    duplicate: device.duplicateNoticed !== null && now - device.duplicateNoticed < duplicateShownMs,
    created: new Date(device.created).toISOString(),
    proof: device.certificatesSince === null ? 'password' : 'certificate',
    certificatesSince: time(device.certificatesSince),
  };
}

function table(devices: readonly Shown[]): string {
  const header = [
    'DEVICE',
    'STATE',
    'SINCE',
    'LAST SEEN',
    'DOMAIN',
    'VERSION',
    'NAME',
    'ADDRESS',
    'CONNECTS',
    'FROM',
    'TO',
    'LAST REFUSAL',
  ];
  const rows = devices.map((device) => [
    device.id,
    `${stateNames[device.state]}${device.duplicate ? ', two devices use this identity' : ''}`,
    seconds(device.since),
    device.state === 'online' ? 'now' : seconds(device.lastSeen),
    printable(device.domain, 64),
    printable(device.version ?? '-'),
    printable(device.name ?? '-'),
    device.address || '-',
    String(device.connects),
    formatBytes(device.bytesFrom),
    formatBytes(device.bytesTo),
    refusalText(device.lastRefusal),
  ]);
  return columns([header, ...rows]);
}

const stateNames = { online: 'on line', offline: 'off line', unclaimed: 'unclaimed' } as const;

function refusalText(refusal: Shown['lastRefusal']): string {
  if (refusal === null) return '-';
  return `${seconds(refusal.at)} ${printable(refusal.reason, 100)}, from ${printable(refusal.address)}`;
}

function time(date: number | null): string | null {
  return date === null ? null : new Date(date).toISOString();
}

function seconds(date: string | null): string {
  return date === null ? '-' : date.replace(/\.\d+Z$/, 'Z');
}

/** Text from a device, without control characters and cut to `length` characters. */
export function printable(text: string, length = 40): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, length);
}

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}
