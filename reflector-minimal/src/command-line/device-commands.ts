import { duplicateShownMs } from '../admin/landing.ts';
import { normalizeDeviceId } from '../devices/device-id.ts';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { domainRule, isDomain } from '../devices/domain.ts';
import { Fingerprints } from '../devices/fingerprints.ts';
import { isHidden } from '../isolation/hidden-device.ts';
import { generatePassword } from '../passwords/scrypt.ts';
import type { DeviceRecord } from '../store/devices.ts';
import type { Store } from '../store/store.ts';
import { CommandError, ExitStatus } from './exit.ts';
import { choosePassword } from './password-input.ts';

export interface DeviceOptions {
  readonly domain?: string | undefined;
  readonly digest?: boolean | undefined;
  readonly certificate?: boolean | undefined;
  readonly 'issued-since'?: string | undefined;
  readonly 'password-file'?: string | undefined;
}

/** Of `rm-reflector device`. */
export const deviceActions: readonly string[] = ['add', 'claim', 'remove', 'list'];

/** Runs `rm-reflector device …`; gives what to print. Throws {@link CommandError}. */
export async function runDeviceCommand(
  store: Store,
  action: string,
  name: string | undefined,
  options: DeviceOptions,
): Promise<string> {
  if (action === 'list') return listDevices(store, Date.now());
  if (!deviceActions.includes(action)) {
    throw new CommandError(ExitStatus.usage, `device ${action}: must be one of ${deviceActions.join(', ')}`);
  }
  if (name === undefined) throw new CommandError(ExitStatus.usage, `device ${action}: an id is missing`);
  const id = normalizeDeviceId(name);
  if (id === null) {
    throw new CommandError(
      ExitStatus.usage,
      `device ${JSON.stringify(name)}: an id is 1 to 63 of a-z, 0-9, - and _, and begins and ends with a letter or digit`,
    );
  }
  if (action !== 'remove' && isHidden(id, store.takenLabel())) {
    throw new CommandError(
      ExitStatus.failed,
      `device ${id}: its host name is the --cookie-host of the reflector; choose another for one of them`,
    );
  }
  switch (action) {
    case 'add':
      return addDevice(store, id, name, options);
    case 'claim':
      return claimDevice(store, id, options.domain);
    default:
      if (!store.devices.remove(id, Date.now()))
        throw new CommandError(ExitStatus.failed, `device ${id}: there is no such device`);
      return `device ${id} removed\n`;
  }
}

async function addDevice(store: Store, id: string, name: string, options: DeviceOptions): Promise<string> {
  const domain = options.domain ?? store.domain();
  if (!isDomain(domain)) {
    throw new CommandError(ExitStatus.usage, `--domain ${JSON.stringify(domain)}: must be ${domainRule}`);
  }
  const taken = () => new CommandError(ExitStatus.failed, `device ${id}: exists already`);
  if (store.devices.get(id)?.claimed) throw taken();
  if (options.certificate && (options.digest || options['password-file'] !== undefined)) {
    throw new CommandError(ExitStatus.usage, '--certificate: a device without a password has none to keep');
  }
  const since = certificatesSince(options);
  // Where only a certificate counts, the password is one that nobody has seen.
  const { password, generated } = options.certificate
    ? { password: generatePassword(), generated: false }
    : choosePassword(options['password-file']);
  // Digest is computed over the id as the device spells it.
  const secrets = await deviceSecrets(name, domain, password, options.digest ?? false);
  if (!store.devices.add(id, domain, secrets, Date.now(), since)) throw taken();
  if (generated) {
    new Fingerprints(store).remember({ id, password: secrets.password, fingerprint: null }, password, true);
  }
  return `device ${id} added\ndomain: ${domain}\n${generated ? `password: ${password}\n` : ''}`;
}

/** Anybody may have invented an unclaimed device: the operator says which domain is meant, and so who will see it. */
function claimDevice(store: Store, id: string, domain: string | undefined): string {
  const waiting = store.devices.credentials(id);
  if (!waiting || waiting.claimed) {
    throw new CommandError(ExitStatus.failed, `device ${id}: no unclaimed device has this id`);
  }
  if (domain === undefined) {
    throw new CommandError(
      ExitStatus.usage,
      `device claim ${id}: --domain is missing; this device came with ${waiting.domain}, from ${waiting.address}`,
    );
  }
  if (!store.devices.claim(id, domain)) {
    throw new CommandError(
      ExitStatus.failed,
      `device ${id}: came with the domain ${waiting.domain}, not ${domain}; if it is not yours: rm-reflector device remove ${id}`,
    );
  }
  return `device ${id} claimed in the domain ${domain}; it comes on line at its next attempt\n`;
}

/** From when on certificates of a device count; `null` for a device with a password. */
function certificatesSince(options: DeviceOptions): number | 'default' | null {
  const text = options['issued-since'];
  if (!options.certificate) {
    if (text === undefined) return null;
    throw new CommandError(ExitStatus.usage, '--issued-since: only with --certificate');
  }
  if (text === undefined) return 'default';
  const time = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new CommandError(
    ExitStatus.usage,
    `--issued-since ${JSON.stringify(text)}: must be a date, as in 2026-01-31 or 2026-01-31T12:00:00Z`,
  );
}

function listDevices(store: Store, now: number): string {
  // Without a reflector the states in the file are old.
  const served = store.isServed();
  const header = ['DEVICE', 'STATE', 'NAME', 'ADDRESS', 'LAST CONNECT', 'CONNECTS', 'FROM', 'TO'];
  const rows = store.devices
    .list()
    .map((device) => [
      device.id,
      stateOf(device, served, now),
      printable(device.properties.name ?? '-'),
      device.address || '-',
      device.lastConnect === null ? '-' : new Date(device.lastConnect).toISOString(),
      String(device.connects),
      formatBytes(device.bytesFrom),
      formatBytes(device.bytesTo),
    ]);
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()}\n`;
  return [header, ...rows].map(line).join('');
}

function stateOf(device: DeviceRecord, served: boolean, now: number): string {
  if (!device.claimed) return 'unclaimed';
  const duplicate = device.duplicateNoticed !== null && now - device.duplicateNoticed < duplicateShownMs;
  return `${served && device.online ? 'on line' : 'off line'}${duplicate ? ', two devices use this identity' : ''}`;
}

/** Properties come from devices: nothing that a terminal would act on. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?').slice(0, 40);
}

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}
