import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SshKeys } from './keys.ts';

/** A command for whose processes alone the user of the keys has this password: in a mount namespace, as root only. */
export function withPassword(keys: SshKeys, password: string, command: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync('openssl', ['passwd', '-6', '-stdin'], {
    input: password,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`openssl passwd: ${stderr}`);
  const lines = readFileSync('/etc/shadow', 'utf8').split('\n');
  const others = lines.filter((line) => !line.startsWith(`${keys.user}:`));
  const shadow = join(keys.directory, 'shadow');
  writeFileSync(shadow, [`${keys.user}:${stdout.trim()}:20000:0:99999:7:::`, ...others].join('\n'), {
    mode: 0o600,
  });
  const script = `mount --bind '${shadow}' /etc/shadow && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', ...command];
}
