import { ChannelError, type ChannelErrorCode } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import type { Cancellable, LocalClock } from '../host.ts';
import type { Refusal } from '../tunnel/forwarded-port.ts';
import { minuteOfWeek, minutesLeft, minutesUntilClosed } from './windows.ts';

/** When channels may be opened. A rule of mode `always` needs no gate; `ask` is passed to the gate separately. */
export type Rule = Omit<Configuration['access'], 'ask'>;

export type Answer = 'allowed' | 'refused' | 'unanswered';

export interface Question {
  readonly port: number;
  readonly channel: number;
  readonly timeoutMs: number;
}

/** Asks a person; `answer` may be called once, later. Cancelled when the answer comes from elsewhere, or too late. */
export type Ask = (question: Question, answer: (answer: Answer) => void) => Cancellable;

export type AccessChange = 'asked' | Answer | 'closed' | 'ended';

export interface GateEvents {
  /** `detail` in words for the log; `port` and `channel` are those of the open request that led to it, if one did. */
  changed(change: AccessChange, detail: string, port: number | null, channel: number | null): void;
  /** These channels must end now, with this error. */
  end(channels: ReadonlySet<number>, error: ChannelErrorCode): void;
}

/** A question that waits for its answer; times in Unix milliseconds. */
export interface Waiting {
  readonly port: number;
  /** Channels that wait for the answer. */
  readonly channels: number;
  readonly since: number;
  readonly until: number;
}

interface Pending {
  readonly port: number;
  readonly channel: number;
  readonly since: number;
  readonly waiting: Map<number, (refusal: Refusal | null) => void>;
  readonly asked: Cancellable;
  readonly timer: Cancellable;
}

/** A clock that jumps, or summer time, is noticed within this time while channels are open: 15 min. */
const RECHECK_MS = 900_000;

/**
 * Decides about the open requests of the ports that share one rule.
 *
 * With mode `consent` the first open request asks, and those that come meanwhile wait for the same answer. Allowed, a
 * *session* begins: what is opened in it is not asked for again. It ends when no channel has been open for `idle`
 * seconds, and at the latest when the window closes: channels may be kept open then, but the next open request asks
 * again. A question stays open after the channels that wait for it have gone: people answer more slowly than a reflector
 * waits, and the page works when it is loaded again.
 */
export class Gate {
  readonly #rule: Rule;
  readonly #clock: LocalClock;
  readonly #ask: Ask;
  readonly #events: GateEvents;
  readonly #notBefore: number;
  readonly #open = new Set<number>();
  #pending: Pending | null = null;
  /** The question is being reported; an answer has to wait until that is done. */
  #asking = false;
  #session = false;
  #idle: Cancellable | null = null;
  #closing: Cancellable | null = null;
  /** When the last open window closes: by the wall clock, and by the monotonic one in case the wall clock is set. */
  #closesAt = { date: 0, now: 0 };
  #refusal: Refusal | null = null;
  /** Until when no question is asked; monotonic. */
  #pausedUntil = 0;
  #reportedClosed = false;

  /** `notBefore`: a wall clock that shows less, in Unix milliseconds, was never set. */
  constructor(clock: LocalClock, rule: Rule, notBefore: number, ask: Ask, events: GateEvents) {
    this.#clock = clock;
    this.#rule = rule;
    this.#notBefore = notBefore;
    this.#ask = ask;
    this.#events = events;
  }

  /** The question that is open now. */
  get waiting(): Waiting | null {
    if (!this.#pending) return null;
    const { port, since, waiting } = this.#pending;
    return { port, since, channels: waiting.size, until: since + this.#rule.askTimeout * 1000 };
  }

  /** A session of consent is on. */
  get inSession(): boolean {
    return this.#session;
  }

  /** As {@link Admit} in `tunnel/forwarded-port.ts`. */
  admit(
    port: number,
    channel: number,
    decided: (refusal: Refusal | null) => void,
  ): Refusal | Cancellable | null {
    if (this.#session && this.#windowHasPassed()) this.#endConsent();
    const closed = this.#closedNow();
    if (closed) {
      if (!this.#reportedClosed) this.#events.changed('closed', closed.reason, port, channel);
      this.#reportedClosed = true;
      return closed;
    }
    this.#reportedClosed = false;
    if (this.#rule.mode !== 'consent' || this.#session) {
      this.#enter(channel);
      return null;
    }
    if (this.#refusal && this.#clock.now() < this.#pausedUntil) return this.#refusal;
    const asked = this.#pending !== null;
    this.#pending ??= this.#question(port, channel);
    const { waiting } = this.#pending;
    waiting.set(channel, decided);
    if (!asked) this.#reportAsked(port, channel);
    return { cancel: () => waiting.delete(channel) };
  }

  /** The channel has ended, if it was let in here. */
  released(channel: number): void {
    if (!this.#open.delete(channel) || this.#open.size > 0) return;
    if (this.#session) this.#awaitIdle();
    else this.#unwatchWindow();
  }

  /**
   * The person has decided. With `allow` the open question is answered; without it the session, if there is one, ends
   * with all its channels. False when there was nothing to decide.
   */
  answer(allow: boolean): boolean {
    const pending = this.#pending;
    if (pending) {
      const settle = () => {
        if (this.#pending === pending) this.#settle(allow ? 'allowed' : 'refused');
      };
      if (this.#asking) this.#clock.schedule(0, settle);
      else settle();
      return true;
    }
    if (allow || (!this.#session && (this.#rule.mode !== 'consent' || this.#open.size === 0))) return false;
    this.#startPause('refused');
    this.#endSession(ChannelError.refused, 'ended at the device');
    return true;
  }

  /** Drops the question and the session. */
  reset(): void {
    this.#pending?.asked.cancel();
    this.#pending?.timer.cancel();
    this.#pending = null;
    this.#idle?.cancel();
    this.#idle = null;
    this.#unwatchWindow();
    this.#session = false;
    this.#refusal = null;
    this.#open.clear();
  }

  // ---- windows ----

  #closedNow(): Refusal | null {
    const { windows } = this.#rule;
    if (windows.length === 0) return null;
    const unset = this.#clock.date() < this.#notBefore;
    if (!unset && minutesLeft(windows, minuteOfWeek(this.#clock)) > 0) return null;
    const reason = unset ? 'is closed: the clock is not set' : 'is closed at this time';
    return { fault: ChannelError.notForwarded, reason };
  }

  /** Consent ends with its window, and so do channels unless the rule keeps them. */
  #watchWindow(): void {
    const { windows, closing } = this.#rule;
    if (windows.length === 0 || this.#closing || (closing === 'keep' && !this.#session)) return;
    const left = Math.ceil(minutesUntilClosed(windows, minuteOfWeek(this.#clock)) * 60_000) + 1;
    this.#closesAt = { date: this.#clock.date() + left, now: this.#clock.now() + left };
    this.#closing = this.#clock.schedule(Math.min(left, RECHECK_MS), () => {
      this.#closing = null;
      if (!this.#closedNow() && !this.#windowHasPassed()) this.#watchWindow();
      else if (closing === 'end') this.#endSession(ChannelError.timeout, 'is closed now: its time is over');
      else this.#endConsent();
    });
  }

  #unwatchWindow(): void {
    this.#closing?.cancel();
    this.#closing = null;
  }

  /** The machine may have slept while one window closed and another opened. */
  #windowHasPassed(): boolean {
    const { date, now } = this.#closesAt;
    return this.#rule.windows.length > 0 && (this.#clock.date() > date || this.#clock.now() > now);
  }

  /** From now on every open request asks; open channels go on, or end by the timer of the window. */
  #endConsent(): void {
    this.#session = false;
    this.#idle?.cancel();
    this.#idle = null;
    if (this.#open.size === 0 || this.#rule.closing === 'keep') this.#unwatchWindow();
    this.#events.changed('ended', 'consent is over: its time is over', null, null);
  }

  // ---- consent ----

  #question(port: number, channel: number): Pending {
    const timeoutMs = this.#rule.askTimeout * 1000;
    return {
      port,
      channel,
      since: this.#clock.date(),
      waiting: new Map(),
      asked: this.#ask({ port, channel, timeoutMs }, (answer) => this.#settle(answer)),
      timer: this.#clock.schedule(timeoutMs, () => this.#settle('unanswered')),
    };
  }

  /** A listener may answer at once; the waiting channels get that answer later. */
  #reportAsked(port: number, channel: number): void {
    this.#asking = true;
    this.#events.changed('asked', `waits for consent, ${this.#rule.askTimeout} s at most`, port, channel);
    this.#asking = false;
  }

  #settle(answer: Answer): void {
    const pending = this.#pending;
    if (!pending) return;
    const { port, channel, waiting } = pending;
    this.#pending = null;
    pending.asked.cancel();
    pending.timer.cancel();
    const closed = this.#closedNow();
    const refusal = answer === 'allowed' ? closed : this.#startPause(answer);
    if (!refusal) {
      this.#session = true;
      this.#watchWindow();
    }
    this.#events.changed(closed ? 'closed' : answer, refusal?.reason ?? 'allowed', port, channel);
    for (const [number, decided] of waiting) {
      if (!refusal) this.#enter(number);
      decided(refusal);
    }
    if (this.#session && this.#open.size === 0) this.#awaitIdle();
  }

  #startPause(answer: 'refused' | 'unanswered'): Refusal {
    this.#pausedUntil = this.#clock.now() + this.#rule.pause * 1000;
    this.#refusal =
      answer === 'refused'
        ? { fault: ChannelError.refused, reason: 'refused at the device' }
        : {
            fault: ChannelError.timeout,
            reason: `not allowed: nobody answered within ${this.#rule.askTimeout} s`,
          };
    return this.#refusal;
  }

  // ---- sessions ----

  #enter(channel: number): void {
    this.#idle?.cancel();
    this.#idle = null;
    this.#open.add(channel);
    this.#watchWindow();
  }

  /** Nothing is open any more in the session. */
  #awaitIdle(): void {
    this.#idle = this.#clock.schedule(this.#rule.idle * 1000, () => {
      this.#idle = null;
      this.#endSession(ChannelError.timeout, 'session is over');
    });
  }

  #endSession(error: ChannelErrorCode, detail: string): void {
    this.#session = false;
    this.#idle?.cancel();
    this.#idle = null;
    this.#unwatchWindow();
    this.#events.changed('ended', detail, null, null);
    if (this.#open.size > 0) this.#events.end(new Set(this.#open), error);
  }
}
