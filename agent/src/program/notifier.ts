import type { AgentEvents } from '../agent/events.ts';
import { argvOf } from '../config/argv.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Cancellable, Host } from '../host.ts';
import type { Log } from '../log/log.ts';

type Change = AgentEvents['state'];

/** How long the end of the agent may wait for the program, in milliseconds. */
const LAST_MS = 2000;

/**
 * Runs the program of `notify` at each change of state: never two at once, never longer than its time limit. While it
 * runs only the newest change is kept.
 */
export class Notifier {
  #settings: Configuration['notify'] = null;
  #host: Host;
  #log: Log;
  #running: Cancellable | null = null;
  #next: Change | null = null;
  #failure: string | null = null;
  #idle: () => void = () => undefined;

  constructor(host: Host, log: Log, settings: Configuration['notify']) {
    this.#host = host;
    this.#log = log;
    this.#settings = settings;
  }

  /** Takes another configuration, with the host and the log that belong to it. */
  configure(host: Host, log: Log, settings: Configuration['notify']): void {
    this.#host = host;
    this.#log = log;
    this.#settings = settings;
  }

  changed(change: Change): void {
    this.#next = this.#next ? { ...change, previous: this.#next.previous } : change;
    if (!this.#running) this.#run();
  }

  /** Calls `done` when the program has run for the last change, or after 2 s; never from within this call. */
  finish(done: () => void): void {
    const end = () => {
      timer.cancel();
      this.#running?.cancel();
      this.#running = null;
      done();
    };
    const timer = this.#host.clock.schedule(this.#running ? LAST_MS : 0, end);
    this.#idle = end;
  }

  #run(): void {
    const change = this.#next;
    this.#next = null;
    const more = change && this.#argumentsFor(change);
    if (!change || !more || !this.#settings || change.state === change.previous) {
      this.#idle();
      return;
    }
    const { command, timeout } = this.#settings;
    const [program, ...rest] = argvOf(command);
    const argv: [string, ...string[]] = [program, ...rest, ...more];
    const environment = {
      RM_STATE: change.state,
      RM_PREVIOUS_STATE: change.previous,
      RM_REASON: change.reason ?? '',
    };
    const options = { timeoutMs: timeout * 1000, maxOutputBytes: 0, environment };
    this.#running = this.#host.processes.run(argv, options, ({ status, timedOut, error }) => {
      this.#running = null;
      const late = `no end within ${timeout} s`;
      this.#reportFailure(
        argv[0],
        error?.message ?? (timedOut ? late : status === 0 ? null : `status ${status}`),
      );
      this.#run();
    });
  }

  /** What the program gets behind its own arguments; `null` when it is not run for this change. */
  #argumentsFor({ state, previous, reason }: Change): readonly string[] | null {
    if (this.#settings?.arguments !== 'event') return [];
    if (state === 'connected') return [state];
    if (previous === 'connected') return ['disconnected'];
    return state === 'waiting' ? ['error', reason ?? ''] : null;
  }

  /** Logs the same failure once. */
  #reportFailure(program: string, failure: string | null): void {
    if (failure !== null && failure !== this.#failure) this.#log.warning(`notify: ${program}: ${failure}`);
    this.#failure = failure;
  }
}
