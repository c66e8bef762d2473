import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, listening } from '../system/listening.ts';

/** OpenSSH's server on an ephemeral port, with keys and configuration in a directory of its own. */
export class OpenSshServer {
  readonly port: number;
  readonly pid: number;
  readonly directory: string;
  /** Options for `ssh` and `scp` with which they log in at this server; the port is not among them. */
  readonly clientOptions: readonly string[];
  readonly user = userInfo().username;
  readonly #child: ChildProcess;

  private constructor(port: number, directory: string, child: ChildProcess) {
    this.port = port;
    this.directory = directory;
    this.pid = child.pid ?? 0;
    this.#child = child;
    this.clientOptions = [
      ...['-F', 'none', '-i', join(directory, 'user_key')],
      ...['-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes'],
      ...['-o', `UserKnownHostsFile=${join(directory, 'known_hosts')}`, '-o', 'HostKeyAlias=device'],
    ];
  }

  static async start(): Promise<OpenSshServer> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-sshd-'));
    for (const name of ['host_key', 'user_key']) {
      const args = ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)];
      const { status, stderr } = spawnSync('ssh-keygen', args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
    }
    copyFileSync(join(directory, 'user_key.pub'), join(directory, 'authorized_keys'));
    writeFileSync(
      join(directory, 'known_hosts'),
      `device ${readFileSync(join(directory, 'host_key.pub'), 'utf8')}`,
    );
    const port = await freePort();
    const options = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(directory, 'host_key')}`,
      `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
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
    writeFileSync(join(directory, 'sshd_config'), `${options.join('\n')}\n`);
    // Where sshd separates privileges, as root, this directory must exist; Debian's service unit makes it.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(directory, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new OpenSshServer(port, directory, child);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
