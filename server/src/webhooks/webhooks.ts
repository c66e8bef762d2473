import { randomBytes } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { UserRecord } from 'rm-reflector/ports';
import { type EventLog, lastSequence } from '../events/log/event-log.ts';
import type { Limits } from '../limits.ts';
import type { Target } from '../rights/permission.ts';
import { get, run, type Tables, type Work } from '../store/tables.ts';
import { newSecret } from './signature.ts';

/** Where events are posted to. Times are wall-clock ms. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  /** `null`: all. */
  readonly kinds: readonly string[] | null;
  /** `null`: everything. */
  readonly domain: string | null;
  readonly secret: string;
  /** Signs too, until {@link formerUntil}. */
  readonly formerSecret: string | null;
  readonly formerUntil: number | null;
  readonly enabled: boolean;
  /** Why it was disabled by the server. */
  readonly reason: string | null;
  /** First failure since the last success. */
  readonly failingSince: number | null;
  readonly position: number;
  readonly created: number;
  /** The user who has made it, or changed it last, and may have it therefore. */
  readonly creator: string;
  readonly creatorUid: string | null;
  readonly version: number;
}

/** Who may have a webhook, and is told what it is: who opens which device is among that. */
export const webhookPermissions = ['webhooks.write', 'events.read', 'audit.read'] as const;

export type Maker = Pick<UserRecord, 'name' | 'uid'>;

export type WebhookSettings = Pick<Webhook, 'url' | 'description' | 'kinds' | 'domain' | 'enabled'>;

type Row = {
  readonly [Key in keyof Omit<Webhook, 'kinds' | 'enabled'>]: Webhook[Key];
} & { readonly kinds: string | null; readonly enabled: number };

const columns = `id, url, description, kinds, domain, secret, former_secret AS "formerSecret", former_until AS "formerUntil",
  enabled, reason, failing_since AS "failingSince", position, created, creator,
  creator_uid AS "creatorUid", version`;

const selectAll = `SELECT ${columns} FROM fleet_webhooks`;
const selectOne = `${selectAll} WHERE id = ?`;

/** The webhooks in the store. What is decided and changed is a part of a transaction. */
export class Webhooks {
  readonly #database: Tables;
  readonly #eventLog: EventLog;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'webhooksPerDomain' | 'formerSecretMs'>;

  constructor(
    database: Tables,
    eventLog: EventLog,
    clock: Clock,
    limits: Pick<Limits, 'webhooksPerDomain' | 'formerSecretMs'>,
  ) {
    this.#database = database;
    this.#eventLog = eventLog;
    this.#clock = clock;
    this.#limits = limits;
  }

  async all(): Promise<Webhook[]> {
    return (await this.#database.all<Row>(`${selectAll} ORDER BY created, id`)).map(webhookOf);
  }

  async get(id: string): Promise<Webhook | null> {
    const row = await this.#database.get<Row>(selectOne, id);
    return row ? webhookOf(row) : null;
  }

  /** As {@link get}. */
  *one(id: string): Work<Webhook | null> {
    const row = yield* get<Row>(selectOne, id);
    return row ? webhookOf(row) : null;
  }

  /** `null`: its domain, or everything, has as many as it may have. */
  *add(settings: WebhookSettings, creator: Maker): Work<Webhook | null> {
    if (!(yield* this.#hasRoom(settings.domain))) return null;
    const id = `wh_${randomBytes(9).toString('base64url')}`;
    const position = yield* lastSequence();
    yield* run(
      `INSERT INTO fleet_webhooks (url, description, kinds, domain, enabled, id, secret, position, created, creator, creator_uid, version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
      ...[...valuesOf(settings), id, newSecret(), position, this.#clock.date(), creator.name, creator.uid],
    );
    return yield* this.one(id);
  }

  /**
   * Whoever switches it on begins anew, with what happens from now on. `null`: as for {@link add}.
   */
  *change(webhook: Webhook, settings: WebhookSettings, by: Maker): Work<Webhook | null> {
    if (settings.domain !== webhook.domain && !(yield* this.#hasRoom(settings.domain))) return null;
    const begins = settings.enabled && !webhook.enabled;
    if (begins) {
      // What still waits from before is over too.
      yield* run(
        "UPDATE fleet_deliveries SET state = 'failed', next = NULL WHERE webhook = ? AND state = 'waiting'",
        webhook.id,
      );
    }
    // Those who may see a webhook of this domain are not to see what was sent of others.
    if (settings.domain !== webhook.domain)
      yield* run('DELETE FROM fleet_deliveries WHERE webhook = ?', webhook.id);
    const failingSince = begins || settings.url !== webhook.url ? null : webhook.failingSince;
    const position = begins ? yield* lastSequence() : webhook.position;
    yield* run(
      `UPDATE fleet_webhooks SET url = ?, description = ?, kinds = ?, domain = ?, enabled = ?, creator = ?, creator_uid = ?,
         reason = NULL, failing_since = ?, position = ?, version = version + 1 WHERE id = ?`,
      ...[...valuesOf(settings), by.name, by.uid, failingSince, position, webhook.id],
    );
    return (yield* this.one(webhook.id)) ?? webhook;
  }

  *#hasRoom(domain: string | null): Work<boolean> {
    const count = yield* get<{ n: number }>(
      'SELECT count(*) AS n FROM fleet_webhooks WHERE domain IS NOT DISTINCT FROM ?',
      domain,
    );
    return (count?.n ?? 0) < this.#limits.webhooksPerDomain;
  }

  /** The former secret signs too for a while. */
  *renewSecret(webhook: Webhook): Work<Webhook> {
    yield* run(
      'UPDATE fleet_webhooks SET former_secret = secret, former_until = ?, secret = ?, version = version + 1 WHERE id = ?',
      ...[this.#clock.date() + this.#limits.formerSecretMs, newSecret(), webhook.id],
    );
    return (yield* this.one(webhook.id)) ?? webhook;
  }

  /** With its deliveries. */
  *remove(id: string): Work<void> {
    yield* run('DELETE FROM fleet_deliveries WHERE webhook = ?', id);
    yield* run('DELETE FROM fleet_webhooks WHERE id = ?', id);
  }

  /** What comes before this is in the outbox, by the same transaction. */
  *moveTo(id: string, position: number): Work<void> {
    yield* run('UPDATE fleet_webhooks SET position = ? WHERE id = ?', position, id);
  }

  *succeeded(id: string): Work<void> {
    yield* run(
      'UPDATE fleet_webhooks SET failing_since = NULL WHERE id = ? AND failing_since IS NOT NULL',
      id,
    );
  }

  /** Since when it fails, wall-clock ms. */
  *failed({ id, failingSince }: Webhook): Work<number> {
    if (failingSince !== null) return failingSince;
    const now = this.#clock.date();
    yield* run('UPDATE fleet_webhooks SET failing_since = ? WHERE id = ?', now, id);
    return now;
  }

  /** Gives it up, and tells it as an event, both or neither. */
  *disable({ id, domain }: Webhook, reason: string): Work<void> {
    const changes = yield* run(
      'UPDATE fleet_webhooks SET enabled = 0, reason = ?, version = version + 1 WHERE id = ? AND enabled = 1',
      ...[reason, id],
    );
    if (changes === 0) return;
    const data = { webhook: id, reason };
    yield* this.#eventLog.note({
      kind: 'webhook.disabled',
      time: this.#clock.date(),
      ...(domain === null ? {} : { domain }),
      data,
    });
  }
}

/** What it is told of. */
export function targetOf({ domain }: Pick<Webhook, 'domain'>): Target {
  return domain === null ? { kind: 'everything' } : { kind: 'domain', domain };
}

function webhookOf(row: Row): Webhook {
  return {
    ...row,
    kinds: row.kinds === null ? null : (JSON.parse(row.kinds) as string[]),
    enabled: row.enabled === 1,
  };
}

function valuesOf({ url, description, kinds, domain, enabled }: WebhookSettings) {
  return [url, description, kinds && JSON.stringify(kinds), domain, enabled ? 1 : 0];
}
