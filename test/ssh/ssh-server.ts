import { type ChildProcess, spawn } from 'node:child_process';
import { endProcess } from '../system/end-process.ts';
import { listening } from '../system/listening.ts';
import type { SshKeys } from './keys.ts';

/** A server of SSH on a port of the loopback interface; its keys and files go with it. */
export class SshServer {
  readonly port: number;
  readonly pid: number;
  readonly user: string;
  /** Options with which OpenSSH's programs log in at this server; the port is not among them. */
  readonly clientOptions: readonly string[];
  readonly #keys: SshKeys;
  readonly #child: ChildProcess;
  readonly #log: () => string;

  private constructor(port: number, keys: SshKeys, child: ChildProcess, log: () => string) {
    this.port = port;
    this.pid = child.pid ?? 0;
    this.user = keys.user;
    this.clientOptions = keys.clientOptions;
    this.#keys = keys;
    this.#child = child;
    this.#log = log;
  }

  /** Runs a command until it listens; what it says on standard error is in the error when it does not. */
  static async run(
    keys: SshKeys,
    port: number,
    [command = '', ...args]: readonly string[],
  ): Promise<SshServer> {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new SshServer(port, keys, child, () => log);
  }

  /** What it has said on standard error so far. */
  get log(): string {
    return this.#log();
  }

  /** File of keys that let the user in. */
  get authorizedKeys(): string {
    return this.#keys.authorizedKeys;
  }

  async stop(): Promise<void> {
    await endProcess(this.#child);
    this.#keys.remove();
  }
}
