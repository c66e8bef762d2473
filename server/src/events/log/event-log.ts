import type { Cancellable, Clock } from 'rm-protocol';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import type { FleetDatabase } from '../../store/fleet-database.ts';
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

const columns = 'sequence, time, kind, device, uid, domain, user, data';

/**
 * The events in the data file, the latest of them in memory too. Those that anything else has put into the table (a trigger,
 * another part of the server in a transaction of its own) are found within `limits.eventsPollMs`.
 */
export class EventLog {
  readonly #database: FleetDatabase;
  readonly #clock: Clock;
  readonly #limits: LogLimits;
  /** The latest events, without a gap. */
  #tail: LoggedEvent[] = [];
  /** All events after this sequence number, up to {@link last}, are in the tail. */
  #tailFrom: number;
  #last: number;
  /** By domain that was removed, the last event until then. */
  #ends: ReadonlyMap<string, number> = new Map();
  readonly #waiting = new Set<() => void>();
  #poll: Cancellable | null = null;

  /** Throws `StoreUnavailable`. */
  constructor(database: FleetDatabase, clock: Clock, limits: LogLimits) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    this.#last = this.#lastStored();
    this.#tailFrom = this.#last;
    this.#ends = this.#endsStored();
  }

  /** Sequence number of the last known event; 0: there was none yet. */
  get last(): number {
    return this.#last;
  }

  /** Whether its domain was removed since. Another one may have the name by now. */
  isOfRemovedDomain({ domain, sequence }: Pick<LoggedEvent, 'domain' | 'sequence'>): boolean {
    return domain !== null && sequence <= (this.#ends.get(domain) ?? 0);
  }

  /** Notes events, in their order, and forgets what is too old. Throws `StoreUnavailable`: then nothing was noted. */
  append(events: readonly NewEvent[]): void {
    if (events.length === 0) return;
    this.#database.transaction(() => {
      for (const event of events) this.insert(event);
      this.#prune();
    });
    this.refresh();
  }

  /** Notes one event within a transaction of the caller. Throws `StoreUnavailable`. */
  insert({ kind, time, device, uid, domain, user, data = {} }: NewEvent): void {
    const text = JSON.stringify(data);
    const kept = text.length <= this.#limits.eventBytes ? text : JSON.stringify(withoutLongValues(data));
    this.#database
      .prepare(
        `INSERT INTO fleet_events (time, kind, device, uid, domain, user, data) VALUES (
           @time, @kind, @device,
           coalesce(@uid, (SELECT uid FROM devices WHERE id = @device AND claimed = 1)),
           coalesce(@domain, (SELECT domain FROM devices WHERE id = @device AND claimed = 1 AND uid = coalesce(@uid, uid))),
           @user, @data)`,
      )
      .run({
        time,
        kind,
        device: device ?? null,
        uid: uid ?? null,
        domain: domain ?? null,
        user: user ?? null,
        data: kept,
      });
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

  /** Where a reader is, for {@link resume}. Throws `StoreUnavailable`. */
  cursor(sequence: number): string {
    const at = sequence - this.#tailFrom - 1;
    const time = this.#tail[at]?.time ?? this.#timeOf(sequence) ?? 0;
    return `${sequence.toString(36)}-${time.toString(36)}`;
  }

  /**
   * The sequence number of a cursor; `null`: what came after it is not kept, or it is of another log, such as the one that a backup
   * has taken the place of. Throws `StoreUnavailable`.
   */
  resume(cursor: string): number | null {
    const [, sequence = '', time = ''] = /^([0-9a-z]{1,11})-([0-9a-z]{1,11})$/.exec(cursor) ?? [];
    const number = Number.parseInt(sequence, 36);
    if (Number.isNaN(number) || number > this.#last) return null;
    const stored = number === 0 ? 0 : this.#timeOf(number);
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

  /** Takes in what was added to the table. Throws `StoreUnavailable`. */
  refresh(): void {
    this.#ends = this.#endsStored();
    const last = this.#lastStored();
    if (last <= this.#last) return;
    const { eventsInMemory } = this.#limits;
    const from = Math.max(this.#last, last - eventsInMemory);
    const added = this.#database
      .prepare<LoggedEvent>(
        `SELECT ${columns} FROM fleet_events WHERE sequence > ? AND sequence <= ? ORDER BY sequence`,
      )
      .all(from, last);
    const whole = added.length === last - from;
    const joined = from === this.#last ? [...this.#tail, ...added] : added;
    this.#tail = whole ? joined.slice(-eventsInMemory) : [];
    this.#last = last;
    this.#tailFrom = last - this.#tail.length;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Looks for what others add from now on, until {@link stop}. */
  start(): void {
    this.#poll = this.#clock.schedule(this.#limits.eventsPollMs, () => {
      this.start();
      try {
        this.refresh();
      } catch (error) {
        // Next time, then.
        if (!(error instanceof StoreUnavailable)) throw error;
      }
    });
  }

  stop(): void {
    this.#poll?.cancel();
    this.#poll = null;
    for (const wake of [...this.#waiting]) wake();
  }

  #endsStored(): Map<string, number> {
    const rows = this.#database
      .prepare<{ domain: string; last: number }>('SELECT domain, last FROM fleet_event_ends')
      .all();
    return new Map(rows.map(({ domain, last }) => [domain, last]));
  }

  #lastStored(): number {
    return (
      this.#database
        .prepare<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'fleet_events'")
        .get()?.seq ?? 0
    );
  }

  #timeOf(sequence: number): number | undefined {
    return this.#database
      .prepare<{ time: number }>('SELECT time FROM fleet_events WHERE sequence = ?')
      .get(sequence)?.time;
  }

  /** A part of what is too old: no call takes long. The last event stays, so that its cursor can be told from a wrong one. */
  #prune(): void {
    const { eventsKept, eventsKeptMs, eventsPruned } = this.#limits;
    const last = this.#lastStored();
    const oldest = this.#database
      .prepare<{ sequence: number }>('SELECT sequence FROM fleet_events ORDER BY sequence LIMIT 1')
      .get()?.sequence;
    if (oldest === undefined) return;
    const end = Math.min(oldest + eventsPruned, last);
    // From the beginning on and never from the middle, whatever the clock has done: readers know a gap by its beginning.
    const young = this.#database
      .prepare<{ sequence: number }>(
        'SELECT sequence FROM fleet_events WHERE sequence < ? AND sequence > ? AND time >= ? ORDER BY sequence LIMIT 1',
      )
      .get(end, last - eventsKept, this.#clock.date() - eventsKeptMs)?.sequence;
    this.#database.prepare('DELETE FROM fleet_events WHERE sequence < ?').run(young ?? end);
  }
}

/** Each value that makes an event long is `null`. */
function withoutLongValues(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(data).map(([name, value]) => [
    name,
    (JSON.stringify(value) ?? '').length > 256 ? null : value,
  ]);
  return Object.fromEntries(entries);
}
