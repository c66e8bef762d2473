import type { Clock } from 'rm-protocol';
import type { Identity, KnownUsers } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { CallerRights, Rights } from '../rights/rights.ts';
import { type EventFilter, passes } from './event-filter.ts';
import { cursorAfter, type EventLog, type LoggedEvent } from './log/event-log.ts';
import { isVisible } from './visible.ts';

/** One message to a reader of events. */
export interface EventMessage {
  /** Where to go on after this message. */
  readonly cursor: string;
  /** A kind of event, `ready` (the stream begins here) or `alive` (there is nothing new). */
  readonly kind: string;
  readonly time?: string;
  readonly device?: string;
  readonly domain?: string;
  readonly user?: string;
  readonly data?: unknown;
}

export interface EventStreamContext {
  readonly eventLog: EventLog;
  readonly rights: Pick<Rights, 'of'>;
  readonly known: Pick<KnownUsers, 'user'>;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'eventHeartbeatMs' | 'eventRightsMs' | 'eventsRead'>;
}

export interface EventStreamOptions {
  readonly identity: Identity;
  readonly filter: EventFilter;
  /** `null`: from now on. */
  readonly cursor: string | null;
  readonly signal: AbortSignal;
}

/**
 * What one reader gets, as fast as it takes it: it costs a number and a page of events, however far behind it is. What it may see
 * is decided when it is sent. Ends with the signal, and when the reader may see no events any more.
 */
export class EventStream {
  readonly #context: EventStreamContext;
  readonly #options: EventStreamOptions;
  #position: number;
  /** Says so first, and again when the reader asks for another place. */
  #first: 'ready' | 'events.lost' | null = 'ready';
  #wake = () => {};
  #rights: { readonly checked: number; readonly rights: CallerRights | null } | null = null;

  /** Rejects with `StoreUnavailable`. */
  static async open(context: EventStreamContext, options: EventStreamOptions): Promise<EventStream> {
    const stream = new EventStream(context, options);
    if (options.cursor !== null) await stream.seek(options.cursor);
    return stream;
  }

  private constructor(context: EventStreamContext, options: EventStreamOptions) {
    this.#context = context;
    this.#options = options;
    this.#position = context.eventLog.last;
  }

  /** Goes on after this cursor, or says `events.lost` and goes on from now. One call at a time. Rejects with `StoreUnavailable`. */
  async seek(cursor: string): Promise<void> {
    const position = await this.#context.eventLog.resume(cursor);
    this.#position = position ?? this.#context.eventLog.last;
    this.#first = position === null ? 'events.lost' : 'ready';
    this.#wake();
  }

  /** Rejects with `StoreUnavailable`. */
  async *messages(): AsyncGenerator<EventMessage> {
    const { eventLog, clock, limits } = this.#context;
    const { signal, filter, identity } = this.#options;
    let sent = clock.now();
    while (!signal.aborted) {
      const first = this.#first;
      if (first) {
        const said = await this.#say(first);
        if (!said || this.#first !== first) continue;
        this.#first = null;
        sent = clock.now();
        yield said;
      }
      const position = this.#position;
      const page = await eventLog.after(position, limits.eventsRead);
      if (position !== this.#position) continue;
      if ('lost' in page) {
        this.#position = eventLog.last;
        this.#first = 'events.lost';
        continue;
      }
      for (const event of page.events) {
        const rights = await this.#rightsNow();
        if (signal.aborted || !rights?.any('events.read')) return;
        // The reader has gone elsewhere meanwhile.
        if (this.#position !== event.sequence - 1) break;
        this.#position = event.sequence;
        const isPast = eventLog.isOfRemovedDomain(event);
        if (!passes(event, filter) || !isVisible(event, isPast, identity.user.name, rights)) continue;
        sent = clock.now();
        yield { cursor: cursorAfter(event), ...messageOf(event) };
      }
      const wait = sent + limits.eventHeartbeatMs - clock.now();
      if (wait <= 0) {
        if (!(await this.#rightsNow())?.any('events.read')) return;
        const said = await this.#say('alive');
        if (!said) continue;
        sent = clock.now();
        yield said;
      } else if (page.events.length === 0) {
        await eventLog.grown(this.#position, wait, signal, (wake) => {
          this.#wake = wake;
        });
      }
    }
  }

  /** `null`: the reader has gone elsewhere meanwhile. */
  async #say(kind: 'ready' | 'events.lost' | 'alive'): Promise<EventMessage | null> {
    const position = this.#position;
    const cursor = await this.#context.eventLog.cursor(position);
    if (position !== this.#position) return null;
    const aliveSeconds = this.#context.limits.eventHeartbeatMs / 1000;
    return kind === 'ready' ? { cursor, kind, data: { aliveSeconds } } : { cursor, kind };
  }

  /** `null`: the user was removed, or is another one of the same name. */
  async #rightsNow(): Promise<CallerRights | null> {
    const { clock, limits, rights, known } = this.#context;
    const { identity } = this.#options;
    const now = clock.now();
    if (!this.#rights || now - this.#rights.checked >= limits.eventRightsMs) {
      const user = await known.user(identity.user.name);
      const same = user !== null && user.uid === identity.user.uid;
      this.#rights = { checked: now, rights: same ? await rights.of({ ...identity, user }) : null };
    }
    return this.#rights.rights;
  }
}

/** As readers and receivers of webhooks see it. */
export function messageOf({
  time,
  kind,
  device,
  domain,
  user,
  data,
}: Omit<LoggedEvent, 'sequence' | 'uid'>): Omit<EventMessage, 'cursor'> {
  return {
    kind,
    time: new Date(time).toISOString(),
    ...(device === null ? {} : { device }),
    ...(domain === null ? {} : { domain }),
    ...(user === null ? {} : { user }),
    data: JSON.parse(data) as unknown,
  };
}
