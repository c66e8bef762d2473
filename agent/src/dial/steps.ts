import { printable } from 'rm-protocol';
import type { HostError } from '../host.ts';
import type { FailureKind } from './back-off.ts';
import type { Deadline } from './deadline.ts';

/** The steps of an attempt, in their order. */
export type Step = 'resolving' | 'connecting' | 'proxy' | 'tls' | 'upgrade';

/** Why a step has failed. */
export interface StepFailure {
  readonly step: Step;
  readonly kind: FailureKind;
  /** For a person: what was tried, where, and what came of it. */
  readonly message: string;
  /** What the reflector asked to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
}

export interface StepEvents {
  /** A step begins; `detail` names the peer. */
  step(step: Step, detail: string): void;
  /** A step has succeeded; only `check` shows the details. */
  passed(step: Step, detail: string): void;
}

/** The step that an attempt is at, with a deadline of its own. */
export class Steps {
  readonly #events: StepEvents;
  readonly #deadline: Deadline;
  readonly #timeoutMs: number;
  #current: Step = 'resolving';

  constructor(events: StepEvents, deadline: Deadline, timeoutMs: number) {
    this.#events = events;
    this.#deadline = deadline;
    this.#timeoutMs = timeoutMs;
  }

  get current(): Step {
    return this.#current;
  }

  /** `late` is called when the step takes too long. */
  begin(step: Step, detail: string, late: (error: HostError) => void): void {
    this.#current = step;
    this.#events.step(step, detail);
    this.#deadline.set(this.#timeoutMs, () =>
      late({ code: 'timed-out', message: `no answer within ${this.#timeoutMs / 1000} s` }),
    );
  }

  /** Reports more about the current step, which keeps its deadline. */
  detail(detail: string): void {
    this.#events.step(this.#current, detail);
  }

  passed(detail: string): void {
    this.#events.passed(this.#current, printable(detail));
  }

  end(): void {
    this.#deadline.clear();
  }
}
