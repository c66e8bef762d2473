import { answerText } from './messages.ts';

/** What a node has decided to let through. */
export interface Request {
  readonly number: number;
  readonly user: string;
  /** Hash of the session, hexadecimal. */
  readonly session: string;
  /** Of the device that the user may reach. */
  readonly uid: string;
  readonly domain: string;
}

/** How a node stands at a moment, simulated ms. */
export interface Standing {
  readonly node: string;
  readonly now: number;
  /** Since when it has run and could ask the database, without a break; `null`: it cannot. */
  readonly ableSince: number | null;
  readonly runningSince: number;
}

/** `limits.storePollMs` of the reflector: what is promised. */
const revocationMs = 2_000;
/** The calls that follow: for each session that is affected one after the other, each of two ways there and back of up to 20 ms. */
const readingMs = 2_500;
/** How long a call of before may hang. */
const hangingMs = 4_000;

/** Judges what comes out of the cluster. Keeps the first violation. */
export class Verdict {
  readonly #requests = new Map<number, Request>();
  readonly #bodies = new Map<number, number>();
  /** When something was taken away, simulated ms; by session, user and domain, or uid of a device. */
  readonly #ended = new Map<string, number>();
  readonly #outageMs: number;
  violation: string | null = null;
  /** What was seen, so that a run in which nothing happens is noticed. */
  readonly seen = {
    requests: 0,
    answers: 0,
    relayed: 0,
    revoked: 0,
    disconnected: 0,
    tunnels: 0,
    evictions: 0,
  };

  constructor(outageMs: number) {
    this.#outageMs = outageMs;
  }

  fail(what: string): void {
    this.violation ??= what;
  }

  revoked(what: string, now: number): void {
    if (!this.#ended.has(what)) this.#ended.set(what, now);
    this.seen.revoked++;
  }

  admitted(request: Request, { node, now, runningSince }: Standing): void {
    this.#requests.set(request.number, request);
    this.seen.requests++;
    const ended = this.#endOf(request);
    const limit = Math.max(ended + this.#outageMs, runningSince) + 2 * hangingMs + readingMs;
    if (now > limit) this.fail(`${node} let in ${describe(request)} at ${now}, which had ended at ${ended}`);
  }

  /** The node of a tunnel was asked to end it at `asked`, and it is there. */
  lastsThoughEnded(uid: string, asked: number, { node, now, ableSince }: Standing): void {
    if (ableSince !== null && now > Math.max(asked, ableSince + hangingMs) + revocationMs + readingMs)
      this.fail(`${node} has not ended the tunnel of ${uid} at ${now}, as it was asked at ${asked}`);
  }

  /** A device has got the whole request. */
  bodyCame(number: number, uid: string): void {
    const times = (this.#bodies.get(number) ?? 0) + 1;
    this.#bodies.set(number, times);
    const request = this.#requests.get(number);
    if (times > 1) this.fail(`request ${number} came ${times} times, the last time to ${uid}`);
    if (request?.uid !== uid) this.fail(`request ${number} for ${request?.uid} came to ${uid}`);
  }

  /** A user has got this of an answer, through a node. */
  answerCame(request: Request, text: string, { node, now, ableSince }: Standing): void {
    this.seen.answers++;
    const line = answerText(request.uid, request.number);
    if (text.replaceAll(line, '') !== '')
      this.fail(`${describe(request)} was answered ${JSON.stringify(text)} through ${node}`);
    const ended = this.#endOf(request);
    const limit =
      Math.max(ended, (ableSince ?? Number.POSITIVE_INFINITY) + hangingMs) + revocationMs + readingMs;
    if (now > limit)
      this.fail(`${node} passed on an answer to ${describe(request)} at ${now}, which had ended at ${ended}`);
  }

  #endOf({ session, user, domain, uid }: Request): number {
    const ends = [session, `${user} ${domain}`, uid].map((what) => this.#ended.get(what));
    return Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY));
  }
}

function describe({ number, user, uid }: Request): string {
  return `request ${number} of ${user} to ${uid}`;
}
