import { Deadline } from '../dial/deadline.ts';
import type { Cancellable, Host } from '../host.ts';
import { Attempt } from '../link/attempt.ts';
import type { AttemptSettings } from '../link/attempt-settings.ts';

/** The least time between two requests beside one tunnel. The server renews a month before the end. */
const LEAST_MS = 3_600_000;

/** The longest delay of a timer. */
const MOST_MS = 0x7fffffff;

type Prepare = (done: (settings: AttemptSettings | { readonly error: string }) => void) => Cancellable;

/** Renews the certificate of a device that has enrolled, in time and beside the tunnel, which goes on. */
export class Renewal {
  /** When it is due, in milliseconds since 1970; `null`: there is nothing to renew. */
  at: number | null = null;
  readonly #host: Host;
  readonly #prepare: Prepare;
  readonly #deadline: Deadline;
  #running: Cancellable | null = null;

  /** `prepare` gives settings with an enrolment once it is due. */
  constructor(host: Host, prepare: Prepare) {
    this.#host = host;
    this.#prepare = prepare;
    this.#deadline = new Deadline(host.clock);
  }

  /** Once connected, waits until it is due. What is due already was just asked for. */
  begin(leastMs = 1): void {
    if (this.at === null) return;
    const dueMs = this.at - this.#host.clock.date();
    this.#deadline.set(dueMs < leastMs ? LEAST_MS : Math.min(dueMs, MOST_MS), () => {
      this.#running = this.#prepare((settings) => {
        if ('error' in settings || !settings.enrolment) this.begin(LEAST_MS);
        else this.#request(settings, settings.enrolment);
      });
    });
  }

  end(): void {
    this.#deadline.clear();
    this.#running?.cancel();
  }

  #request(settings: AttemptSettings, { body, accept }: NonNullable<AttemptSettings['enrolment']>): void {
    const ignore = () => undefined;
    const again = () => this.begin(LEAST_MS);
    const only = {
      body,
      otherwise: null,
      accept: (status: number, text: string) => {
        const next = accept(status, text);
        if (!next || 'error' in next) return next;
        again();
        return null;
      },
    };
    this.#running = new Attempt(
      this.#host,
      { ...settings, enrolment: only },
      { step: ignore, passed: ignore, trying: ignore, lost: ignore, upgraded: ignore, failed: again },
    );
  }
}
