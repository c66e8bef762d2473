import type { Cancellable, Clock } from 'rm-protocol';
import { isTold } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import { get, run, storable, type Tables, type Work } from '../../store/tables.ts';
import type { EventKind } from './kinds.ts';

/** Something that has happened. */
export interface NewEvent {
  readonly kind: EventKind;
  /** Wall-clock ms. */
  readonly time: number;
  /** Id of the device; without `uid`: of the device that has this id when the event is noted. */
  readonly device?: string | undefined;
  readonly uid?: string | undefined;
  /** That of the device by default. */
  readonly domain?: string | undefined;
  readonly user?: string | undefined;
  /** Without secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** As it is in the log. */
export interface LoggedEvent {
  /** Grows by one with each event, over restarts too. */
  readonly sequence: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly device: string | null;
  readonly uid: string | null;
  /** That the device had when it happened. */
  readonly domain: string | null;
  readonly user: string | null;
  /** JSON object. */
  readonly data: string;
}

export type EventPage = { readonly events: readonly LoggedEvent[] } | { readonly lost: true };

type LogLimits = Pick<
  Limits,
  'eventsKept' | 'eventsKeptMs' | 'eventsInMemory' | 'eventsPollMs' | 'eventBytes' | 'eventsPruned'
>;

const columns = 'sequence, time, kind, device, uid, domain, "user", data';

/** Sequence number of the last event that is stored; 0: there was none yet. The last one is always kept. */
export function* lastSequence(): Work<number> {
  return (yield* get<{ last: number }>(selectLast))?.last ?? 0;
}

const insertEvent = `INSERT INTO fleet_events (time, kind, device, uid, domain, "user", data)
  SELECT CAST(? AS BIGINT), CAST(? AS TEXT), n.device, coalesce(n.uid, d.uid),
    coalesce(CAST(? AS TEXT), CASE WHEN d.uid = coalesce(n.uid, d.uid) THEN d.domain END),
    CAST(? AS TEXT), CAST(? AS TEXT)
  FROM (SELECT CAST(? AS TEXT) AS device, CAST(? AS TEXT) AS uid) AS n
  LEFT JOIN devices AS d ON d.id = n.device AND d.claimed`;

const selectLast = 'SELECT coalesce(max(sequence), 0) AS last FROM fleet_events';

/**
 * The stored events, the latest of them in memory too. Those that anything else has put into the table (a trigger, another part
 * of the server in a transaction of its own, another server) are found within `limits.eventsPollMs`. It knows none before the
 * first {@link refresh}.
 */
export class EventLog {
  readonly #database: Tables;
  readonly #clock: Clock;
  readonly #limits: LogLimits;
  readonly #failed: (error: unknown) => void;
  /** The latest events, without a gap. */
  #tail: LoggedEvent[] = [];
  /** All events after this sequence number, up to {@link last}, are in the tail. */
  #tailFrom = 0;
  #last = 0;
  /** By domain that was removed, the last event until then. */
  #ends: ReadonlyMap<string, number> = new Map();
  readonly #waiting = new Set<() => void>();
  #poll: Cancellable | null = null;
  /** The last refresh that has begun, and one that begins after it. */
  #refreshing: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  /** `failed`: what no caller is told of. */
  constructor(
    database: Tables,
    clock: Clock,
    limits: LogLimits,
    failed: (error: unknown) => void = () => {},
  ) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    this.#failed = failed;
  }

  /** Sequence number of the last known event; 0: there was none yet. */
  get last(): number {
    return this.#last;
  }

  /** Whether its domain was removed since. Another one may have the name by now. */
  isOfRemovedDomain({ domain, sequence }: Pick<LoggedEvent, 'domain' | 'sequence'>): boolean {
    return domain !== null && sequence <= (this.#ends.get(domain) ?? 0);
  }

  /**
   * Notes events, in their order, and forgets what is too old. Rejects with `StoreUnavailable`: then nothing was noted, or the
   * connection broke and it is unknown whether it was.
   */
  async append(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#database.transact(() => this.#appendWithin(events));
    // They are noted, and found later if not now.
    await this.refresh().catch((error) => this.#told(error));
  }

  /** Notes one event within a transaction. A name may be whatever somebody tries to log in by. */
  *note({ kind, time, device, uid, domain, user, data = {} }: NewEvent): Work<void> {
    const text = JSON.stringify(data);
    const kept = text.length <= this.#limits.eventBytes ? text : JSON.stringify(withoutLongValues(data));
    yield* run(
      insertEvent,
      ...[time, kind, storable(domain), storable(user), kept],
      ...[storable(device), uid ?? null],
    );
  }

  /**
   * The next events after a sequence number, at most `most`; `lost`: they are not kept any more. Rejects with `StoreUnavailable`.
   */
  async after(sequence: number, most: number): Promise<EventPage> {
    if (sequence > this.#last) return { lost: true };
    if (sequence === this.#last) return { events: [] };
    if (sequence >= this.#tailFrom) {
      const from = sequence - this.#tailFrom;
      return { events: this.#tail.slice(from, from + most) };
    }
    const events = await this.#database.read<LoggedEvent>(
      `SELECT ${columns} FROM fleet_events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
      sequence,
      most,
    );
    return events[0]?.sequence === sequence + 1 ? { events } : { lost: true };
  }

  /** Where a reader is, for {@link resume}. Rejects with `StoreUnavailable`. */
  async cursor(sequence: number): Promise<string> {
    const at = sequence - this.#tailFrom - 1;
    const time = this.#tail[at]?.time ?? (await this.#timeOf(sequence)) ?? 0;
    return cursorAfter({ sequence, time });
  }

  /**
   * The sequence number of a cursor; `null`: what came after it is not kept, or it is of another log, such as the one that a backup
   * has taken the place of. Rejects with `StoreUnavailable`.
   */
  async resume(cursor: string): Promise<number | null> {
    const [, sequence = '', time = ''] = /^([0-9a-z]{1,11})-([0-9a-z]{1,11})$/.exec(cursor) ?? [];
    const number = Number.parseInt(sequence, 36);
    if (Number.isNaN(number) || number > this.#last) return null;
    const stored = number === 0 ? 0 : await this.#timeOf(number);
    return stored === Number.parseInt(time, 36) ? number : null;
  }

  /** Resolves when there are events after this one, after `ms`, when the signal is aborted, or when `given` wakes it. */
  grown(
    sequence: number,
    ms: number,
    signal: AbortSignal,
    given: (wake: () => void) => void = () => {},
  ): Promise<void> {
    if (sequence < this.#last || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = this.#clock.schedule(ms, done);
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
      given(done);
    });
  }

  /** Takes in what was added to the table before this call. Rejects with `StoreUnavailable`. */
  refresh(): Promise<void> {
    // One that has begun may not see it.
    this.#next ??= this.#refreshing
      .catch(() => {})
      .then(() => {
        if (this.#next) this.#refreshing = this.#next;
        this.#next = null;
        return this.#takeIn();
      });
    return this.#next;
  }

  /** Looks for what others add from now on, until {@link stop}. */
  start(): void {
    this.#poll = this.#clock.schedule(this.#limits.eventsPollMs, () => {
      this.start();
      this.refresh().catch((error) => this.#told(error));
    });
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#poll?.cancel();
    this.#poll = null;
    for (const wake of [...this.#waiting]) wake();
    await (this.#next ?? this.#refreshing).catch(() => {});
  }

  async #takeIn(): Promise<void> {
    const last = (await this.#database.get<{ last: number }>(selectLast))?.last ?? 0;
    const { eventsInMemory } = this.#limits;
    const from = Math.max(this.#last, last - eventsInMemory);
    const added =
      last <= this.#last
        ? []
        : await this.#database.all<LoggedEvent>(
            `SELECT ${columns} FROM fleet_events WHERE sequence > ? AND sequence <= ? ORDER BY sequence`,
            from,
            last,
          );
    // Later than the events: none of them is of a domain that was removed since without this being known.
    const ends = await this.#database.all<{ domain: string; last: number }>(
      'SELECT domain, last FROM fleet_event_ends',
    );
    this.#ends = new Map(ends.map((end) => [end.domain, end.last]));
    if (last <= this.#last) return;
    const whole = added.length === last - from;
    const joined = from === this.#last ? [...this.#tail, ...added] : added;
    this.#tail = whole ? joined.slice(-eventsInMemory) : [];
    this.#last = last;
    this.#tailFrom = last - this.#tail.length;
    for (const wake of [...this.#waiting]) wake();
  }

  /** While the store is away the next time does. */
  #told(error: unknown): void {
    if (!isTold(error)) this.#failed(error);
  }

  async #timeOf(sequence: number): Promise<number | undefined> {
    return (
      await this.#database.get<{ time: number }>('SELECT time FROM fleet_events WHERE sequence = ?', sequence)
    )?.time;
  }

  *#appendWithin(events: readonly NewEvent[]): Work<void> {
    for (const event of events) yield* this.note(event);
    yield* this.#prune();
  }

  /** A part of what is too old: no call takes long. The last event stays, so that its cursor can be told from a wrong one. */
  *#prune(): Work<void> {
    const { eventsKept, eventsKeptMs, eventsPruned } = this.#limits;
    const last = yield* lastSequence();
    const oldest = yield* get<{ sequence: number }>(
      'SELECT sequence FROM fleet_events ORDER BY sequence LIMIT 1',
    );
    if (!oldest) return;
    const end = Math.min(oldest.sequence + eventsPruned, last);
    // From the beginning on and never from the middle, whatever the clock has done: readers know a gap by its beginning.
    const young = yield* get<{ sequence: number }>(
      'SELECT sequence FROM fleet_events WHERE sequence < ? AND sequence > ? AND time >= ? ORDER BY sequence LIMIT 1',
      end,
      last - eventsKept,
      this.#clock.date() - eventsKeptMs,
    );
    yield* run('DELETE FROM fleet_events WHERE sequence < ?', young?.sequence ?? end);
  }
}

/** Where a reader is who has had this event, as {@link EventLog.cursor} says it. */
export function cursorAfter({ sequence, time }: Pick<LoggedEvent, 'sequence' | 'time'>): string {
  return `${sequence.toString(36)}-${time.toString(36)}`;
}

/** Each value that makes an event long is `null`. */
function withoutLongValues(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(data).map(([name, value]) => [
    name,
    (JSON.stringify(value) ?? '').length > 256 ? null : value,
  ]);
  return Object.fromEntries(entries);
}
