import type { Clock } from 'rm-protocol';
import type { AnswerUse, CacheUse, StoredAnswer, WebAnswer, WebRequest } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import { forwarded, hit, revalidated } from './cache-status.ts';
import type { CacheableRequest } from './cacheable-request.ts';
import { conditionsFor, isAbout, isKnown } from './conditions.ts';
import type { FairRoom } from './fair-room.ts';
import { has, type Lines, listOf, valuesOf, without } from './fields.ts';
import type { FreshnessOf } from './freshness.ts';
import { type AnswerFacts, KeptAnswer } from './kept-answer.ts';
import { kindOfType } from './kinds.ts';

export type CacheLimits = Pick<
  Limits,
  | 'cacheBlockBytes'
  | 'cacheFreshMs'
  | 'cacheHeuristicMs'
  | 'cacheOverheadBytes'
  | 'cacheReadingShare'
  | 'cacheShare'
>;

export interface ExchangeContext {
  readonly clock: Clock;
  readonly limits: CacheLimits;
  readonly room: FairRoom;
  readonly freshnessOf: FreshnessOf;
  readonly figures: { hits: number; revalidated: number; misses: number; savedBytes: number };
  /** The answer is whole. `shared`: for everybody whose request is the same. */
  keep(answer: KeptAnswer, shared: boolean): void;
}

/** An answer with one of these is for one user, at one moment, or a part. */
const never = [
  'authentication-info',
  'clear-site-data',
  'content-range',
  'location',
  'refresh',
  'set-cookie',
  'set-cookie2',
  'upgrade',
  'www-authenticate',
];

/** Not kept: what is of one connection, or is written anew for each user. */
const notKept: ReadonlySet<string> = new Set(['age', 'content-length', 'trailer', 'transfer-encoding']);

/** What a 304 does not change: it is of the body that is kept (RFC 9111 section 3.2), or of the connection. */
const notRenewed: ReadonlySet<string> = new Set([
  ...notKept,
  'connection',
  'content-encoding',
  'content-range',
  'content-type',
  'keep-alive',
]);

/** What is left out of a 304 for the user. */
const ofContent: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'content-range',
  'content-type',
]);

const nothing: AnswerUse = { instead: null, added: [] };

/** One request that the cache may answer, or may keep the answer of. */
export class CachedExchange implements CacheUse {
  readonly stored: StoredAnswer | null = null;
  readonly added: readonly string[] = [];
  readonly #context: ExchangeContext;
  readonly #request: WebRequest;
  readonly #asked: CacheableRequest;
  /** Kept, and stale. */
  readonly #stale: KeptAnswer | null = null;
  /** The device is asked whether it still holds. */
  readonly #checks: boolean = false;
  readonly #begun: number;
  readonly #release: (() => void) | null = null;
  #coming: KeptAnswer | null = null;
  #shared = false;

  constructor(
    context: ExchangeContext,
    request: WebRequest,
    asked: CacheableRequest,
    kept: { readonly answer: KeptAnswer; readonly release: () => void } | null,
  ) {
    this.#context = context;
    this.#request = request;
    this.#asked = asked;
    this.#begun = context.clock.now();
    if (!kept) return;
    const { answer: found, release } = kept;
    const end = found.use();
    this.#release = () => {
      end();
      release();
    };
    const { facts } = found;
    if (facts.freshness.left() > 0) {
      context.figures.hits++;
      context.figures.savedBytes += found.length;
      this.stored = isKnown(request.deviceHeaders, facts.headers) ? notModified(facts) : whole(found);
      this.added = hit(facts.freshness);
      return;
    }
    this.#stale = found;
    if (asked.conditional) return;
    this.added = conditionsFor(facts.headers);
    this.#checks = this.added.length > 0;
  }

  answered(answer: WebAnswer): AnswerUse {
    const { figures } = this.#context;
    if (answer.status === 304 && this.#stale) return this.#stillHolds(answer, this.#stale);
    figures.misses++;
    // What the device says now counts, unless it is in trouble.
    if (answer.status < 500) this.#stale?.drop();
    const [type = '', ...others] = valuesOf(answer.headers, 'content-type');
    const kind = others.length === 0 ? kindOfType(type) : null;
    if (kind === null && this.#asked.wanted === null) return nothing;
    this.#begin(answer);
    return { instead: null, added: forwarded(this.#stale ? 'stale' : 'uri-miss', this.#coming !== null) };
  }

  body(piece: Buffer): void {
    if (this.#coming && !this.#coming.append(piece)) this.#coming = null;
  }

  whole(): void {
    const answer = this.#coming;
    this.#coming = null;
    if (answer) this.#context.keep(answer, this.#shared);
  }

  closed(): void {
    this.#coming?.drop();
    this.#coming = null;
    this.#release?.();
  }

  #begin(answer: WebAnswer): void {
    const { status, headers, framing, length, connectionAuthenticated } = answer;
    if (status !== 200 || connectionAuthenticated || (framing !== 'length' && framing !== 'chunked')) return;
    const facts = this.#factsOf(answer.reason, headers);
    if (!facts) return;
    const { room, limits } = this.#context;
    const { device, user } = this.#request;
    this.#shared = facts.freshness.isPublic && this.#asked.mayShare;
    const owners = [JSON.stringify(['device', device.uid]), JSON.stringify(['user', user])];
    this.#coming = KeptAnswer.begin(room, limits, owners, facts, framing === 'length' ? length : null);
  }

  /** `null`: an answer with this head is not kept. */
  #factsOf(reason: string, headers: Lines): AnswerFacts | null {
    const { wanted, authorized } = this.#asked;
    const [type = '', ...others] = valuesOf(headers, 'content-type');
    const kind = others.length === 0 ? kindOfType(type) : null;
    if (kind === null || (wanted !== null && wanted !== kind) || has(headers, ...never)) return null;
    const chosenBy = chosenByOf(headers, this.#request.deviceHeaders);
    if (!chosenBy) return null;
    const freshness = this.#context.freshnessOf(headers, authorized, this.#context.clock.now() - this.#begun);
    if (!freshness.storable) return null;
    // What is stale at once and has nothing to ask by is of no use.
    if (freshness.left() <= 0 && conditionsFor(headers).length === 0) return null;
    return { reason, headers: without(headers, notKept), kind, freshness, chosenBy };
  }

  /** The device says 304 (RFC 9111 section 4.3.3). */
  #stillHolds(answer: WebAnswer, stale: KeptAnswer): AnswerUse {
    const { figures } = this.#context;
    const kept = stale.facts;
    if (!isAbout(answer.headers, kept.headers, this.#checks)) {
      figures.misses++;
      // It speaks of another answer. A user who has asked for that has it; one who has not would be left with nothing.
      if (this.#checks) stale.drop();
      return this.#checks ? { instead: notOurs, added: [] } : nothing;
    }
    const headers = renewed(kept.headers, answer.headers);
    const facts = answer.connectionAuthenticated ? null : this.#factsOf(kept.reason, headers);
    // What was kept for all stays so only while the device says that it may be.
    const known = facts && (facts.freshness.isPublic || !kept.freshness.isPublic) && stale.renew(facts);
    if (!known) stale.drop();
    if (!this.#checks) return nothing;
    figures.revalidated++;
    figures.savedBytes += stale.length;
    return {
      instead: { ...whole(stale), headers: withLength(headers, stale.length) },
      added: facts ? revalidated(facts.freshness) : [],
    };
  }
}

const misled = Buffer.from('The device says "not modified" of what nobody has asked\n');

/** What a user gets who has asked for an answer, when the device says only that nothing has changed, and of another one. */
const notOurs: StoredAnswer = {
  status: 502,
  reason: 'Bad Gateway',
  headers: withLength(['Content-Type', 'text/plain', 'Cache-Control', 'no-store'], misled.length),
  body: [misled],
};

function whole(answer: KeptAnswer): StoredAnswer {
  const { reason, headers } = answer.facts;
  return { status: 200, reason, headers: withLength(headers, answer.length), body: answer.body };
}

function notModified({ headers }: AnswerFacts): StoredAnswer {
  return { status: 304, reason: 'Not Modified', headers: without(headers, ofContent), body: [] };
}

function withLength(headers: Lines, length: number): string[] {
  return [...without(headers, notKept), 'Content-Length', String(length)];
}

/** The fields of the 304 take the place of those that are kept. */
function renewed(kept: Lines, notModified: Lines): string[] {
  const fields = without(notModified, notRenewed);
  const names = new Set(fields.filter((_text, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  // One that is not renewed is of long ago, and `Expires` is counted from it.
  names.add('date');
  return [...without(kept, names), ...fields];
}

/** The longest `Vary`, in characters, and the most names in it: each costs a walk through the request, at every hit. */
const varyLength = 1_024;
const varyNames = 16;

/** What `Vary` names, as it was in the request; `null`: it names what nobody can compare, or too much. */
function chosenByOf(answer: Lines, deviceHeaders: Lines): AnswerFacts['chosenBy'] | null {
  const vary = listOf(answer, 'vary') ?? '';
  if (vary.length > varyLength) return null;
  const names = new Set(
    vary
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ''),
  );
  // Many devices forget to name it.
  if (has(answer, 'content-encoding')) names.add('accept-encoding');
  if (names.has('*') || names.size > varyNames) return null;
  return Array.from(names, (name) => [name, listOf(deviceHeaders, name)] as const);
}
