import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Native } from '../native.ts';

/** A value that crosses from the guest as JSON. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

/** Tells the test what happened, in order. */
export type Report = (event: string, ...values: unknown[]) => void;

/**
 * What runs under the executable: it must use nothing but its arguments, because its text is what is taken along.
 * Arguments are JSON values.
 */
export type Script<A extends readonly Value[]> = (native: Native, report: Report, ...args: A) => void;

export interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** How long a guest may take for one event, in milliseconds: for a sanitized build on a loaded machine. */
const PATIENCE_MS = 120_000;

/** A script under the executable, seen from the test. */
export class Guest {
  readonly process: ChildProcess;
  readonly #events: Value[][] = [];
  readonly #ending: Promise<Ending>;
  #ended: Ending | null = null;
  #wake: () => void = () => undefined;
  #stderr = '';

  constructor(command: readonly string[], environment: NodeJS.ProcessEnv) {
    const [program = '', ...args] = command;
    this.process = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#events.push(JSON.parse(line));
      this.#wake();
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    this.#ending = new Promise((resolve) => {
      this.process.on('close', (status, signal) => {
        this.#ended = { status, signal, stderr: this.#stderr };
        this.#wake();
        resolve(this.#ended);
      });
    });
  }

  /** The next event, which must have this name; gives its values. */
  async expect(name: string): Promise<Value[]> {
    const [found, ...values] = await this.next(name);
    expect([found, ...values], this.#stderr).toEqual([name, ...values]);
    return values;
  }

  /** The next event with its values, whatever it is; `name` of what is waited for. */
  async next(name = ''): Promise<Value[]> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, PATIENCE_MS);
    while (this.#events.length === 0 && !this.#ended && !late) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    const event = this.#events.shift();
    if (!event) throw new Error(`no event ${name}; standard error: ${this.#stderr || 'nothing'}`);
    return event;
  }

  /** Waits for text on standard error. */
  async errors(text: RegExp): Promise<void> {
    while (!text.test(this.#stderr) && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    expect(this.#stderr).toMatch(text);
  }

  /** All events until the process ends; it must end well. */
  async finish(): Promise<Value[][]> {
    const ending = await this.#ending;
    expect(ending.stderr).toBe('');
    expect(ending.status).toBe(0);
    return this.#events.splice(0);
  }

  /** How the process ended. */
  ending(): Promise<Ending> {
    return this.#ending;
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }
}

/** Whether `RM_NATIVE_TEST` is "valgrind … rm-run". */
export const underValgrind = /\bvalgrind\b/.test(process.env.RM_NATIVE_TEST ?? '');

/** A directory that goes with the test. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'rm-native-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts a guest, which ends with the test. */
export function run<A extends readonly Value[]>(script: Script<A>, ...args: A): Guest {
  return runWith({}, script, ...args);
}

interface Options {
  /** A command in front of the executable. */
  readonly before?: readonly string[];
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Without sanitizers. */
  readonly plain?: boolean;
}

/** Starts a guest in other circumstances. */
export function runWith<A extends readonly Value[]>(options: Options, script: Script<A>, ...args: A): Guest {
  const path = join(temporaryDirectory(), 'script.js');
  const report = '(...event) => rmNative.system.print(1, `${JSON.stringify(event)}\\n`)';
  writeFileSync(path, `(${script.toString()})(rmNative, ${report}, ...${JSON.stringify(args)});\n`);
  return runFile(path, options);
}

/** Starts a guest that is a script of its own. */
export function runFile(path: string, options: Options = {}): Guest {
  const executable = options.plain ? process.env.RM_NATIVE_PLAIN : process.env.RM_NATIVE_TEST;
  if (!executable) throw new Error('the environment names no executable');
  const guest = new Guest([...(options.before ?? []), ...executable.split(' '), path], {
    ...process.env,
    ...options.environment,
  });
  onTestFinished(() => guest.stop());
  return guest;
}
