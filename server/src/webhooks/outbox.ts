import { randomUUID } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import { messageOf } from '../events/event-stream.ts';
import type { LoggedEvent } from '../events/log/event-log.ts';
import type { EventKind } from '../events/log/kinds.ts';
import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import type { Outcome } from './post.ts';
import { waitAfter } from './retries.ts';

/** One message to one webhook. Times are wall-clock ms. */
export interface Delivery {
  readonly id: number;
  readonly webhook: string;
  /** `webhook-id`: the same with each attempt. */
  readonly message: string;
  readonly kind: string;
  readonly payload: string;
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly created: number;
  /** Not before. */
  readonly next: number | null;
  /** The last attempt, and what came of it. */
  readonly tried: number | null;
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
  readonly ms: number | null;
}

type OutboxLimits = Pick<Limits, 'deliveriesKept' | 'deliveriesKeptMs'>;

export const deliveryColumns =
  'id, webhook, message, kind, payload, state, attempts, created, next, tried, status, error, answer, ms';

/** What waits for webhooks, and what has become of it. All throw `StoreUnavailable`. */
export class Outbox {
  readonly #database: FleetDatabase;
  readonly #clock: Clock;
  readonly #limits: OutboxLimits;
  readonly #random: () => number;

  constructor(database: FleetDatabase, clock: Clock, limits: OutboxLimits, random: () => number) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    this.#random = random;
  }

  waiting(webhook: string): number {
    return (
      this.#database
        .prepare<{ n: number }>(
          "SELECT count(*) AS n FROM fleet_deliveries WHERE webhook = ? AND state = 'waiting'",
        )
        .get(webhook)?.n ?? 0
    );
  }

  get(id: number): Delivery | null {
    return (
      this.#database
        .prepare<Delivery>(`SELECT ${deliveryColumns} FROM fleet_deliveries WHERE id = ?`)
        .get(id) ?? null
    );
  }

  add(
    webhook: string,
    event: Pick<LoggedEvent, 'kind' | 'time' | 'device' | 'domain' | 'user' | 'data'>,
  ): Delivery | null {
    const now = this.#clock.date();
    const { kind, time, data, ...about } = messageOf(event);
    const payload = JSON.stringify({ type: kind, timestamp: time, data: { ...about, ...(data as object) } });
    this.#database
      .prepare(
        `INSERT INTO fleet_deliveries (webhook, message, kind, payload, state, attempts, created, next)
         VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?)`,
      )
      .run(webhook, `msg_${randomUUID()}`, kind, payload, now, now);
    return (
      this.#database
        .prepare<Delivery>(
          `SELECT ${deliveryColumns} FROM fleet_deliveries WHERE webhook = ? ORDER BY id DESC LIMIT 1`,
        )
        .get(webhook) ?? null
    );
  }

  /** A message of the server's own to one webhook. */
  addOwn(webhook: string, kind: EventKind): Delivery | null {
    const event = { kind, time: this.#clock.date(), device: null, domain: null, user: null, data: '{}' };
    return this.add(webhook, event);
  }

  /** What may be tried now, the oldest first. */
  due(webhook: string, most: number): Delivery[] {
    return this.#database
      .prepare<Delivery>(
        `SELECT ${deliveryColumns} FROM fleet_deliveries WHERE webhook = ? AND state = 'waiting' AND next <= ?
         ORDER BY next, id LIMIT ?`,
      )
      .all(webhook, this.#clock.date(), most);
  }

  /** Notes an attempt. Within a transaction of the caller. */
  tried({ id, webhook, attempts }: Delivery, { status, error, answer, ms }: Outcome, good: boolean): void {
    const now = this.#clock.date();
    const wait = good ? null : waitAfter(attempts + 1, this.#random());
    const state = good ? 'delivered' : wait === null ? 'failed' : 'waiting';
    this.#database
      .prepare(
        `UPDATE fleet_deliveries SET state = ?, attempts = ?, next = ?, tried = ?, status = ?, error = ?, answer = ?, ms = ?
         WHERE id = ?`,
      )
      .run(state, attempts + 1, wait === null ? null : now + wait, now, status, error, answer, ms, id);
    if (state !== 'waiting') this.#prune(webhook, now);
  }

  /** Sends it once more, as if it had not been tried. */
  replay(id: number): Delivery | null {
    this.#database
      .prepare("UPDATE fleet_deliveries SET state = 'waiting', attempts = 0, next = ? WHERE id = ?")
      .run(this.#clock.date(), id);
    return this.get(id);
  }

  #prune(webhook: string, now: number): void {
    const { deliveriesKept, deliveriesKeptMs } = this.#limits;
    this.#database
      .prepare(
        `DELETE FROM fleet_deliveries WHERE webhook = @webhook AND state <> 'waiting' AND (created < @since OR id <= (
           SELECT id FROM fleet_deliveries WHERE webhook = @webhook ORDER BY id DESC LIMIT 1 OFFSET @kept))`,
      )
      .run({ webhook, since: now - deliveriesKeptMs, kept: deliveriesKept });
  }
}
