import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import type { Clock } from 'rm-protocol';
import { normalizeDeviceId } from '../devices/device-id.ts';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { domainRule, isDomain } from '../devices/domain.ts';
import { Fingerprints } from '../devices/fingerprints.ts';
import { hiddenBy } from '../devices/hidden-device.ts';
import { fileFault } from '../file-fault.ts';
import { Installation } from '../installation.ts';
import { defaultLimits } from '../limits.ts';
import { generatePassword } from '../passwords/scrypt.ts';
import type { NewDevice, Store } from '../ports/store.ts';
import { type CertificateOptions, certificatesSince } from './certificate-options.ts';
import { CommandError, ExitStatus } from './exit.ts';

export interface ImportOptions extends CertificateOptions {
  /** For lines without a domain. */
  readonly domain?: string | undefined;
  readonly digest?: boolean | undefined;
  readonly 'password-file'?: string | undefined;
  /** File for the passwords. */
  readonly output?: string | undefined;
}

/** A line of the file. */
interface Listed {
  readonly id: string;
  /** In the device's spelling. */
  readonly spelled: string;
  readonly domain: string;
}

/** A device with its generated password; `null`: it has a certificate. */
interface Made extends NewDevice {
  readonly generated: string | null;
}

/**
 * `rm-reflector device add --from FILE`: adds all devices of a file, or none. Returns what to print: a line for each with
 * id, domain and password, unless they go to a file. Throws {@link CommandError}.
 */
export async function importDevices(
  store: Store,
  from: string,
  options: ImportOptions,
  clock: Clock,
  bound = defaultLimits.devicesAtOnce,
): Promise<string> {
  if (options['password-file'] !== undefined) {
    throw new CommandError(
      ExitStatus.usage,
      '--password-file: not with --from; each device gets a password of its own',
    );
  }
  if (options.certificate && options.digest) {
    throw new CommandError(ExitStatus.usage, '--certificate: a device without a password has none to keep');
  }
  const since = certificatesSince(options);
  const installation = new Installation(store);
  const domain = options.domain ?? (await installation.domain());
  const listed = readList(await installation.takenLabel(), from, domain, bound);
  const made = await Promise.all(listed.map((device) => make(device, options)));
  const lines = made.map(({ id, domain, generated }) =>
    [id, domain, ...((generated ?? '') ? [generated] : [])].join('\t'),
  );
  const text = lines.map((line) => `${line}\n`).join('');
  // First save the passwords: after a crash between the two steps, nobody would know them.
  if (options.output !== undefined) writeNew(options.output, text);
  const taken = await addAll(store, made, since, clock, () => {
    if (options.output !== undefined) rmSync(options.output, { force: true });
  });
  if (taken.length > 0) {
    const named = `${taken.slice(0, 5).join(', ')}${taken.length > 5 ? `, and ${taken.length - 5} more` : ''}`;
    throw new CommandError(ExitStatus.failed, `${from}: exist already: ${named}; none was added`);
  }
  const fingerprints = new Fingerprints(store.devices, await installation.fingerprintKey());
  for (const { id, secrets, generated } of made) {
    if (generated !== null) {
      await fingerprints.remember({ id, password: secrets.password, fingerprint: null }, generated, true);
    }
  }
  return options.output === undefined
    ? text
    : `${made.length} devices added; their passwords are in ${options.output}\n`;
}

async function addAll(
  store: Store,
  made: readonly Made[],
  since: number | 'default' | null,
  clock: Clock,
  undo: () => void,
): Promise<readonly string[]> {
  let taken: readonly string[] | null = null;
  try {
    taken = await store.devices.addAll(made, clock.date(), since);
    return taken;
  } finally {
    if (taken === null || taken.length > 0) undo();
  }
}

async function make({ id, spelled, domain }: Listed, { digest, certificate }: ImportOptions): Promise<Made> {
  const password = generatePassword();
  // A password of 130 bits needs no slow hash; with one, a thousand devices would take a minute.
  const secrets = await deviceSecrets(spelled, domain, password, digest ?? false, 'generated');
  return { id, domain, secrets, generated: certificate ? null : password };
}

/** One device a line: its id and, after a blank, its domain if it has its own. `#` starts a comment. */
function readList(takenLabel: string | null, from: string, domain: string, bound: number): Listed[] {
  const where = from === '-' ? 'standard input' : from;
  const wrong = (line: number, what: string): never => {
    throw new CommandError(ExitStatus.usage, `${where}: line ${line}: ${what}`);
  };
  let text: string;
  try {
    text = readFileSync(from === '-' ? 0 : from, 'utf8');
  } catch (error) {
    throw new CommandError(ExitStatus.usage, `${where}: ${fileFault(error)}`);
  }
  const listed = new Map<string, Listed>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const [spelled, own = domain, ...more] = line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (spelled === undefined) continue;
    const id = normalizeDeviceId(spelled);
    if (id === null || more.length > 0) return wrong(i + 1, 'must be an id, and a domain if it is another');
    if (!isDomain(own)) wrong(i + 1, `the domain must be ${domainRule}`);
    if (listed.has(id)) wrong(i + 1, `${id} is there twice`);
    const hidden = hiddenBy(id, takenLabel);
    if (hidden !== null) wrong(i + 1, `the host name of ${id} is ${hidden}`);
    if (listed.size >= bound) wrong(i + 1, `more than ${bound} devices`);
    listed.set(id, { id, spelled, domain: own });
  }
  if (listed.size === 0) throw new CommandError(ExitStatus.usage, `${where}: names no device`);
  return [...listed.values()];
}

/** Writes a new file that only its owner can read. */
function writeNew(path: string, text: string): void {
  try {
    const descriptor = openSync(path, 'wx', 0o600);
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new CommandError(ExitStatus.usage, `--output ${path}: ${fileFault(error)}`);
  }
}
