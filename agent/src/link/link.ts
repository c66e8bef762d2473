import type { Cancellable, Host, HostError, Socket } from '../host/host.ts';
import { CLOSE_REPLACED } from '../protocol/index.ts';
import type { Tunnel, TunnelEnd } from '../tunnel/tunnel.ts';
import { Attempt, type Upgraded } from './attempt.ts';
import { BackOff, type BackOffSettings, type FailureKind } from './back-off.ts';
import { Deadline } from './deadline.ts';
import { Liveness } from './liveness.ts';
import type { DialSettings } from './settings.ts';
import { type LinkEvent, type LinkState, nextState } from './states.ts';
import type { Step, StepFailure } from './steps.ts';

/** How long the reflector may take to answer our close frame, in milliseconds. */
const CLOSING_MS = 2000;

/** The longest time that an answer to PING may take, in milliseconds. */
const ANSWER_MS = 30_000;

export interface LinkEvents {
  /** Reads what the next attempt needs; calls `done` once, never from within the call. */
  prepare(done: (settings: DialSettings | { readonly error: string }) => void): Cancellable;
  /** Read for each wait. */
  backOff(): BackOffSettings;
  connecting(): void;
  step(step: Step, detail: string): void;
  /**
   * The connection is upgraded: makes the tunnel over it. `ended` is called by the tunnel with its last word.
   * Returns the keep-alive time in force, in milliseconds.
   */
  live(connection: Upgraded, ended: (end: TunnelEnd) => void): { tunnel: Tunnel; keepAliveMs: number };
  /** The link is down; `reason` for a person, `retryMs` until the next attempt, or `null` when there is none. */
  disconnected(reason: string, kind: FailureKind, retryMs: number | null): void;
  /** All is closed after `stop` or `disable`. */
  stopped(): void;
}

/** Keeps one tunnel up: dials, watches over it, and dials again, by the table in `states.ts`. */
export class Link {
  readonly #host: Host;
  readonly #events: LinkEvents;
  readonly #deadline: Deadline;
  readonly #backOff = new BackOff();
  #state: LinkState = 'idle';
  #activity: Cancellable | null = null;
  #socket: Socket | null = null;
  #tunnel: Tunnel | null = null;
  #liveness: Liveness | null = null;
  #liveSince = 0;
  /** What the link is to be, whatever it is now. */
  #wanted: 'up' | 'stop' | 'disable' = 'up';
  /** Why the link is closing. */
  #end: { reason: string; kind: FailureKind } = { reason: '', kind: 'fault' };

  constructor(host: Host, events: LinkEvents) {
    this.#host = host;
    this.#events = events;
    this.#deadline = new Deadline(host.clock);
  }

  get state(): LinkState {
    return this.#state;
  }

  get tunnel(): Tunnel | null {
    return this.#tunnel;
  }

  start(): void {
    this.#wanted = 'up';
    if (this.#state === 'idle' || this.#state === 'disabled') this.#prepare();
  }

  /** Ends the link in order and keeps it down; `stopped` follows, once for all calls until then. */
  stop(reason: string): void {
    this.#goDown('stop', reason);
  }

  /** As `stop`, but the state it ends in says that this is somebody's wish. */
  disable(reason: string): void {
    this.#goDown('disable', reason);
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
    this.#leave('dial');
    this.#events.connecting();
    this.#activity = this.#events.prepare((settings) => {
      if ('error' in settings) this.#wait(settings.error, 'fault', null);
      else this.#dial(settings);
    });
  }

  #dial(settings: DialSettings): void {
    this.#activity = new Attempt(this.#host, settings, {
      step: (step, detail) => {
        this.#move(step);
        this.#events.step(step, detail);
      },
      passed: () => undefined,
      upgraded: (connection) => this.#live(connection),
      failed: ({ message, kind, askedMs }: StepFailure) => this.#wait(message, kind, askedMs),
    });
  }

  #live(connection: Upgraded): void {
    this.#activity = null;
    this.#leave('upgraded');
    const { socket } = connection;
    const { tunnel, keepAliveMs } = this.#events.live(connection, (end) => this.#tunnelEnded(end));
    const now = this.#host.clock.now();
    const liveness = new Liveness(keepAliveMs, Math.min(keepAliveMs, ANSWER_MS), now);
    this.#socket = socket;
    this.#tunnel = tunnel;
    this.#liveness = liveness;
    this.#liveSince = now;
    connection.deliverTo({
      data: (bytes, start, end) => {
        liveness.sign(this.#host.clock.now());
        tunnel.receive(bytes, start, end);
      },
      taken: (count) => {
        if (tunnel.taken(count)) liveness.sign(this.#host.clock.now());
      },
      ended: () => this.#socketGone('connection closed by the reflector'),
      closed: (error: HostError | null) => this.#socketGone(error?.message ?? 'connection closed'),
    });
    this.#watch();
    if (connection.early.length > 0) tunnel.receive(connection.early, 0, connection.early.length);
  }

  #watch(): void {
    const now = this.#host.clock.now();
    if (this.#tunnel?.heldUp) this.#liveness?.sign(now);
    const { action, inMs } = this.#liveness?.check(now) ?? { action: 'none', inMs: 0 };
    if (action === 'dead') {
      const reason = 'link is dead: no answer to PING';
      this.#socket?.destroy();
      this.#tunnel?.abandon();
      this.#finish(reason, 'fault');
      return;
    }
    if (action === 'ping') this.#tunnel?.ping();
    this.#deadline.set(inMs, () => this.#watch());
  }

  /** The tunnel has said its last word, by a close frame of either side. */
  #tunnelEnded({ code, reason, by }: TunnelEnd): void {
    const text = reason === '' ? '' : `: ${reason.replace(/[\x00-\x1f\x7f]/g, ' ')}`;
    const replaced = code === CLOSE_REPLACED;
    const end = replaced
      ? { reason: `replaced: another agent has connected as this device${text}`, kind: 'refusal' as const }
      : {
          reason: `${by === 'agent' ? 'reflector broke the protocol' : 'closed by the reflector'} (${code})${text}`,
          kind: 'fault' as const,
        };
    if (this.#state === 'live') this.#startClosing(end, () => undefined);
    this.#socket?.end();
  }

  #startClosing(end: { reason: string; kind: FailureKind }, close: () => void): void {
    this.#end = end;
    this.#leave('close');
    this.#deadline.set(CLOSING_MS, () => this.#socketGone(''));
    close();
  }

  #socketGone(reason: string): void {
    this.#socket?.destroy();
    this.#tunnel?.abandon();
    if (this.#state === 'closing') this.#finish(this.#end.reason, this.#end.kind);
    else this.#finish(reason, 'fault');
  }

  #finish(reason: string, kind: FailureKind): void {
    this.#socket = null;
    this.#tunnel = null;
    this.#liveness = null;
    this.#backOff.linkEnded(this.#host.clock.now() - this.#liveSince, kind, this.#events.backOff());
    if (this.#wanted === 'up') this.#wait(reason, kind, null);
    else this.#down(this.#wanted);
  }

  #wait(reason: string, kind: FailureKind, askedMs: number | null): void {
    this.#leave('lost');
    const random = this.#random();
    const retryMs = this.#backOff.next(kind, this.#events.backOff(), random, askedMs);
    this.#deadline.set(retryMs, () => this.#prepare());
    this.#events.disconnected(reason, kind, retryMs);
  }

  #goDown(wish: 'stop' | 'disable', reason: string): void {
    this.#wanted = wish;
    if (this.#state === 'live') {
      this.#startClosing({ reason, kind: 'fault' }, () => this.#tunnel?.close(1001, reason));
    } else if (this.#state !== 'closing') {
      this.#down(wish);
    }
  }

  #down(wish: 'stop' | 'disable'): void {
    this.#leave(wish);
    this.#events.stopped();
  }

  /** Uniform in [0, 1), from the system's random source: a fleet must not share a seed. */
  #random(): number {
    const bytes = new Uint8Array(4);
    this.#host.crypto.random(bytes);
    return new DataView(bytes.buffer).getUint32(0) / 0x100000000;
  }
}
