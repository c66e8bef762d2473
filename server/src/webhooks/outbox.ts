import { randomUUID } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import { messageOf } from '../events/event-stream.ts';
import type { LoggedEvent } from '../events/log/event-log.ts';
import type { EventKind } from '../events/log/kinds.ts';
import type { Limits } from '../limits.ts';
import { get, run, storable, type Tables, type Work } from '../store/tables.ts';
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

const selectOne = `SELECT ${deliveryColumns} FROM fleet_deliveries WHERE id = ?`;
const countWaiting = "SELECT count(*) AS n FROM fleet_deliveries WHERE webhook = ? AND state = 'waiting'";

/** What waits for webhooks, and what has become of it. What is decided and changed is a part of a transaction. */
export class Outbox {
  readonly #database: Tables;
  readonly #clock: Clock;
  readonly #limits: OutboxLimits;
  readonly #random: () => number;

  constructor(database: Tables, clock: Clock, limits: OutboxLimits, random: () => number) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    this.#random = random;
  }

  async waiting(webhook: string): Promise<number> {
    return (await this.#database.get<{ n: number }>(countWaiting, webhook))?.n ?? 0;
  }

  /** As {@link waiting}. */
  *countWaiting(webhook: string): Work<number> {
    return (yield* get<{ n: number }>(countWaiting, webhook))?.n ?? 0;
  }

  async get(id: number): Promise<Delivery | null> {
    return (await this.#database.get<Delivery>(selectOne, id)) ?? null;
  }

  /** For a webhook that is there. */
  *add(
    webhook: string,
    event: Pick<LoggedEvent, 'kind' | 'time' | 'device' | 'domain' | 'user' | 'data'>,
  ): Work<Delivery | null> {
    const now = this.#clock.date();
    const { kind, time, data, ...about } = messageOf(event);
    const payload = JSON.stringify({ type: kind, timestamp: time, data: { ...about, ...(data as object) } });
    yield* run(
      `INSERT INTO fleet_deliveries (webhook, message, kind, payload, state, attempts, created, next)
       VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?)`,
      ...[webhook, `msg_${randomUUID()}`, kind, payload, now, now],
    );
    return (
      (yield* get<Delivery>(
        `SELECT ${deliveryColumns} FROM fleet_deliveries WHERE webhook = ? ORDER BY id DESC LIMIT 1`,
        webhook,
      )) ?? null
    );
  }

  /** A message of the server's own to one webhook. */
  addOwn(webhook: string, kind: EventKind): Work<Delivery | null> {
    const event = { kind, time: this.#clock.date(), device: null, domain: null, user: null, data: '{}' };
    return this.add(webhook, event);
  }

  /** What may be tried now, the oldest first. */
  due(webhook: string, most: number): Promise<Delivery[]> {
    return this.#database.all<Delivery>(
      `SELECT ${deliveryColumns} FROM fleet_deliveries WHERE webhook = ? AND state = 'waiting' AND next <= ?
       ORDER BY next, id LIMIT ?`,
      ...[webhook, this.#clock.date(), most],
    );
  }

  /** Notes an attempt, unless another process has noted a later one, or that it was delivered. */
  *tried(
    { id, webhook, attempts }: Delivery,
    { status, error, answer, ms }: Outcome,
    good: boolean,
  ): Work<void> {
    const now = this.#clock.date();
    const wait = good ? null : waitAfter(attempts + 1, this.#random());
    const state = good ? 'delivered' : wait === null ? 'failed' : 'waiting';
    const next = wait === null ? null : now + wait;
    yield* run(
      `UPDATE fleet_deliveries SET state = ?, attempts = ?, next = ?, tried = ?, status = ?, error = ?, answer = ?, ms = ?
       WHERE id = ? AND state = 'waiting' AND attempts <= ?`,
      ...[state, attempts + 1, next, now, status, storable(error), storable(answer), ms, id, attempts],
    );
    if (state !== 'waiting') yield* this.#prune(webhook, now);
  }

  /** Sends it once more, as if it had not been tried. `null`: there is none. */
  *replay(id: number): Work<Delivery | null> {
    yield* run(
      "UPDATE fleet_deliveries SET state = 'waiting', attempts = 0, next = ? WHERE id = ?",
      ...[this.#clock.date(), id],
    );
    return (yield* get<Delivery>(selectOne, id)) ?? null;
  }

  *#prune(webhook: string, now: number): Work<void> {
    const { deliveriesKept, deliveriesKeptMs } = this.#limits;
    yield* run(
      `DELETE FROM fleet_deliveries WHERE webhook = ? AND state <> 'waiting' AND (created < ? OR id <= (
         SELECT id FROM fleet_deliveries WHERE webhook = ? ORDER BY id DESC LIMIT 1 OFFSET ?))`,
      ...[webhook, now - deliveriesKeptMs, webhook, deliveriesKept],
    );
  }
}
