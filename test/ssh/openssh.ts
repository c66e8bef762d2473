import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reservedPort } from '../system/loopback-port.ts';
import { SshKeys } from './keys.ts';
import { withPassword } from './password.ts';
import { SshServer } from './ssh-server.ts';

/**
 * OpenSSH's server. `name`: under which the clients know it, wherever they reach it. `password`: that of the user there, as root only.
 * `lines`: of its configuration, beside the usual ones.
 */
export async function startOpenSsh(
  name = 'device',
  password: string | null = null,
  lines: readonly string[] = [],
): Promise<SshServer> {
  const keys = new SshKeys(name);
  const port = await reservedPort();
  const options = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${keys.hostKey}`,
    `AuthorizedKeysFile ${keys.authorizedKeys}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    `PasswordAuthentication ${password === null ? 'no' : 'yes'}`,
    `PermitRootLogin ${password === null ? 'prohibit-password' : 'yes'}`,
    'AllowTcpForwarding yes',
    'MaxSessions 200',
    'MaxStartups 200',
    'Subsystem sftp internal-sftp',
    // What the user of this machine has in the start-up files of the shell takes time, prints, or waits for a lock.
    `SetEnv HOME=${keys.home} LANG=C.UTF-8`,
    ...lines,
  ];
  const configuration = join(keys.directory, 'sshd_config');
  writeFileSync(configuration, `${options.join('\n')}\n`);
  // Where sshd separates privileges, as root, this directory must exist; Debian's service unit makes it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const command = ['/usr/sbin/sshd', '-D', '-e', '-f', configuration];
  return SshServer.run(keys, port, password === null ? command : withPassword(keys, password, command));
}
