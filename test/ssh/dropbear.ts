import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { reservedPort } from '../system/loopback-port.ts';
import { SshKeys } from './keys.ts';
import { withPassword } from './password.ts';
import { SshServer } from './ssh-server.ts';

/**
 * Dropbear, as small boards have it. `name`: under which the clients know it, wherever they reach it. `password`: that of the user
 * there, as root only.
 */
export async function startDropbear(name = 'device', password: string | null = null): Promise<SshServer> {
  const keys = new SshKeys(name);
  const hostKey = join(keys.directory, 'dropbear_key');
  const converted = spawnSync('dropbearconvert', ['openssh', 'dropbear', keys.hostKey, hostKey], {
    encoding: 'utf8',
  });
  if (converted.status !== 0) throw new Error(`dropbearconvert: ${converted.stderr}`);
  const port = await reservedPort();
  const dropbear = `exec /usr/sbin/dropbear -F -E ${password === null ? '-s ' : ''}-r '${hostKey}' -P '' -p 127.0.0.1:${port}`;
  // Dropbear looks for keys in the user's home and nowhere else: in a mount namespace of its own that is another one.
  const namespaces =
    process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-current-user', '--keep-caps', '--mount'];
  const covered = `mount --bind '${keys.home}' '${homedir()}' && ${dropbear}`;
  const command = ['unshare', ...namespaces, 'sh', '-c', covered];
  return SshServer.run(keys, port, password === null ? command : withPassword(keys, password, command));
}
