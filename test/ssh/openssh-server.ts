import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, listening } from '../system/listening.ts';
import { SshKeys } from './keys.ts';

/** OpenSSH's server on an ephemeral port, with keys and configuration in a directory of its own. */
export class OpenSshServer {
  readonly port: number;
  readonly pid: number;
  /** Options for `ssh` and `scp` with which they log in at this server; the port is not among them. */
  readonly clientOptions: readonly string[];
  readonly user: string;
  readonly #keys: SshKeys;
  readonly #child: ChildProcess;

  private constructor(port: number, keys: SshKeys, name: string, child: ChildProcess) {
    this.port = port;
    this.#keys = keys;
    this.pid = child.pid ?? 0;
    this.#child = child;
    this.user = keys.user;
    this.clientOptions = [...keys.clientOptions, '-o', `HostKeyAlias=${name}`];
  }

  /** `name`: under which the clients know it, wherever they reach it. */
  static async start(name = 'device'): Promise<OpenSshServer> {
    const keys = new SshKeys(name);
    const port = await freePort();
    const options = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${keys.hostKey}`,
      `AuthorizedKeysFile ${keys.authorizedKeys}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'AllowTcpForwarding yes',
      'MaxSessions 200',
      'MaxStartups 200',
      'Subsystem sftp internal-sftp',
    ];
    const configuration = join(keys.directory, 'sshd_config');
    writeFileSync(configuration, `${options.join('\n')}\n`);
    // Where sshd separates privileges, as root, this directory must exist; Debian's service unit makes it.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', configuration], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new OpenSshServer(port, keys, name, child);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    this.#keys.remove();
  }
}
