import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { matching } from '../api/pattern.ts';
import { conflict, fieldProblem, notFound } from '../api/problem.ts';
import { eventKinds } from '../events/log/kinds.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { isKnownDomain, unknownDomain } from '../rights/known-domain.ts';
import type { Tables, Work } from '../store/tables.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type Delivery, deliveryColumns, type Outbox } from './outbox.ts';
import { targetOf, type Webhook, type Webhooks, webhookPermissions } from './webhooks.ts';

export interface WebhooksContext {
  readonly database: Tables;
  readonly webhooks: Webhooks;
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher;
  readonly limits: Limits;
}

const time = Type.String({ format: 'date-time' });
const orNull = (schema: ReturnType<typeof Type.String | typeof Type.Integer>) =>
  Type.Union([schema, Type.Null()]);
const url = Type.String({
  minLength: 1,
  maxLength: defaultLimits.webhookUrlLength,
  description: 'https://…, where the messages are posted to.',
});
const description = Type.String({ maxLength: 200 });
const kinds = Type.Union(
  [
    Type.Array(Type.Enum(Object.keys(eventKinds), { type: 'string' }), { minItems: 1, uniqueItems: true }),
    Type.Null(),
  ],
  { description: 'Kinds of events; null: all.' },
);
const domain = Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()], {
  description: 'Only events of this domain; null: everything.',
});
const enabled = Type.Boolean();
const webhookFields = {
  id: Type.String(),
  url,
  description,
  kinds,
  domain,
  enabled,
  reason: { ...orNull(Type.String()), description: 'Why the server has disabled it.' },
  failingSince: { ...orNull(time), description: 'The first failure since the last success.' },
  waiting: Type.Integer({ description: 'Messages that are still to be delivered.' }),
  created: time,
  creator: Type.String({
    description:
      'Who has made it, or changed it last. It is disabled when this user is gone or may not have it any more.',
  }),
  version: Type.Integer(),
};
const webhookSchema = Type.Object(webhookFields);
const withSecret = Type.Object({
  ...webhookFields,
  secret: Type.String({ description: 'Signs the messages. It is not shown again.' }),
});
const deliveryFields = {
  id: Type.String(),
  message: Type.String({ description: '`webhook-id`.' }),
  kind: Type.String(),
  state: Type.Enum(['waiting', 'delivered', 'failed'], { type: 'string' }),
  attempts: Type.Integer(),
  created: time,
  next: { ...orNull(time), description: 'The next attempt is not before this.' },
  tried: { ...orNull(time), description: 'The last attempt.' },
  status: { ...orNull(Type.Integer()), description: 'HTTP status of its answer.' },
  error: { ...orNull(Type.String()), description: 'Why there was no answer.' },
  answer: { ...orNull(Type.String()), description: 'The first bytes of the answer.' },
  milliseconds: { ...orNull(Type.Integer()), description: 'How long the last attempt took.' },
};
const deliverySchema = Type.Object(deliveryFields);
const deliveryWithPayload = Type.Object({
  ...deliveryFields,
  payload: Type.String({ description: 'The body that is posted.' }),
});
const byId = Type.Object({ id: Type.String({ maxLength: 64 }) });
const byDelivery = Type.Object({
  id: Type.String({ maxLength: 64 }),
  delivery: Type.String({ ...matching('^[0-9]{1,15}$', 'must be a number') }),
});
const tag = 'Webhooks';
const needs = 'webhooks.write';

/** Webhooks, and what was sent to them. `webhooks.write` shows them. Their deliveries also need the permissions of what they are told. */
export function webhookEndpoints(context: WebhooksContext): Endpoint[] {
  const { database, webhooks, outbox, dispatcher, limits } = context;

  const seen = (caller: Caller, id: string, webhook: Webhook | null): Webhook => {
    if (!webhook || !caller.may(needs, targetOf(webhook))) throw notFound(`webhook ${id}`);
    return webhook;
  };
  const found = async (caller: Caller, id: string) => seen(caller, id, await webhooks.get(id));
  function* foundWithin(caller: Caller, id: string): Work<Webhook> {
    return seen(caller, id, yield* webhooks.one(id));
  }
  const full = ({ domain: only }: Pick<Webhook, 'domain'>) => {
    const where = only === null ? 'everything' : `domain ${only}`;
    return conflict(`${where}: has ${limits.webhooksPerDomain} webhooks, and no more are possible`);
  };
  /** A webhook is told who opens which device: an API key has to name that too. */
  const requireTold = (caller: Caller, settings: Pick<Webhook, 'domain'>) => {
    for (const permission of webhookPermissions) caller.require(permission, targetOf(settings));
  };
  function* requireAll(caller: Caller, settings: Pick<Webhook, 'domain'>): Work<void> {
    requireTold(caller, settings);
    if (settings.domain !== null && !(yield* isKnownDomain(caller, settings.domain)))
      throw fieldProblem('/domain', unknownDomain);
  }
  const shown = async (webhook: Webhook) => presented(webhook, await outbox.waiting(webhook.id));
  const deliveryOf = async (caller: Caller, id: string, delivery: string): Promise<Delivery> => {
    requireTold(caller, await found(caller, id));
    const one = await outbox.get(Number(delivery));
    if (one?.webhook !== id) throw notFound(`delivery ${delivery}`);
    return one;
  };

  return [
    endpoint({
      operation: 'listWebhooks',
      method: 'GET',
      path: '/webhooks',
      tag,
      summary: 'Lists the webhooks.',
      needs,
      query: Type.Object(pageQuery),
      replies: [{ status: 200, description: 'A page of webhooks.', schema: pageOf(webhookSchema) }],
      async handle({ caller, query: { limit, cursor } }) {
        const [after = 0] = readCursor(cursor, 'integer') ?? [];
        // There are few.
        const all = (await webhooks.all()).filter((webhook) => caller.may(needs, targetOf(webhook)));
        const rows = all.slice(after, after + limit + 1).map(async (webhook, index) => ({
          item: await shown(webhook),
          next: after + index + 1,
        }));
        return {
          body: pageFrom(
            await Promise.all(rows),
            limit,
            ({ item }) => item,
            ({ next }) => [next],
          ),
        };
      },
    }),
    endpoint({
      operation: 'createWebhook',
      method: 'POST',
      path: '/webhooks',
      tag,
      summary: 'Adds a webhook. Its secret is shown once.',
      needs,
      body: Type.Object({
        url,
        description: Type.Optional(description),
        kinds: Type.Optional(kinds),
        domain: Type.Optional(domain),
      }),
      replies: [{ status: 201, description: 'The webhook, with its secret.', schema: withSecret }],
      async handle({ caller, body, note }) {
        const settings = {
          url: checkedUrl(body.url),
          description: body.description ?? '',
          kinds: body.kinds ?? null,
          domain: body.domain ?? null,
          enabled: true,
        };
        const webhook = await database.transact(function* () {
          yield* requireAll(caller, settings);
          return yield* webhooks.add(settings, caller.identity.user);
        });
        if (!webhook) throw full(settings);
        note(`added the webhook ${webhook.id}`);
        return { body: { ...(await shown(webhook)), secret: webhook.secret }, version: webhook.version };
      },
    }),
    endpoint({
      operation: 'getWebhook',
      method: 'GET',
      path: '/webhooks/{id}',
      tag,
      summary: 'Shows a webhook.',
      needs,
      parameters: byId,
      replies: [{ status: 200, description: 'The webhook.', schema: webhookSchema }],
      async handle({ caller, parameters: { id } }) {
        const webhook = await found(caller, id);
        return { body: await shown(webhook), version: webhook.version };
      },
    }),
    endpoint({
      operation: 'changeWebhook',
      method: 'PATCH',
      path: '/webhooks/{id}',
      tag,
      summary: 'Changes a webhook. One that is enabled again gets what happens from then on.',
      needs,
      parameters: byId,
      conditional: true,
      body: Type.Object({
        url: Type.Optional(url),
        description: Type.Optional(description),
        kinds: Type.Optional(kinds),
        domain: Type.Optional(domain),
        enabled: Type.Optional(enabled),
      }),
      replies: [{ status: 200, description: 'The webhook.', schema: webhookSchema }],
      async handle({ caller, parameters: { id }, body, checkVersion, note }) {
        const changed = await database.transact(function* () {
          const webhook = yield* foundWithin(caller, id);
          checkVersion(webhook.version);
          const settings = {
            url: body.url === undefined ? webhook.url : checkedUrl(body.url),
            description: body.description ?? webhook.description,
            kinds: body.kinds === undefined ? webhook.kinds : body.kinds,
            domain: body.domain === undefined ? webhook.domain : body.domain,
            enabled: body.enabled ?? webhook.enabled,
          };
          yield* requireAll(caller, settings);
          const after = yield* webhooks.change(webhook, settings, caller.identity.user);
          if (!after) throw full(settings);
          return after;
        });
        note(`changed the webhook ${id}`);
        dispatcher.wake();
        return { body: await shown(changed), version: changed.version };
      },
    }),
    endpoint({
      operation: 'removeWebhook',
      method: 'DELETE',
      path: '/webhooks/{id}',
      tag,
      summary: 'Removes a webhook, with what waits for it.',
      needs,
      parameters: byId,
      replies: [{ status: 204, description: 'It is removed.' }],
      async handle({ caller, parameters: { id }, note }) {
        await database.transact(function* () {
          yield* webhooks.remove((yield* foundWithin(caller, id)).id);
        });
        note(`removed the webhook ${id}`);
        return {};
      },
    }),
    endpoint({
      operation: 'renewWebhookSecret',
      method: 'POST',
      path: '/webhooks/{id}/secret',
      tag,
      summary: 'Makes another secret. The former one signs too for a day.',
      needs,
      parameters: byId,
      replies: [{ status: 200, description: 'The webhook, with its new secret.', schema: withSecret }],
      async handle({ caller, parameters: { id }, note }) {
        const webhook = await database.transact(function* () {
          return yield* webhooks.renewSecret(yield* foundWithin(caller, id));
        });
        note(`renewed the secret of the webhook ${id}`);
        return { body: { ...(await shown(webhook)), secret: webhook.secret }, version: webhook.version };
      },
    }),
    endpoint({
      operation: 'testWebhook',
      method: 'POST',
      path: '/webhooks/{id}/test',
      tag,
      summary: 'Sends the message `webhook.test` to a webhook.',
      needs,
      parameters: byId,
      replies: [{ status: 202, description: 'The delivery, which is under way.', schema: deliverySchema }],
      async handle({ caller, parameters: { id } }) {
        const delivery = await database.transact(function* () {
          requireEnabled(yield* foundWithin(caller, id));
          if ((yield* outbox.countWaiting(id)) >= limits.webhookWaiting)
            throw conflict('too many messages wait for this webhook');
          return yield* outbox.addOwn(id, 'webhook.test');
        });
        if (!delivery) throw notFound(`webhook ${id}`);
        dispatcher.wake();
        return { body: deliveryPresented(delivery) };
      },
    }),
    endpoint({
      operation: 'listDeliveries',
      method: 'GET',
      path: '/webhooks/{id}/deliveries',
      tag,
      summary: 'Lists the messages to a webhook, the latest first.',
      needs,
      parameters: byId,
      query: Type.Object({
        ...pageQuery,
        state: Type.Optional(Type.Enum(['waiting', 'delivered', 'failed'], { type: 'string' })),
      }),
      replies: [{ status: 200, description: 'A page of deliveries.', schema: pageOf(deliverySchema) }],
      async handle({ caller, parameters: { id }, query: { limit, cursor, state } }) {
        requireTold(caller, await found(caller, id));
        const [before = Number.MAX_SAFE_INTEGER] = readCursor(cursor, 'integer') ?? [];
        const rows = await database.read<Delivery>(
          `SELECT ${deliveryColumns} FROM fleet_deliveries WHERE webhook = ? AND id < ? AND (CAST(? AS TEXT) IS NULL OR state = ?)
           ORDER BY id DESC LIMIT ?`,
          id,
          before,
          state ?? null,
          state ?? null,
          limit + 1,
        );
        return { body: pageFrom(rows, limit, deliveryPresented, (row) => [row.id]) };
      },
    }),
    endpoint({
      operation: 'getDelivery',
      method: 'GET',
      path: '/webhooks/{id}/deliveries/{delivery}',
      tag,
      summary: 'Shows a message to a webhook, and what was posted.',
      needs,
      parameters: byDelivery,
      replies: [{ status: 200, description: 'The delivery.', schema: deliveryWithPayload }],
      async handle({ caller, parameters: { id, delivery } }) {
        const one = await deliveryOf(caller, id, delivery);
        return { body: { ...deliveryPresented(one), payload: one.payload } };
      },
    }),
    endpoint({
      operation: 'replayDelivery',
      method: 'POST',
      path: '/webhooks/{id}/deliveries/{delivery}/replay',
      tag,
      summary: 'Sends a message once more, with the same `webhook-id`.',
      needs,
      parameters: byDelivery,
      replies: [{ status: 202, description: 'The delivery, which is under way.', schema: deliverySchema }],
      async handle({ caller, parameters: { id, delivery }, note }) {
        const one = await deliveryOf(caller, id, delivery);
        const again = await database.transact(function* () {
          const webhook = yield* foundWithin(caller, id);
          requireTold(caller, webhook);
          requireEnabled(webhook);
          return yield* outbox.replay(one.id);
        });
        if (!again) throw notFound(`delivery ${delivery}`);
        note(`sent the message ${one.message} to the webhook ${id} once more`);
        dispatcher.wake();
        return { body: deliveryPresented(again) };
      },
    }),
  ];
}

function requireEnabled({ enabled: on }: Webhook): void {
  if (!on) throw conflict('the webhook is disabled');
}

function checkedUrl(text: string): string {
  const problem = (detail: string) => fieldProblem('/url', detail);
  if (!URL.canParse(text)) throw problem('is no address');
  const { protocol, username, password, hash, href } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') throw problem('must begin with https://');
  if (username !== '' || password !== '')
    throw problem('must hold no name and password: the signature is the proof');
  if (hash !== '') throw problem('must have no fragment');
  return href;
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function presented(webhook: Webhook, waiting: number) {
  const { id, url: address, creator, reason, version } = webhook;
  return {
    id,
    url: address,
    description: webhook.description,
    kinds: webhook.kinds,
    domain: webhook.domain,
    enabled: webhook.enabled,
    reason,
    failingSince: iso(webhook.failingSince),
    waiting,
    created: iso(webhook.created),
    creator,
    version,
  };
}

function deliveryPresented(delivery: Delivery) {
  const { message, kind, state, attempts, status, error, answer } = delivery;
  return {
    id: String(delivery.id),
    message,
    kind,
    state,
    attempts,
    created: iso(delivery.created),
    next: iso(delivery.state === 'waiting' ? delivery.next : null),
    tried: iso(delivery.tried),
    status,
    error,
    answer,
    milliseconds: delivery.ms,
  };
}
