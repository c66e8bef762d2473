import type { Logger } from 'pino';
import { LineLimiter } from '../ssh-at-server/line-limiter.ts';
import { NotRecorded } from '../ssh-at-server/terminal-recorder.ts';
import type { CastAbout } from './asciicast.ts';

/** Says why a terminal is not recorded: to its user that it is not, and in the log why. */
export class Refusals {
  readonly #log: Pick<Logger, 'error'>;
  readonly #lines: LineLimiter;

  /** `everyMs`: how often each reason is in the log, so that whoever opens terminals does not fill it. */
  constructor(log: Pick<Logger, 'error'>, clock: { now(): number }, everyMs: number) {
    this.#log = log;
    this.#lines = new LineLimiter(clock, everyMs);
  }

  /** `reason`: for the user. `cause`: for the log only. */
  refuse(reason: string, { user, device }: CastAbout, file: string, cause?: unknown): NotRecorded {
    const more = this.#lines.admit(reason);
    if (more !== null) {
      const facts = { user, device, file, reason, more, ...(cause === undefined ? {} : { err: cause }) };
      this.#log.error(facts, 'a terminal cannot be recorded, and has ended');
    }
    return new NotRecorded(reason);
  }
}
