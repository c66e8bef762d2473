import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';

/** Of which terminal. */
export interface WarnedOf {
  readonly user: string;
  readonly device: string;
  readonly port: number;
}

interface Said {
  at: number;
  /** Of the same, that were not said since. */
  more: number;
}

/** Says in the log that the SSH of terminals has failed at the server: one line a while, whoever tries again and again. */
export class TerminalWarnings {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #everyMs: number;
  readonly #said = new Map<string, Said>();

  constructor(
    log: Pick<Logger, 'warn'>,
    clock: Pick<Clock, 'now'>,
    { terminalWarnMs }: Pick<Limits, 'terminalWarnMs'>,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#everyMs = terminalWarnMs;
  }

  /** `text`: one of few. */
  warn(text: string, of: WarnedOf, error: unknown): void {
    const now = this.#clock.now();
    const said = this.#said.get(text);
    if (said && now - said.at < this.#everyMs) {
      said.more++;
      return;
    }
    this.#said.set(text, { at: now, more: 0 });
    this.#log.warn({ ...of, reason: reasonOf(error), ...(said?.more ? { more: said.more } : {}) }, text);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}
