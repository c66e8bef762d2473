import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { LineLimiter } from '../ssh-at-server/line-limiter.ts';

/** Of which terminal. */
export interface WarnedOf {
  readonly user: string;
  readonly device: string;
  readonly port: number;
}

/** Says in the log that the SSH of terminals has failed at the server: one line a while, whoever tries again and again. */
export class TerminalWarnings {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #lines: LineLimiter;

  constructor(
    log: Pick<Logger, 'warn'>,
    clock: Pick<Clock, 'now'>,
    { terminalWarnMs }: Pick<Limits, 'terminalWarnMs'>,
  ) {
    this.#log = log;
    this.#lines = new LineLimiter(clock, terminalWarnMs);
  }

  /** `text`: one of few. */
  warn(text: string, of: WarnedOf, error: unknown): void {
    const more = this.#lines.admit(text);
    if (more === null) return;
    this.#log.warn({ ...of, reason: reasonOf(error), ...(more > 0 ? { more } : {}) }, text);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}
