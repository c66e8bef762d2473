import type { SendState } from '../tunnel/tunnel.ts';

/** The longest time that an answer to PING may take, in milliseconds, on a link that carries nothing else. */
const ANSWER_MS = 30_000;

/** The same for a suspected link: the network has changed, or the process has slept. */
const PROBE_MS = 10_000;

/** How many times as long the answer to that may take while other bytes come. */
const PROBE_FACTOR = 3;

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
 *   PINGs, as RFC 6455 section 5.5.2 demands; one that never does is held to the other two rules.
 * - *To the reflector, the first hop.* Bytes that wait, of which the kernel takes none for the keep-alive and the answer
 *   time, are the end.
 *
 * A suspected link has less time, and both directions are checked whatever the reflector did before. A late check decides
 * nothing, because what arrived meanwhile may not have been read yet: it makes the link suspected.
 */
export class Liveness {
  readonly #keepAliveMs: number;
  readonly #answerMs: number;
  readonly #answers: boolean;
  readonly #start: number;
  #heard: number;
  /** Until when silence proves nothing. */
  #pausedUntil: number;
  /** The PING that the reflector's silence has asked for. */
  #silencePing: { readonly at: number; readonly answerMs: number; readonly idleMs: number } | null = null;
  /** The PING that is to prove the direction to the reflector; `strict` if it has to be answered by any reflector. */
  #proofPing: { readonly at: number; readonly withinMs: number; readonly strict: boolean } | null = null;
  #suspected = false;
  /** When the next check is due. */
  #due = Number.POSITIVE_INFINITY;

  /** `answers`: the reflector has answered a PING before, on another link. */
  constructor(keepAliveMs: number, now: number, answers = false) {
    this.#keepAliveMs = keepAliveMs;
    this.#answerMs = Math.min(keepAliveMs, ANSWER_MS);
    this.#answers = answers;
    this.#start = this.#heard = this.#pausedUntil = now;
  }

  /** Bytes came. */
  heard(now: number): void {
    this.#heard = now;
  }

  /** The tunnel is not read because a local reader is slow. */
  readingPaused(now: number): void {
    this.#pausedUntil = now;
  }

  /** For how long nothing has gone either way; while an answer is owed, at the time at which it was asked for. */
  idleMs(now: number, { activeAt }: SendState): number {
    if (this.#silencePing && this.#heard < this.#silencePing.at) return this.#silencePing.idleMs;
    return now - Math.max(this.#heard, activeAt);
  }

  /** Makes the next check probe both directions. */
  suspect(): void {
    this.#suspected = true;
  }

  /** What to do now. */
  check(now: number, outgoing: SendState): Verdict {
    const { pongedAt, movedAt, stuckSince } = outgoing;
    const patience = this.#keepAliveMs + this.#answerMs;
    const heard = Math.max(this.#heard, this.#pausedUntil);
    const proved = Math.max(pongedAt ?? this.#start, movedAt, this.#pausedUntil);
    const late = now > this.#due + LATE_MS;
    if (late || (this.#silencePing && heard >= this.#silencePing.at)) this.#silencePing = null;
    if (late || (this.#proofPing && proved >= this.#proofPing.at)) this.#proofPing = null;
    if (late || this.#suspected) return this.#probe(now);
    let ping = false;
    if (!this.#silencePing && now >= heard + this.#keepAliveMs) {
      this.#silencePing = { at: now, answerMs: this.#answerMs, idleMs: this.idleMs(now, outgoing) };
      ping = true;
    }
    if (!this.#proofPing && (ping || now >= proved + this.#keepAliveMs)) {
      this.#proofPing = { at: now, withinMs: patience, strict: false };
      ping = true;
    }
    let silent = heard + this.#keepAliveMs;
    if (this.#silencePing) {
      const { at, answerMs } = this.#silencePing;
      silent = Math.min(Math.max(at, movedAt) + answerMs, at + answerMs + this.#keepAliveMs);
    }
    if (now >= silent) return { dead: 'no answer to PING' };
    let unproved = Number.POSITIVE_INFINITY;
    if (!this.#proofPing) unproved = proved + this.#keepAliveMs;
    else if (this.#proofPing.strict || this.#answers || pongedAt !== null)
      unproved = this.#proofPing.at + this.#proofPing.withinMs;
    if (now >= unproved) return { dead: 'no answer to PING, although bytes come' };
    const stuck =
      stuckSince === null ? Number.POSITIVE_INFINITY : Math.max(stuckSince, this.#pausedUntil) + patience;
    if (now >= stuck) return { dead: 'nothing of what is sent goes out' };
    return this.#again(now, ping, Math.min(silent, unproved, stuck) - now);
  }

  /** A PING that is to be answered soon; one of this kind that has no answer yet does not get more time by it. */
  #probe(now: number): Verdict {
    this.#suspected = false;
    const answerMs = Math.min(PROBE_MS, this.#answerMs);
    const { at, answerMs: left } = this.#silencePing ?? { at: now, answerMs };
    // How long the link was idle proves nothing of what has happened to it meanwhile.
    this.#silencePing = { at, answerMs: Math.min(left, now - at + answerMs), idleMs: 0 };
    if (!this.#proofPing?.strict)
      this.#proofPing = { at: now, withinMs: PROBE_FACTOR * answerMs, strict: true };
    return this.#again(now, true, at + this.#silencePing.answerMs - now);
  }

  #again(now: number, ping: boolean, inMs: number): Verdict {
    this.#due = now + inMs;
    return { ping, inMs };
  }
}
