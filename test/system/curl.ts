import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RemoteSystem } from './remote-system.ts';

export interface CurlResult {
  readonly status: number | null;
  readonly output: Buffer;
  readonly errors: string;
}

/** Starts curl as the user of a system; the password is in a file, not among its arguments. */
export function startCurl(system: RemoteSystem, args: readonly string[]): ChildProcess {
  const file = join(system.directory, 'curl');
  if (!existsSync(file)) {
    // Not every resolver knows that *.localhost is this machine.
    const options = `user = "${system.user}:${system.password}"\nconnect-to = "::127.0.0.1:${system.port}"\n`;
    writeFileSync(file, options, { mode: 0o600 });
  }
  return spawn('curl', ['--silent', '--show-error', '--config', file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

export async function curl(
  system: RemoteSystem,
  args: readonly string[],
  input: Uint8Array = new Uint8Array(),
): Promise<CurlResult> {
  const child = startCurl(system, args);
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const output: Buffer[] = [];
  let errors = '';
  child.stdout?.on('data', (bytes: Buffer) => output.push(bytes));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { status, output: Buffer.concat(output), errors };
}
