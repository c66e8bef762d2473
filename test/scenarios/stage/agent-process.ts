import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { root } from '../../checkout.ts';
import { within } from './wait.ts';

/** The executable under test with its leading arguments: `RM_AGENT`, relative to the root of the checkout. */
export const executable: readonly string[] = (process.env.RM_AGENT ?? 'node dist/node/rm-agent.mjs').split(
  / +/,
);

export interface Exit {
  readonly status: number | null;
  readonly signal: string | null;
}

/** A running agent: its output, its log, its end. */
export class AgentProcess {
  readonly exited: Promise<Exit>;
  output = '';
  /** Lines of standard error. */
  readonly log: string[] = [];
  exit: Exit | null = null;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    let rest = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.log.push(...lines);
      this.#notify();
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.exited = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => {
        if (rest) this.log.push(rest);
        this.exit = { status, signal };
        this.#notify();
        resolve(this.exit);
      });
    });
    this.exited.catch(() => {});
  }

  static start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    [command = '', ...leading]: readonly string[] = executable,
    stderr: string | null = null,
  ): AgentProcess {
    const file = stderr === null ? null : openSync(stderr, 'a');
    const child = spawn(command, [...leading, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', file ?? 'pipe'],
      env: { ...process.env, ...environment },
    });
    if (file !== null) closeSync(file);
    return new AgentProcess(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The end of the process. */
  ended(): Promise<Exit> {
    return within(this.exited, 'the agent to end', () => this.#context());
  }

  /** The first line of the log that matches, whether it came already or is still to come. */
  logged(pattern: RegExp, after = 0): Promise<string> {
    const arrival = new Promise<string>((resolve, reject) => {
      const look = () => {
        const line = this.log.slice(after).find((one) => pattern.test(one));
        if (line === undefined && !this.exit) return;
        this.#watchers.delete(look);
        if (line !== undefined) resolve(line);
        else reject(new Error(`the agent ended without logging ${pattern}${this.#context()}`));
      };
      this.#watchers.add(look);
      look();
    });
    return within(arrival, `${pattern} in the log`, () => this.#context());
  }

  /** A value in KiB from /proc/PID/status, for example `VmRSS`. */
  memory(name: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  }

  #context(): string {
    return `; log of the agent:\n${this.log.join('\n')}`;
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look();
  }
}
