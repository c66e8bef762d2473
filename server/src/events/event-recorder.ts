import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import {
  type AuditRecord,
  type EventSubscription,
  type Events,
  type EventsLost,
  type ReflectorEvent,
  StoreUnavailable,
} from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { EventLog, NewEvent } from './log/event-log.ts';

type RecorderLimits = Pick<Limits, 'eventsBatch' | 'eventsBatchMs' | 'eventsPending' | 'propertiesEventMs'>;

/** What a device has said of itself too soon after it was last noted. */
interface Held {
  /** The latest of it. */
  event: NewEvent | null;
  readonly timer: Cancellable;
}

const access: Readonly<Record<string, string>> = {
  request: 'web',
  upgrade: 'web-socket',
  'client-tunnel': 'tcp',
};

/** Takes what happens in the reflector into the log of events, several at a time. */
export class EventRecorder {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #limits: RecorderLimits;
  readonly #logger: Logger;
  readonly #isNode: boolean;
  /** By `uid`. */
  readonly #held = new Map<string, Held>();
  #pending: NewEvent[] = [];
  /** They are pending again when they could not be written. */
  #writing: NewEvent[] = [];
  #flushing: Promise<void> | null = null;
  #lost = 0;
  #timer: Cancellable | null = null;
  #failing = false;
  #subscription: EventSubscription | null = null;

  /** `isNode`: which devices come and go is in the log already. */
  constructor(log: EventLog, clock: Clock, limits: RecorderLimits, logger: Logger, isNode = false) {
    this.#log = log;
    this.#clock = clock;
    this.#limits = limits;
    this.#logger = logger;
    this.#isNode = isNode;
  }

  /** Events that are not in the store yet. */
  get pending(): number {
    return this.#writing.length + this.#pending.length;
  }

  /** The server has started. */
  started(): void {
    this.#pending.push({ kind: 'server.started', time: this.#clock.date() });
    void this.flush();
  }

  /** Until the events end, or {@link stop}. */
  async record(events: Pick<Events, 'subscribe'>): Promise<void> {
    const subscription = events.subscribe();
    this.#subscription = subscription;
    for await (const event of subscription) this.take(event);
  }

  take(event: ReflectorEvent | EventsLost): void {
    if (event.kind === 'lost') this.#lost += event.count;
    else if (event.kind === 'audit') {
      const noted = ofAudit(event.record, event.time);
      if (noted) this.#pending.push(noted);
    } else {
      const { kind, time, device, properties, end } = event;
      const noted = {
        kind: `device.${kind}`,
        time,
        device: device.id,
        uid: device.uid,
        // Fewer readers may know who has ended it.
        data: { properties, ...(end && { end: { cause: end.cause, reason: end.reason } }) },
      } as const;
      if (kind === 'properties') this.#properties(device.uid, noted);
      else {
        const held = this.#held.get(device.uid);
        // The event itself says all of it.
        if (held) held.event = null;
        if (!this.#isNode) this.#pending.push(noted);
      }
    }
    this.#bound();
    if (this.#pending.length >= this.#limits.eventsBatch && !this.#failing) void this.flush();
    else if (this.#pending.length > 0 || this.#lost > 0) this.#later();
  }

  /** Writes what waits, after what is being written. While the store is away it goes on waiting. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = null;
      // What has come meanwhile.
      if (this.#pending.length > 0 || this.#lost > 0) this.#later();
    });
    return this.#flushing;
  }

  async stop(): Promise<void> {
    this.#subscription?.close();
    for (const { event, timer } of this.#held.values()) {
      timer.cancel();
      if (event) this.#pending.push(event);
    }
    this.#held.clear();
    await this.#flushing;
    await this.flush();
    this.#timer?.cancel();
    this.#timer = null;
  }

  async #write(): Promise<void> {
    do {
      const lost = this.#lost;
      this.#writing = this.#pending;
      this.#pending = [];
      this.#lost = 0;
      const first: readonly NewEvent[] =
        lost > 0 ? [{ kind: 'events.lost', time: this.#clock.date(), data: { count: lost } }] : [];
      try {
        await this.#log.append([...first, ...this.#writing]);
        this.#failing = false;
      } catch (error) {
        this.#lost += lost;
        if (error instanceof StoreUnavailable) {
          if (!this.#failing)
            this.#logger.warn({ code: error.code }, 'events wait: the store cannot be used');
          this.#failing = true;
          this.#pending = [...this.#writing, ...this.#pending];
          this.#bound();
        } else {
          this.#logger.error({ err: error }, 'events are lost');
          this.#lost += this.#writing.length;
        }
      } finally {
        this.#writing = [];
      }
    } while (this.#pending.length >= this.#limits.eventsBatch && !this.#failing);
  }

  /** A device that says something else all the time is noted now and then, with what it said last. */
  #properties(uid: string, event: NewEvent): void {
    const held = this.#held.get(uid);
    if (held) {
      held.event = event;
      return;
    }
    this.#pending.push(event);
    this.#hold(uid);
  }

  #hold(uid: string): void {
    const timer = this.#clock.schedule(this.#limits.propertiesEventMs, () => {
      const event = this.#held.get(uid)?.event;
      this.#held.delete(uid);
      if (!event) return;
      this.#pending.push(event);
      this.#hold(uid);
      this.#bound();
      this.#later();
    });
    this.#held.set(uid, { event: null, timer });
  }

  /** While the store is away. */
  #bound(): void {
    const excess = this.#pending.length - this.#limits.eventsPending;
    if (excess <= 0) return;
    this.#pending.splice(0, excess);
    this.#lost += excess;
  }

  #later(): void {
    const { eventsBatchMs } = this.#limits;
    this.#timer ??= this.#clock.schedule(this.#failing ? 10 * eventsBatchMs : eventsBatchMs, () => {
      void this.flush();
    });
  }
}

/** `null`: it is in the audit log only. */
function ofAudit(record: AuditRecord, time: number): NewEvent | null {
  const { event, allowed, user, by, address, device, port, reason } = record;
  const how = access[event];
  if (how !== undefined && device !== undefined) {
    return { kind: 'device.access', time, device, user, data: { how, allowed, by, address, port, reason } };
  }
  if (event !== 'log-in') return null;
  return { kind: 'user.log-in', time, user, data: { allowed, by, address, reason } };
}
