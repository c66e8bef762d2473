import type { Outgoing } from '../tunnel/tunnel.ts';

/** The longest time that an answer to PING may take, in milliseconds, on a link that carries nothing else. */
const ANSWER_MS = 30_000;

/** The same where there is reason for doubt: the network has changed, or the process has slept. */
const PROBE_MS = 10_000;

/** A check that comes so much later than it was asked for was held up by a stopped process or a sleeping machine. */
const LATE_MS = 5000;

export type Verdict =
  /** To be asked again in `inMs`; with `ping`, a PING is to be sent first. */
  { readonly ping: boolean; readonly inMs: number } | { readonly dead: string };

/**
 * Decides whether a live link is still alive (`webtunnel.md` section 3), from nothing but times. TCP is not asked: it
 * takes a quarter of an hour to give up. Each direction has a deadline that the other cannot put off for ever:
 *
 * - *From the reflector.* Silence for the keep-alive time asks for a PING, and silence for the answer time after it is
 *   the end. While bytes of ours move, the answer may be behind them: then it has one keep-alive time more.
 * - *To the reflector, end to end.* Without a PONG for the keep-alive time a PING is sent, however much comes in, and no
 *   PONG within the keep-alive and the answer time after it is the end. This holds for a reflector that is known to answer
 *   PINGs, as RFC 6455 section 5.5.2 demands; one that never does is judged by the other two rules.
 * - *To the reflector, the first hop.* Bytes that wait, of which the kernel takes none for the keep-alive and the answer
 *   time, are the end.
 *
 * A late check judges nothing, because what has come meanwhile may not have been read yet: it asks for a PING.
 */
export class Liveness {
  readonly #keepAliveMs: number;
  readonly #answerMs: number;
  readonly #answers: boolean;
  readonly #start: number;
  #heard: number;
  /** Until when no silence proves anything. */
  #excused: number;
  /** The PING that the reflector's silence has asked for. */
  #asked: { readonly at: number; readonly answerMs: number; readonly idleMs: number } | null = null;
  /** The PING that is to prove the direction to the reflector. */
  #sentAt: number | null = null;
  /** When the next check is due. */
  #due = Number.POSITIVE_INFINITY;

  /** `answers`: the reflector has answered a PING before, on another link. */
  constructor(keepAliveMs: number, now: number, answers = false) {
    this.#keepAliveMs = keepAliveMs;
    this.#answerMs = Math.min(keepAliveMs, ANSWER_MS);
    this.#answers = answers;
    this.#start = this.#heard = this.#excused = now;
  }

  /** Bytes came. */
  heard(now: number): void {
    this.#heard = now;
  }

  /** The tunnel is not read for the sake of a local reader. */
  excuse(now: number): void {
    this.#excused = now;
  }

  /** For how long nothing has gone either way; while an answer is owed, at the time at which it was asked for. */
  idleMs(now: number, { activeAt }: Outgoing): number {
    return this.#owed() ?? now - Math.max(this.#heard, activeAt);
  }

  /** Makes the next check one that trusts nothing. */
  doubt(): void {
    this.#due = Number.NEGATIVE_INFINITY;
  }

  /** What to do now. */
  check(now: number, outgoing: Outgoing): Verdict {
    const patience = this.#keepAliveMs + this.#answerMs;
    const { pongedAt, movedAt, stuckSince } = outgoing;
    if (now > this.#due + LATE_MS) {
      const answerMs = Math.min(PROBE_MS, this.#answerMs);
      // How long the link was idle proves nothing of what has happened to it meanwhile.
      this.#asked = { at: now, answerMs, idleMs: 0 };
      this.#sentAt = now;
      return this.#again(now, true, answerMs);
    }
    let ping = false;
    const heard = Math.max(this.#heard, this.#excused);
    if (this.#asked && heard >= this.#asked.at) this.#asked = null;
    if (!this.#asked && now >= heard + this.#keepAliveMs) {
      this.#asked = { at: now, answerMs: this.#answerMs, idleMs: this.idleMs(now, outgoing) };
      this.#sentAt ??= now;
      ping = true;
    }
    const proved = Math.max(pongedAt ?? this.#start, movedAt, this.#excused);
    if (this.#sentAt !== null && proved >= this.#sentAt) this.#sentAt = null;
    if (this.#sentAt === null && now >= proved + this.#keepAliveMs) {
      this.#sentAt = now;
      ping = true;
    }
    let silent = heard + this.#keepAliveMs;
    if (this.#asked) {
      const { at, answerMs } = this.#asked;
      silent = Math.min(Math.max(at, movedAt) + answerMs, at + answerMs + this.#keepAliveMs);
    }
    if (now >= silent) return { dead: 'no answer to PING' };
    let unproved = Number.POSITIVE_INFINITY;
    if (this.#sentAt === null) unproved = proved + this.#keepAliveMs;
    else if (this.#answers || pongedAt !== null) unproved = this.#sentAt + patience;
    if (now >= unproved) return { dead: 'no answer to PING, although bytes come' };
    const stuck =
      stuckSince === null ? Number.POSITIVE_INFINITY : Math.max(stuckSince, this.#excused) + patience;
    if (now >= stuck) return { dead: 'nothing of what is sent goes out' };
    return this.#again(now, ping, Math.min(silent, unproved, stuck) - now);
  }

  /** The idle time at an earlier PING that still has no answer. */
  #owed(): number | null {
    return this.#asked && this.#heard < this.#asked.at ? this.#asked.idleMs : null;
  }

  #again(now: number, ping: boolean, inMs: number): Verdict {
    this.#due = now + inMs;
    return { ping, inMs };
  }
}
