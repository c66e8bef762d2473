import type { Clock } from 'rm-protocol';
import { normalizeDeviceId } from '../devices/device-id.ts';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { domainRule, isDomain } from '../devices/domain.ts';
import { Fingerprints } from '../devices/fingerprints.ts';
import { hiddenBy } from '../devices/hidden-device.ts';
import { Installation } from '../installation.ts';
import { generatePassword } from '../passwords/scrypt.ts';
import type { DeviceSecrets, Store } from '../ports/store.ts';
import { agentConfiguration, agentUrl, NewFile } from './agent-configuration.ts';
import { type CertificateOptions, certificatesSince } from './certificate-options.ts';
import { importDevices } from './device-import.ts';
import { type ListOptions, listDevices, printable, showDevice } from './device-list.ts';
import { CommandError, ExitStatus } from './exit.ts';
import { choosePassword } from './password-input.ts';

export interface DeviceOptions extends CertificateOptions, ListOptions {
  readonly digest?: boolean | undefined;
  readonly 'password-file'?: string | undefined;
  readonly from?: string | undefined;
  readonly output?: string | undefined;
  readonly url?: string | undefined;
  /** Address of the reflector for agents by the configuration file. */
  readonly configuredUrl?: string | null | undefined;
  readonly config?: string | undefined;
}

/** Actions of `rm-reflector device`. */
export const deviceActions: readonly string[] = ['add', 'claim', 'passwd', 'remove', 'show', 'list'];

/** Runs `rm-reflector device …`; returns what to print. `served`: as for {@link listDevices}. Throws {@link CommandError}. */
export async function runDeviceCommand(
  store: Store,
  action: string,
  name: string | undefined,
  options: DeviceOptions,
  clock: Clock,
  served: boolean,
): Promise<string> {
  if (action === 'list') return listDevices(store, clock.date(), served, options);
  if (!deviceActions.includes(action)) {
    throw new CommandError(ExitStatus.usage, `device ${action}: must be one of ${deviceActions.join(', ')}`);
  }
  if (action === 'add' && options.from !== undefined) {
    for (const option of ['url', 'config'] as const) {
      if (options[option] !== undefined)
        throw new CommandError(ExitStatus.usage, `--${option}: not with --from; it is for one device`);
    }
    if (name === undefined) return importDevices(store, options.from, options, clock);
    throw new CommandError(ExitStatus.usage, 'device add: an id and --from are two ways: choose one');
  }
  if (options.output !== undefined) {
    throw new CommandError(ExitStatus.usage, '--output: only with --from; one password is printed');
  }
  if (name === undefined) throw new CommandError(ExitStatus.usage, `device ${action}: an id is missing`);
  const id = normalizeDeviceId(name);
  if (id === null) {
    throw new CommandError(
      ExitStatus.usage,
      `device ${JSON.stringify(name)}: an id is 1 to 63 of a-z, 0-9, - and _, and begins and ends with a letter or digit`,
    );
  }
  const hidden =
    action === 'add' || action === 'claim' ? hiddenBy(id, await new Installation(store).takenLabel()) : null;
  if (hidden !== null) {
    throw new CommandError(
      ExitStatus.failed,
      `device ${id}: its host name is ${hidden}; choose another for one of them`,
    );
  }
  switch (action) {
    case 'add':
      return addDevice(store, id, name, options, clock);
    case 'claim':
      return claimDevice(store, id, options.domain);
    case 'passwd':
      return changeSecrets(store, id, name, options, clock);
    case 'show':
      return showDevice(store, id, clock.date(), served, options);
    default:
      if (!(await store.devices.remove(id, clock.date())))
        throw new CommandError(ExitStatus.failed, `device ${id}: there is no such device`);
      return `device ${id} removed\n`;
  }
}

async function addDevice(
  store: Store,
  id: string,
  name: string,
  options: DeviceOptions,
  clock: Clock,
): Promise<string> {
  const domain = options.domain ?? (await new Installation(store).domain());
  if (!isDomain(domain)) {
    throw new CommandError(ExitStatus.usage, `--domain ${JSON.stringify(domain)}: must be ${domainRule}`);
  }
  const taken = () => new CommandError(ExitStatus.failed, `device ${id}: exists already`);
  if ((await store.devices.credentials(id))?.claimed) throw taken();
  const url = await agentUrl(store, options.url, options.configuredUrl);
  const { since, secrets, generated, keep } = await chooseSecrets(store, id, name, domain, options);
  const file = options.config === undefined ? null : new NewFile('--config', options.config);
  try {
    if ((await store.devices.add({ id, domain, secrets }, clock.date(), since)) === 'taken') throw taken();
  } catch (error) {
    file?.discard();
    throw error;
  }
  await keep();
  const secret = options.certificate ? 'certificate' : generated ? { password: generated } : 'file';
  const device = { id: name, domain, secret, digest: options.digest ?? false } as const;
  const configuration = agentConfiguration(device, url);
  if (!file) return `// Device ${id} added. Its /etc/rm-agent.json, mode 600:\n${configuration}`;
  file.write(configuration);
  return `device ${id} added\ndomain: ${domain}\nconfiguration: ${options.config}, for /etc/rm-agent.json of the device; mode 600\n`;
}

/** Sets another password, or accepts certificates instead. Ends the device's tunnel. */
async function changeSecrets(
  store: Store,
  id: string,
  name: string,
  options: DeviceOptions,
  clock: Clock,
): Promise<string> {
  const missing = () => new CommandError(ExitStatus.failed, `device ${id}: there is no such device`);
  const device = await store.devices.credentials(id);
  if (!device?.claimed) throw missing();
  const { since, secrets, generated, keep } = await chooseSecrets(store, id, name, device.domain, options);
  if (!(await store.devices.setSecrets(id, secrets, clock.date(), since))) throw missing();
  if (since !== null) return `device ${id} proves itself by a certificate from now on\n`;
  await keep();
  return `password of device ${id} changed\n${generated ? `password: ${generated}\n` : ''}`;
}

/** The device's credentials. `generated`: the password, if we generated it. Call `keep` once they are stored. */
async function chooseSecrets(
  store: Store,
  id: string,
  name: string,
  domain: string,
  options: DeviceOptions,
): Promise<{
  since: number | 'default' | null;
  secrets: DeviceSecrets;
  generated: string | null;
  keep(): Promise<void>;
}> {
  if (options.certificate && (options.digest || options['password-file'] !== undefined)) {
    throw new CommandError(ExitStatus.usage, '--certificate: a device without a password has none to keep');
  }
  const since = certificatesSince(options);
  // A device with a certificate gets a password that nobody knows.
  const { password, generated } = options.certificate
    ? { password: generatePassword(), generated: false }
    : choosePassword(options['password-file']);
  // Digest uses the device's own spelling of its id.
  const secrets = await deviceSecrets(name, domain, password, options.digest ?? false);
  const keep = async () => {
    if (!generated) return;
    const fingerprints = new Fingerprints(store.devices, await new Installation(store).fingerprintKey());
    await fingerprints.remember({ id, password: secrets.password, fingerprint: null }, password, true);
  };
  return { since, secrets, generated: generated ? password : null, keep };
}

/** Anyone can invent an unclaimed device, so the operator names the domain, which decides who sees the device. */
async function claimDevice(store: Store, id: string, domain: string | undefined): Promise<string> {
  const waiting = await store.devices.credentials(id);
  if (!waiting || waiting.claimed) {
    throw new CommandError(ExitStatus.failed, `device ${id}: no unclaimed device has this id`);
  }
  if (domain === undefined) {
    throw new CommandError(
      ExitStatus.usage,
      `device claim ${id}: --domain is missing; this device came with ${printable(waiting.domain)}, from ${waiting.address}`,
    );
  }
  if (!(await store.devices.claim(id, domain))) {
    throw new CommandError(
      ExitStatus.failed,
      `device ${id}: came with the domain ${printable(waiting.domain)}, not ${printable(domain)}; if it is not yours, use "device remove ${id}"`,
    );
  }
  return `device ${id} claimed in the domain ${domain}; it comes on line at its next attempt\n`;
}
