import type { EventEmitter } from 'node:events';
import type { Clock } from 'rm-protocol';

/** The process that a command runs in; tests bring their own. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  print(text: string): void;
  printError(text: string): void;
  /** A line of standard input, after the question was printed; `null` at its end. */
  ask(question: string): Promise<string | null>;
  /** Emits the signals that end `serve` and have it read its files again; by default those of the process. */
  readonly signals?: Pick<EventEmitter, 'on' | 'off'>;
  /** Told when `serve` serves. */
  serves?(): void;
}
