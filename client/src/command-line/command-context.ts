import type { Readable, Writable } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { Ask } from '../account/prompt.ts';
import type { Limits } from '../limits.ts';

/** The process that a command runs in; tests bring their own. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly ask: Ask;
  /** Standard input and output, as streams that do not block. */
  readonly input: () => Readable;
  readonly output: () => Writable;
  /** Resolves at the first SIGINT or SIGTERM, which no longer end the process after this call. */
  untilSignal(): Promise<void>;
  /** The command line that starts this program, for `ProxyCommand`. */
  readonly self: readonly string[];
  print(text: string): void;
  printError(text: string): void;
}
