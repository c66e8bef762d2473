import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { fileFault } from '../file-fault.ts';
import { Installation } from '../installation.ts';
import type { Store } from '../ports/store.ts';
import { CommandError, ExitStatus } from './exit.ts';

/** What the configuration of a device's agent contains. */
export interface AgentDevice {
  /** In the agent's spelling: a Digest log-in is computed over it. */
  readonly id: string;
  readonly domain: string;
  /** The password, or what the agent uses instead. */
  readonly secret: { readonly password: string } | 'file' | 'certificate';
  readonly digest: boolean;
}

/** Files that the agent reads besides its configuration. */
const secretFile = '/etc/rm-agent.secret';
const certificate = { cert: '/etc/rm-agent/device.pem', key: '/etc/rm-agent/device.key' };

/** For a reflector that has never run: the address it has without options. */
const standardUrl = 'http://localhost:8080/';

/** The URL that agents dial: the given one, that of the configuration, or that of the last reflector that used this data file. */
export async function agentUrl(
  store: Store,
  given: string | undefined,
  configured: string | null | undefined,
): Promise<{ readonly url: string; readonly note: string }> {
  if (given === undefined && configured)
    return { url: configured, note: 'As the configuration of the server has it; --url gives another.' };
  if (given === undefined)
    return {
      url: (await new Installation(store).url()) ?? standardUrl,
      note: 'As this machine knows the reflector; --url gives another.',
    };
  const url = URL.canParse(given) ? new URL(given) : null;
  const wrong =
    !url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '';
  if (wrong) {
    throw new CommandError(
      ExitStatus.usage,
      `--url ${JSON.stringify(given)}: must be http://HOST[:PORT][/PATH] or https://…`,
    );
  }
  return { url: url.href, note: '' };
}

/** The text of `/etc/rm-agent.json`, which may have comments. */
export function agentConfiguration(
  { id, domain, secret, digest }: AgentDevice,
  { url, note }: { readonly url: string; readonly note: string },
): string {
  const text = JSON.stringify;
  const inDevice: Member[] = [[`"id": ${text(id)}`], [`"domain": ${text(domain)}`]];
  if (secret === 'file')
    inDevice.push([
      `"password": { "file": "${secretFile}" }`,
      'Write the password into this file, mode 600.',
    ]);
  else if (secret !== 'certificate') inDevice.push([`"password": ${text(secret.password)}`]);
  if (digest) inDevice.push(['"auth": "digest"']);
  const members: Member[] = [[`"reflector": ${text(url)}`, note], [`"device": ${object(inDevice)}`]];
  if (secret === 'certificate')
    members.push([`"tls": { "cert": "${certificate.cert}", "key": "${certificate.key}" }`]);
  members.push([
    '"services": [{ "port": 80, "kind": "http" }, { "port": 22, "kind": "ssh" }]',
    'The ports that users can reach; no others.',
  ]);
  return `${object(members)}\n`;
}

type Member = readonly [text: string, comment?: string];

function object(members: readonly Member[]): string {
  const lines = members.flatMap(([text, comment], index) => {
    const end = index < members.length - 1 ? ',' : '';
    return [...(comment ? [`// ${comment}`] : []), ...`${text}${end}`.split('\n')];
  });
  return `{\n${lines.map((line) => `  ${line}`).join('\n')}\n}`;
}

/** A new file of mode 0600, created before anything can get lost. */
export class NewFile {
  readonly #path: string;
  readonly #descriptor: number;

  /** Throws {@link CommandError} if the file exists or cannot be created. */
  constructor(option: string, path: string) {
    this.#path = path;
    try {
      this.#descriptor = openSync(path, 'wx', 0o600);
    } catch (error) {
      throw new CommandError(ExitStatus.failed, `${option} ${path}: ${fileFault(error)}`);
    }
  }

  write(text: string): void {
    writeFileSync(this.#descriptor, text);
    closeSync(this.#descriptor);
  }

  discard(): void {
    closeSync(this.#descriptor);
    rmSync(this.#path, { force: true });
  }
}
