// The SSH service of the demo: OpenSSH's server, where it is installed, for the person who runs the demo and nobody else.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { spawnBound } from './bound-process.mjs';
import { listens, reservedPort } from './loopback-port.mjs';

const program = '/usr/sbin/sshd';

/**
 * Starts a server on a port of 127.0.0.1 that takes one key, which is made for it, and those that are added to a file; all its files are
 * in a new folder of mode 0700 below `folder`. `null`: no server is installed, or it does not run for this user.
 *
 * @param {string} folder
 * @param {string} name the name of the device, under which clients know the server
 * @returns {Promise<{ port: number, config: string, user: string, keys: string, stop(): Promise<void> } | null>} `config` is for
 * `ssh -F`, `keys` the file of keys that let `user` in
 */
export async function startDemoSsh(folder, name) {
  if (!existsSync(program)) return null;
  const directory = join(folder, 'ssh');
  mkdirSync(directory, { mode: 0o700 });
  const file = (/** @type {string} */ name) => join(directory, name);
  for (const key of ['host_key', 'user_key']) {
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
    if (made.status !== 0) return null;
  }
  copyFileSync(file('user_key.pub'), file('authorized_keys'));
  const port = await reservedPort();
  const { username } = userInfo();
  writeFileSync(
    file('sshd_config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${file('host_key')}
AuthorizedKeysFile ${file('authorized_keys')}
AllowUsers ${username}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
`,
  );
  writeFileSync(file('known_hosts'), `${name} ${readFileSync(file('host_key.pub'), 'utf8')}`);
  writeFileSync(
    file('config'),
    `User ${username}
IdentityFile ${file('user_key')}
IdentitiesOnly yes
UserKnownHostsFile ${file('known_hosts')}
StrictHostKeyChecking yes
`,
  );
  for (const each of ['sshd_config', 'config']) chmodSync(file(each), 0o600);
  try {
    // Where sshd separates privileges, as root, this directory must exist; Debian's service unit makes it.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  } catch {
    return null;
  }
  const server = spawnBound(program, ['-D', '-f', file('sshd_config')], { output: 'ignore' });
  server.exited.catch(() => {});
  if (!(await listens(port, server.child))) return null;
  return {
    port,
    config: file('config'),
    user: username,
    keys: file('authorized_keys'),
    async stop() {
      await server.stop();
    },
  };
}
