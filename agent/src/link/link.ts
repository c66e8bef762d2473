import { CLOSE_REPLACED, formatHttpUri, printable } from 'rm-protocol';
import { BackOff, type BackOffSettings, type FailureKind } from '../dial/back-off.ts';
import { Deadline } from '../dial/deadline.ts';
import { NetworkChangeLimiter } from '../dial/network-change-limiter.ts';
import type { Step, StepFailure } from '../dial/steps.ts';
import type { Cancellable, Host, HostError } from '../host.ts';
import type { Tunnel, TunnelEnd } from '../tunnel/tunnel.ts';
import { AdaptiveKeepAlive } from './adaptive-keep-alive.ts';
import { Attempt, type Upgraded } from './attempt.ts';
import type { AttemptSettings } from './attempt-settings.ts';
import { LiveLink } from './live-link.ts';
import { type LinkEvent, type LinkState, nextState } from './states.ts';

/** How long the reflector may take to answer our close frame, in milliseconds. */
export const CLOSING_MS = 2000;

/** Close code of a reflector that goes away (RFC 6455 section 7.4.1). */
const CLOSE_GOING_AWAY = 1001;

/** How the reason begins when the reflector has given the place of this agent to another. */
export const REPLACED = 'replaced';

export interface LinkEvents {
  /** Reads what the next attempt needs; calls `done` once, never from within the call. */
  prepare(done: (settings: AttemptSettings | { readonly error: string }) => void): Cancellable;
  /** Read for each wait. */
  backOff(): BackOffSettings;
  /** An attempt has begun. */
  connecting(): void;
  step(step: Step, detail: string): void;
  /**
   * The connection is upgraded: makes the tunnel over it. `keepAlive` returns how much of an agreed keep-alive time (in
   * milliseconds) the network is known to allow; what is returned is in force. `ended` is called when the tunnel has
   * closed. `announce` is called once the link is up in all respects, and may stop it at once.
   */
  live(
    connection: Upgraded,
    keepAlive: (agreedMs: number) => number,
    ended: (end: TunnelEnd) => void,
  ): { tunnel: Tunnel; keepAliveMs: number; announce: () => void };
  /** The link is down; `reason` for a person, `retryMs` until the next attempt, or `null` when there is none. */
  disconnected(reason: string, kind: FailureKind, retryMs: number | null): void;
  /** All is closed after `stop` or `disable`. */
  stopped(): void;
  /** This machine cannot report changes of its network. */
  unwatched(error: HostError): void;
}

interface LinkEnd {
  readonly reason: string;
  readonly kind: FailureKind;
  /** The reflector has said that it goes away. */
  readonly ledAway?: boolean;
}

/** Keeps one tunnel up: dials, monitors it, and dials again, by the table in `states.ts`. */
export class Link {
  readonly #host: Host;
  readonly #events: LinkEvents;
  readonly #deadline: Deadline;
  readonly #backOff = new BackOff();
  readonly #keepAlive = new AdaptiveKeepAlive();
  readonly #changeLimiter = new NetworkChangeLimiter();
  #state: LinkState = 'idle';
  #activity: Cancellable | null = null;
  #current: LiveLink | null = null;
  /** The reflector that was last seen to answer PINGs. */
  #answering: string | null = null;
  #watchedNetwork: Cancellable | null = null;
  /** When the wait is over, and whether the reflector has asked for it; and when it is over on a changed network. */
  #retryAt = 0;
  #waitRequested = false;
  #dialAt = 0;
  /** What the link is to be, whatever it is now. */
  #goal: 'up' | 'stop' | 'disable' = 'up';
  /** The link was started again while it was closing. */
  #restart = false;
  /** Why the link is closing. */
  #end: LinkEnd = { reason: '', kind: 'fault' };

  constructor(host: Host, events: LinkEvents) {
    this.#host = host;
    this.#events = events;
    this.#deadline = new Deadline(host.clock);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Milliseconds until the next attempt, or `null` when the link does not wait for one. */
  get retryInMs(): number | null {
    return this.#state === 'waiting' ? Math.max(0, this.#dialAt - this.#host.clock.now()) : null;
  }

  get tunnel(): Tunnel | null {
    return this.#current?.tunnel ?? null;
  }

  start(): void {
    this.#restart ||= this.#goal !== 'up';
    this.#goal = 'up';
    if (this.#state === 'idle' || this.#state === 'disabled') this.#prepare();
    this.#watchedNetwork ??= this.#host.network.onChange(
      () => this.#networkChanged(),
      (error) => this.#events.unwatched(error),
    );
  }

  /** Ends the link in order and keeps it down; `stopped` follows, once for all calls until then, also when `start` came meanwhile. */
  stop(reason: string): void {
    this.#shutDown('stop', reason);
  }

  /** As `stop`, but the state it ends in says that the link is disabled. */
  disable(reason: string): void {
    this.#shutDown('disable', reason);
  }

  /** Dials at once if the link waits; a link that is live or on its way is left alone. */
  retry(): void {
    if (this.#state !== 'waiting') return;
    this.#backOff.reset();
    this.#prepare();
  }

  // ---- states ----

  /** The only place where the state changes. */
  #move(event: LinkEvent): void {
    this.#state = nextState(this.#state, event);
  }

  /** Leaves a state, and with it what it waited for. */
  #leave(event: LinkEvent): void {
    this.#move(event);
    this.#deadline.clear();
    this.#activity?.cancel();
    this.#activity = null;
  }

  #prepare(): void {
    this.#restart = false;
    this.#leave('dial');
    this.#activity = this.#events.prepare((settings) => {
      if ('error' in settings) this.#failed({ message: settings.error, kind: 'fault', retryAfterMs: null });
      else this.#dial(settings);
    });
    this.#events.connecting();
  }

  #dial(settings: AttemptSettings): void {
    this.#activity = new Attempt(this.#host, settings, {
      step: (step, detail) => {
        this.#move(step);
        this.#events.step(step, detail);
      },
      trying: () => undefined,
      passed: () => undefined,
      upgraded: (connection) => this.#live(connection),
      lost: ({ step, message }) => this.#events.step(step, `failed: ${message}`),
      failed: (failure) => this.#failed(failure),
    });
  }

  #failed({ message, kind, retryAfterMs }: Omit<StepFailure, 'step'>): void {
    this.#keepAlive.inconclusive();
    this.#wait(message, kind, retryAfterMs);
  }

  #live(connection: Upgraded): void {
    this.#activity = null;
    this.#leave('upgraded');
    const now = this.#host.clock.now();
    const { tunnel, keepAliveMs, announce } = this.#events.live(
      connection,
      (agreedMs) => this.#keepAlive.begin(agreedMs, now),
      (end) => this.#tunnelEnded(end),
    );
    const answers = this.#answering === formatHttpUri(connection.uri);
    const link = new LiveLink(this.#host.clock, connection, tunnel, keepAliveMs, answers);
    this.#current = link;
    this.#watch(link.check());
    announce();
    link.begin((reason) => this.#cut(reason));
  }

  /** `next` is the result of {@link LiveLink.check}. */
  #watch(next: number | string): void {
    if (typeof next === 'string') this.#cut(`link is dead: ${next}`);
    else this.#deadline.set(Math.min(next, this.#changeDueMs()), () => this.#review());
  }

  #review(): void {
    const link = this.#current;
    if (link) this.#watch(this.#changeLimiter.take(this.#host.clock.now()) ? link.probe() : link.check());
  }

  /** The tunnel has closed, by a close frame of either side. */
  #tunnelEnded({ code, reason, by }: TunnelEnd): void {
    const text = reason === '' ? '' : `: ${printable(reason)}`;
    const replaced = code === CLOSE_REPLACED;
    const end = replaced
      ? { reason: `${REPLACED}: another agent has connected as this device${text}`, kind: 'refusal' as const }
      : {
          reason: `${by === 'agent' ? 'reflector broke the protocol' : 'closed by the reflector'} (${code})${text}`,
          kind: 'fault' as const,
          ledAway: by === 'reflector' && code === CLOSE_GOING_AWAY,
        };
    this.#keepAlive.inconclusive();
    if (this.#state === 'live') this.#startClosing(end);
    this.#current?.end();
  }

  #startClosing(end: LinkEnd): void {
    this.#end = end;
    this.#leave('close');
    this.#deadline.set(CLOSING_MS, () => this.#finish(end));
  }

  /** The connection is gone, on a live link without a close frame. */
  #cut(reason: string): void {
    if (this.#state === 'closing') {
      this.#finish(this.#end);
      return;
    }
    this.#keepAlive.linkLost(this.#current?.idleMs ?? 0);
    this.#finish({ reason, kind: 'fault' });
  }

  #finish({ reason, kind, ledAway = false }: LinkEnd): void {
    this.#backOff.linkEnded(this.#current?.ageMs ?? 0, kind, this.#events.backOff(), ledAway);
    this.#answering = this.#current?.answering ?? this.#answering;
    this.#current?.destroy();
    this.#current = null;
    if (this.#goal !== 'up') this.#down(this.#goal);
    else if (this.#restart) {
      this.#leave('lost');
      this.#backOff.reset();
      this.#events.stopped();
      // Unless whoever has heard of that has stopped it again.
      if (this.#state === 'waiting') this.#prepare();
    } else this.#wait(reason, kind, null);
  }

  #wait(reason: string, kind: FailureKind, retryAfterMs: number | null): void {
    this.#leave('lost');
    const waitMs = this.#backOff.next(kind, this.#events.backOff(), this.#random(), retryAfterMs);
    this.#retryAt = this.#host.clock.now() + waitMs;
    this.#waitRequested = retryAfterMs !== null;
    this.#events.disconnected(reason, kind, this.#sleep());
  }

  /** Sleeps until it is time to dial; returns the milliseconds until then. */
  #sleep(): number {
    const now = this.#host.clock.now();
    const fullMs = this.#retryAt - now;
    const sleepMs = this.#waitRequested ? fullMs : Math.min(fullMs, this.#changeDueMs());
    this.#dialAt = now + sleepMs;
    this.#deadline.set(sleepMs, () => {
      if (this.#changeLimiter.take(this.#host.clock.now())) this.#backOff.newNetwork();
      this.#prepare();
    });
    return sleepMs;
  }

  /** Milliseconds until the link acts on a change of the network. */
  #changeDueMs(): number {
    const { dueAt } = this.#changeLimiter;
    return dueAt === null ? Number.POSITIVE_INFINITY : Math.max(0, dueAt - this.#host.clock.now());
  }

  /** A live link is probed, one that waits dials; an attempt under way goes on, and does so when it has ended. */
  #networkChanged(): void {
    this.#changeLimiter.changed(this.#host.clock.now(), this.#random());
    if (this.#current && this.#state === 'live') this.#watch(this.#current.check());
    else if (this.#state === 'waiting') this.#sleep();
  }

  #shutDown(goal: 'stop' | 'disable', reason: string): void {
    this.#goal = goal;
    this.#restart = false;
    if (this.#state === 'live') {
      this.#keepAlive.inconclusive();
      this.#startClosing({ reason, kind: 'fault' });
      this.#current?.tunnel.close(1001, reason);
    } else if (this.#state !== 'closing') {
      this.#down(goal);
    }
  }

  #down(goal: 'stop' | 'disable'): void {
    this.#leave(goal);
    this.#watchedNetwork?.cancel();
    this.#watchedNetwork = null;
    this.#changeLimiter.forget();
    this.#events.stopped();
  }

  /** Uniform in [0, 1), from the system's random source: a fleet must not share a seed. */
  #random(): number {
    const bytes = new Uint8Array(4);
    this.#host.crypto.random(bytes);
    return new DataView(bytes.buffer).getUint32(0) / 0x100000000;
  }
}
