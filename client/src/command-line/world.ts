import type { Readable, Writable } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { Ask } from '../account/prompt.ts';
import type { Limits } from '../limits.ts';

/** What a command has of the process that it runs in; tests bring their own. */
export interface World {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly ask: Ask;
  /** Standard input and output, as streams that do not block. */
  readonly input: () => Readable;
  readonly output: () => Writable;
  /** From the call on SIGINT and SIGTERM do not end the process; resolves at the first. */
  untilSignal(): Promise<void>;
  /** The command that starts this program anew, for `ProxyCommand`. */
  readonly self: readonly string[];
  /** Wall-clock time in milliseconds since 1970. */
  date(): number;
  print(text: string): void;
  complain(text: string): void;
}
