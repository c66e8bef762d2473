import { spawn, spawnSync } from 'node:child_process';
import type { Severity } from '../src/host.ts';

const priorities: Record<Severity, string> = { 3: 'err', 4: 'warning', 6: 'info', 7: 'debug' };

/** Lines that wait; more are dropped, and counted. */
const MOST_WAITING = 64;

// A system log that hangs lets `logger` wait without end.
const options = { stdio: 'ignore', killSignal: 'SIGKILL' } as const;

const commandOf = (severity: Severity, text: string): [string, string[]] => [
  'logger',
  ['-t', 'rm-agent', '-p', `daemon.${priorities[severity]}`, '--', text],
];

/**
 * The system log by way of logger(1), one at a time: Node has no datagram socket of the local kind, which /dev/log is.
 * `fallback` takes what there is no `logger` for.
 */
export class Syslog {
  readonly #fallback: (line: string) => void;
  readonly #lineMs: number;
  readonly #endMs: number;
  readonly #waiting: [Severity, string][] = [];
  #dropped = 0;
  #running = false;

  /**
   * `lineMs`: how long `logger` may take for a line; `endMs`: for all that wait at the end of the process. In milliseconds.
   */
  constructor(fallback: (line: string) => void, lineMs = 10_000, endMs = 2_000) {
    this.#fallback = fallback;
    this.#lineMs = lineMs;
    this.#endMs = endMs;
  }

  write(severity: Severity, text: string): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push([severity, text]);
    else this.#dropped++;
    if (!this.#running) this.#next();
  }

  /** Writes what waits, at once; for the end of the process. */
  flush(): void {
    const end = Date.now() + this.#endMs;
    for (let line = this.#take(); line; line = this.#take()) {
      const timeout = end - Date.now();
      // A time limit of 0 is none.
      const { error } =
        timeout > 0 ? spawnSync(...commandOf(...line), { ...options, timeout }) : { error: true };
      if (error) this.#fallback(line[1]);
    }
  }

  #take(): [Severity, string] | undefined {
    const line = this.#waiting.shift();
    if (line || this.#dropped === 0) return line;
    const text = `${this.#dropped} lines were left out`;
    this.#dropped = 0;
    return [4, text];
  }

  #next(): void {
    const line = this.#take();
    this.#running = line !== undefined;
    if (!line) return;
    const child = spawn(...commandOf(...line), { ...options, timeout: this.#lineMs });
    child.on('error', () => {
      this.#fallback(line[1]);
      this.#next();
    });
    child.on('exit', (_status, signal) => {
      if (signal !== null) this.#fallback(line[1]);
      this.#next();
    });
  }
}
