import { randomBytes } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { UserRecord } from 'rm-reflector/ports';
import type { EventLog } from '../events/log/event-log.ts';
import type { Limits } from '../limits.ts';
import type { Target } from '../rights/permission.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import { run, type Work } from '../store/tables.ts';
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

const columns = `id, url, description, kinds, domain, secret, former_secret AS formerSecret, former_until AS formerUntil,
  enabled, reason, failing_since AS failingSince, position, created, creator,
  creator_uid AS creatorUid, version`;

/** The webhooks in the store. All throw `StoreUnavailable`. */
export class Webhooks {
  readonly #database: FleetDatabase;
  readonly #eventLog: EventLog;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'webhooksPerDomain' | 'formerSecretMs'>;

  constructor(
    database: FleetDatabase,
    eventLog: EventLog,
    clock: Clock,
    limits: Pick<Limits, 'webhooksPerDomain' | 'formerSecretMs'>,
  ) {
    this.#database = database;
    this.#eventLog = eventLog;
    this.#clock = clock;
    this.#limits = limits;
  }

  all(): Webhook[] {
    return this.#database
      .prepare<Row>(`SELECT ${columns} FROM fleet_webhooks ORDER BY created, id`)
      .all()
      .map(webhookOf);
  }

  get(id: string): Webhook | null {
    const row = this.#database.prepare<Row>(`SELECT ${columns} FROM fleet_webhooks WHERE id = ?`).get(id);
    return row ? webhookOf(row) : null;
  }

  /** `null`: its domain, or everything, has as many as it may have. */
  add(settings: WebhookSettings, creator: Maker): Webhook | null {
    return this.#database.transaction(() => {
      if (!this.#hasRoom(settings.domain)) return null;
      const id = `wh_${randomBytes(9).toString('base64url')}`;
      this.#database
        .prepare(
          `INSERT INTO fleet_webhooks (id, url, description, kinds, domain, secret, enabled, position, created, creator, creator_uid, version)
           VALUES (@id, @url, @description, @kinds, @domain, @secret, @enabled, @position, @created, @creator, @uid, 1)`,
        )
        .run({
          ...rowOf(settings),
          id,
          secret: newSecret(),
          position: this.#last(),
          created: this.#clock.date(),
          creator: creator.name,
          uid: creator.uid,
        });
      return this.get(id);
    });
  }

  /**
   * Within a transaction of the caller. Whoever switches it on begins anew, with what happens from now on. `null`: as for
   * {@link add}.
   */
  change(webhook: Webhook, settings: WebhookSettings, by: Maker): Webhook | null {
    if (settings.domain !== webhook.domain && !this.#hasRoom(settings.domain)) return null;
    const begins = settings.enabled && !webhook.enabled;
    if (begins) {
      // What still waits from before is over too.
      this.#database
        .prepare(
          "UPDATE fleet_deliveries SET state = 'failed', next = NULL WHERE webhook = ? AND state = 'waiting'",
        )
        .run(webhook.id);
    }
    // Those who may see a webhook of this domain are not to see what was sent of others.
    if (settings.domain !== webhook.domain)
      this.#database.prepare('DELETE FROM fleet_deliveries WHERE webhook = ?').run(webhook.id);
    this.#database
      .prepare(
        `UPDATE fleet_webhooks SET url = @url, description = @description, kinds = @kinds, domain = @domain, enabled = @enabled,
           creator = @creator, creator_uid = @uid, reason = NULL, failing_since = @failingSince, position = @position, version = version + 1 WHERE id = @id`,
      )
      .run({
        ...rowOf(settings),
        id: webhook.id,
        creator: by.name,
        uid: by.uid,
        failingSince: begins || settings.url !== webhook.url ? null : webhook.failingSince,
        position: begins ? this.#last() : webhook.position,
      });
    return this.get(webhook.id) ?? webhook;
  }

  /** What is in the log by now is over. */
  #last(): number {
    const select = 'SELECT coalesce(max(sequence), 0) AS last FROM fleet_events';
    return this.#database.prepare<{ last: number }>(select).get()?.last ?? 0;
  }

  #hasRoom(domain: string | null): boolean {
    const count = this.#database.prepare<{ n: number }>(
      'SELECT count(*) AS n FROM fleet_webhooks WHERE domain IS ?',
    );
    return (count.get(domain)?.n ?? 0) < this.#limits.webhooksPerDomain;
  }

  /** Within a transaction of the caller. The former secret signs too for a while. */
  renewSecret(webhook: Webhook): Webhook {
    this.#database
      .prepare(
        'UPDATE fleet_webhooks SET former_secret = secret, former_until = ?, secret = ?, version = version + 1 WHERE id = ?',
      )
      .run(this.#clock.date() + this.#limits.formerSecretMs, newSecret(), webhook.id);
    return this.get(webhook.id) ?? webhook;
  }

  /** With its deliveries. */
  remove(id: string): void {
    this.#database.prepare('DELETE FROM fleet_deliveries WHERE webhook = ?').run(id);
    this.#database.prepare('DELETE FROM fleet_webhooks WHERE id = ?').run(id);
  }

  /** What comes before this is in the outbox. Within the transaction that puts it there. */
  moveTo(id: string, position: number): void {
    this.#database.prepare('UPDATE fleet_webhooks SET position = ? WHERE id = ?').run(position, id);
  }

  succeeded(id: string): void {
    this.#database
      .prepare('UPDATE fleet_webhooks SET failing_since = NULL WHERE id = ? AND failing_since IS NOT NULL')
      .run(id);
  }

  failed(id: string): void {
    this.#database
      .prepare('UPDATE fleet_webhooks SET failing_since = ? WHERE id = ? AND failing_since IS NULL')
      .run(this.#clock.date(), id);
  }

  /** Gives it up, and tells it as an event, both or neither. Within a transaction. */
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

function rowOf({ url, description, kinds, domain, enabled }: WebhookSettings) {
  return { url, description, kinds: kinds && JSON.stringify(kinds), domain, enabled: enabled ? 1 : 0 };
}
