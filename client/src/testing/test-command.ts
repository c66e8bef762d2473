import { PassThrough } from 'node:stream';
import type { CommandContext } from '../command-line/command-context.ts';
import { run } from '../commands/run.ts';
import { Failure } from '../failure.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { systemClock } from '../system-clock.ts';

/** What a command line did. */
export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** The process around a command line: its environment, what is typed, and what it prints. */
export class TestCommand implements CommandContext {
  readonly environment: Record<string, string | undefined>;
  limits: Limits = defaultLimits;
  readonly clock = { ...systemClock, date: () => this.now };
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly self = ['node', 'main.js'];
  readonly #stopped: Promise<void>;
  stop: () => void = () => {};
  /** Answers to questions, in their order; without one there is no terminal. */
  answers: string[] = [];
  readonly questions: string[] = [];
  /** Wall-clock time. */
  now = systemClock.date();
  out = '';
  err = '';
  onPrint: () => void = () => {};

  constructor(environment: Record<string, string | undefined>) {
    this.environment = environment;
    this.#stopped = new Promise((resolve) => {
      this.stop = resolve;
    });
  }

  readonly ask = async (question: string): Promise<string> => {
    this.questions.push(question);
    const answer = this.answers.shift();
    if (answer === undefined) throw new Failure('no terminal');
    return answer;
  };

  untilSignal = () => this.#stopped;
  input = () => this.stdin;
  output = () => this.stdout;

  print(text: string): void {
    this.out += text;
    this.onPrint();
  }

  printError(text: string): void {
    this.err += text;
  }

  async run(...args: string[]): Promise<Outcome> {
    this.out = '';
    this.err = '';
    const status = await run(args, this);
    return { status, out: this.out, err: this.err };
  }
}
