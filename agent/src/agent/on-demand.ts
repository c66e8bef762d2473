import { Deadline } from '../dial/deadline.ts';
import type { Clock } from '../host.ts';
import type { AgentCore } from './agent.ts';

/**
 * Keeps the tunnel of an agent closed but for the times for which somebody has asked for it. It also closes when it has had
 * no channel for a while.
 */
export class OnDemand {
  readonly #clock: Clock;
  readonly #agent: Pick<AgentCore, 'start' | 'stop'>;
  readonly #idleMs: number;
  readonly #deadline: Deadline;
  /** By the monotonic clock, and in Unix milliseconds. */
  #end: { readonly at: number; readonly date: number } | null = null;
  /** The numbers of those that are open. */
  readonly #channels = new Set<number>();
  #idleSince = 0;
  #connected = false;
  #closing = false;

  constructor(clock: Clock, agent: Pick<AgentCore, 'start' | 'stop' | 'on'>, idleMs: number) {
    this.#clock = clock;
    this.#agent = agent;
    this.#idleMs = idleMs;
    this.#deadline = new Deadline(clock);
    agent.on('channel', ({ state, channel }) => {
      // One that could not be opened is closed without having been open.
      if (state === 'open') this.#channels.add(channel);
      else this.#channels.delete(channel);
      if (this.#channels.size === 0) this.#idle();
      else this.#watch();
    });
    agent.on('state', ({ state }) => {
      this.#connected = state === 'connected';
      if (!this.#connected) this.#channels.clear();
      this.#idle();
    });
  }

  /** When the tunnel closes at the latest, in Unix milliseconds; `null`: it is closed, or about to be. */
  get until(): number | null {
    return this.#end?.date ?? null;
  }

  /** Opens the tunnel, or keeps it open, until this time in Unix milliseconds; an earlier time than before changes nothing. */
  open(untilMs: number): void {
    const at = this.#clock.now() + untilMs - this.#clock.date();
    if (!this.#end || at > this.#end.at) this.#end = { at, date: untilMs };
    this.#idleSince = this.#clock.now();
    if (!this.#closing) this.#agent.start();
    this.#watch();
  }

  /** Closes it at once. */
  close(): void {
    this.#end = null;
    this.#deadline.clear();
    this.#closing = true;
    this.#agent.stop(() => {
      this.#closing = false;
      if (this.#end) this.#agent.start();
    });
  }

  /** Forgets what was asked for; the agent is in other hands. */
  forget(): void {
    this.#end = null;
    this.#deadline.clear();
  }

  #idle(): void {
    this.#idleSince = this.#clock.now();
    if (this.#end) this.#watch();
  }

  #watch(): void {
    if (!this.#end) return;
    // An attempt that is not over yet is not idle: it has the time for which it was asked.
    const idleAt =
      this.#connected && this.#channels.size === 0 ? this.#idleSince + this.#idleMs : this.#end.at;
    this.#deadline.set(Math.min(this.#end.at, idleAt) - this.#clock.now(), () => this.close());
  }
}
