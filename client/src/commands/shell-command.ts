import { spawn } from 'node:child_process';
import { constants as system } from 'node:os';
import { Failure, reasonOf } from '../failure.ts';

/** The command with `%p` as the port of the first forward, `%2p` as that of the second, and `%%` as a `%`. */
export function withPorts(command: string, ports: readonly number[]): string {
  return command.replace(/%(?:%|(\d{0,3})p)/g, (all, index: string | undefined) => {
    if (index === undefined) return '%';
    return String(ports[(index === '' ? 1 : Number(index)) - 1] ?? all);
  });
}

/** Runs a command by the shell of the system; its status, or 128 plus the number of its signal. `ended` ends it. */
export function runInShell(command: string, ended: Promise<void>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: 'inherit' });
    void ended.then(() => child.kill('SIGTERM'));
    child.once('error', (error) => reject(new Failure(`${command}: ${reasonOf(error)}`)));
    child.once('close', (status, signal) => resolve(status ?? 128 + (signal ? system.signals[signal] : 0)));
  });
}
