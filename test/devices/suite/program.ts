import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { listening } from '../../system/listening.ts';
import type { Running } from './device.ts';

export interface ProgramOptions {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a server as a process of its own, in the foreground, and waits until it listens on `port`. */
export async function program(
  port: number,
  command: string,
  args: readonly string[],
  { directory, environment = {} }: ProgramOptions = {},
): Promise<Running> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
    // A group of its own: its CGI programs and workers end with it.
    detached: true,
    ...(directory === undefined ? {} : { cwd: directory }),
  });
  let log = '';
  const note = (text: string) => {
    log = (log + text).slice(-4096);
  };
  child.stdout.setEncoding('utf8').on('data', note);
  child.stderr.setEncoding('utf8').on('data', note);
  const gone = once(child, 'close').catch((error: unknown) => note(String(error)));
  await listening(port, child, () => log);
  return {
    stop: async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await gone;
    },
  };
}

export function executable(file: string, lines: readonly string[]): void {
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o755 });
}
