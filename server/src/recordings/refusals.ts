import type { Logger } from 'pino';
import { NotRecorded } from '../ssh-at-server/terminal-recorder.ts';
import type { CastAbout } from './asciicast.ts';

/** Says why a terminal is not recorded: to its user that it is not, and in the log why. */
export class Refusals {
  readonly #log: Pick<Logger, 'error'>;
  readonly #clock: { now(): number };
  readonly #everyMs: number;
  /** By reason, of which there are few: when it was last in the log, and how often it was left out since. */
  readonly #said = new Map<string, { readonly at: number; more: number }>();

  /** `everyMs`: how often each reason is in the log, so that whoever opens terminals does not fill it. */
  constructor(log: Pick<Logger, 'error'>, clock: { now(): number }, everyMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** `reason`: for the user. `cause`: for the log only. */
  refuse(reason: string, { user, device }: CastAbout, file: string, cause?: unknown): NotRecorded {
    const now = this.#clock.now();
    const said = this.#said.get(reason);
    if (said && now - said.at < this.#everyMs) said.more++;
    else {
      this.#said.set(reason, { at: now, more: 0 });
      const err = cause === undefined ? {} : { err: cause };
      const facts = { user, device, file, reason, more: said?.more ?? 0, ...err };
      this.#log.error(facts, 'a terminal cannot be recorded, and has ended');
    }
    return new NotRecorded(reason);
  }
}
