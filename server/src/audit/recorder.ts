import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import {
  type AuditEntry,
  type AuditRecord,
  type EventSubscription,
  type Events,
  isTold,
  type Store,
} from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { Tables } from '../store/tables.ts';

interface Context {
  readonly events: Events;
  readonly store: Pick<Store, 'audit'>;
  readonly database: Tables;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Pick<Limits, 'auditBatchMs' | 'auditWaiting' | 'auditSweepMs' | 'auditRemovedAtOnce'>;
  /** Days for which records are kept. */
  readonly days: number;
}

const dayMs = 86_400_000;

/**
 * Keeps the records of the audit log in the store, where they can be asked for. They are written in batches; what waits is
 * bounded, and what is lost is a record itself.
 */
export class AuditRecorder {
  readonly #context: Context;
  #waiting: AuditEntry[] = [];
  #lost = 0;
  #subscription: EventSubscription | null = null;
  #flush: Cancellable | null = null;
  #sweep: Cancellable | null = null;
  #sweeping: Promise<void> | null = null;
  #stopped = false;
  #writing: Promise<void> | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  start(): void {
    this.#subscription = this.#context.events.subscribe();
    this.#follow(this.#subscription).catch((error) => this.#failed(error));
    this.#sweeping = this.#sweepOld();
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    this.#subscription?.close();
    this.#flush?.cancel();
    this.#stopped = true;
    this.#sweep?.cancel();
    await this.#sweeping;
    await this.#writing;
    await this.#write();
  }

  async #follow(subscription: EventSubscription): Promise<void> {
    for await (const event of subscription) {
      if (event.kind === 'audit') this.#add(event.time, event.record);
      else if (event.kind === 'lost') this.#lost += event.count;
    }
  }

  #add(time: number, record: AuditRecord): void {
    if (this.#waiting.length >= this.#context.limits.auditWaiting) {
      this.#lost++;
      return;
    }
    this.#waiting.push(entryOf(time, record));
    const { clock, limits } = this.#context;
    this.#flush ??= clock.schedule(limits.auditBatchMs, () => {
      this.#flush = null;
      this.#write().catch((error) => this.#failed(error));
    });
  }

  /** Once at a time: records stay in their order. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeBatch().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #writeBatch(): Promise<void> {
    const { store, clock, log } = this.#context;
    const [entries, lost] = [this.#waiting, this.#lost];
    if (entries.length === 0 && lost === 0) return;
    const noted =
      lost === 0
        ? entries
        : [...entries, entryOf(clock.date(), { event: 'audit-lost', allowed: true, times: lost })];
    [this.#waiting, this.#lost] = [[], 0];
    try {
      await store.audit.append(noted);
    } catch (error) {
      // It is tried again with the next record, or at the end.
      const all = [...entries, ...this.#waiting];
      this.#waiting = all.slice(0, this.#context.limits.auditWaiting);
      this.#lost += lost + all.length - this.#waiting.length;
      if (!isTold(error))
        log.warn({ err: error }, 'records of the audit log wait: the store cannot be written');
    }
  }

  /** Removes what is old, now and from time to time. */
  async #sweepOld(): Promise<void> {
    const { clock, limits } = this.#context;
    let wait = limits.auditSweepMs;
    try {
      if ((await this.#removeOld()) >= limits.auditRemovedAtOnce) wait = limits.auditBatchMs;
    } catch (error) {
      this.#failed(error);
    }
    if (this.#stopped) return;
    this.#sweep = clock.schedule(wait, () => {
      this.#sweeping = this.#sweepOld();
    });
  }

  /** A few at a time, so that the loop does not stop. How many. */
  #removeOld(): Promise<number> {
    const { database, clock, limits, days } = this.#context;
    return database.run(
      'DELETE FROM audit WHERE sequence IN (SELECT sequence FROM audit WHERE time < ? ORDER BY time LIMIT ?)',
      clock.date() - days * dayMs,
      limits.auditRemovedAtOnce,
    );
  }

  #failed(error: unknown): void {
    if (!isTold(error)) this.#context.log.warn({ err: error }, 'audit log in the store');
  }
}

function entryOf(time: number, record: AuditRecord): AuditEntry {
  const { event, user = null, device = null } = record;
  return { time, event, user, device, record: JSON.stringify(record) };
}
