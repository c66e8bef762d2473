import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** A server's key and that of the one user it lets in, in a directory of their own. */
export class SshKeys {
  readonly directory: string;
  readonly user = userInfo().username;
  readonly hostKey: string;
  /** A home whose `.ssh` lets the user in. */
  readonly home: string;
  /** Options with which OpenSSH's programs log in; they know the server by `name`, wherever they reach it. */
  readonly clientOptions: readonly string[];

  constructor(name: string) {
    this.directory = mkdtempSync(join(tmpdir(), 'rm-ssh-'));
    this.hostKey = join(this.directory, 'host_key');
    const userKey = join(this.directory, 'user_key');
    for (const file of [this.hostKey, userKey]) makeKey(file);
    this.home = join(this.directory, 'home');
    mkdirSync(join(this.home, '.ssh'), { recursive: true, mode: 0o700 });
    chmodSync(this.home, 0o700);
    copyFileSync(`${userKey}.pub`, this.authorizedKeys);
    chmodSync(this.authorizedKeys, 0o600);
    const knownHosts = join(this.directory, 'known_hosts');
    writeFileSync(knownHosts, `${name} ${readFileSync(`${this.hostKey}.pub`, 'utf8')}`);
    this.clientOptions = [
      ...['-F', 'none', '-i', userKey, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${knownHosts}`],
      ...['-o', `HostKeyAlias=${name}`],
    ];
  }

  get authorizedKeys(): string {
    return join(this.home, '.ssh', 'authorized_keys');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function makeKey(file: string): void {
  const args = ['-q', '-t', 'ed25519', '-N', '', '-f', file];
  const { status, stderr } = spawnSync('ssh-keygen', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}
