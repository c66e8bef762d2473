import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort, listening } from '../system/listening.ts';
import { SshKeys } from './keys.ts';

/** Dropbear, as small boards have it, on an ephemeral port, with keys in a directory of its own. */
export class DropbearServer {
  readonly port: number;
  /** Options for OpenSSH's programs with which they log in at this server; the port is not among them. */
  readonly clientOptions: readonly string[];
  readonly user: string;
  readonly #keys: SshKeys;
  readonly #child: ChildProcess;

  private constructor(port: number, keys: SshKeys, name: string, child: ChildProcess) {
    this.port = port;
    this.#keys = keys;
    this.#child = child;
    this.user = keys.user;
    this.clientOptions = [...keys.clientOptions, '-o', `HostKeyAlias=${name}`];
  }

  /** `name`: under which the clients know it, wherever they reach it. */
  static async start(name = 'device'): Promise<DropbearServer> {
    const keys = new SshKeys(name);
    const hostKey = join(keys.directory, 'dropbear_key');
    const converted = spawnSync('dropbearconvert', ['openssh', 'dropbear', keys.hostKey, hostKey], {
      encoding: 'utf8',
    });
    if (converted.status !== 0) throw new Error(`dropbearconvert: ${converted.stderr}`);
    const port = await freePort();
    const dropbear = `exec /usr/sbin/dropbear -F -E -s -r '${hostKey}' -P '' -p 127.0.0.1:${port}`;
    // Dropbear looks for keys in the user's home and nowhere else: in a mount namespace of its own that is another one.
    const namespaces =
      process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-current-user', '--keep-caps', '--mount'];
    const child = spawn(
      'unshare',
      [...namespaces, 'sh', '-c', `mount --bind '${keys.home}' '${homedir()}' && ${dropbear}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new DropbearServer(port, keys, name, child);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    this.#keys.remove();
  }
}
