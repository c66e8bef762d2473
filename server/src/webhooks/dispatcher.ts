import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import { isTold } from 'rm-reflector/ports';
import type { EventLog, LoggedEvent } from '../events/log/event-log.ts';
import type { Limits } from '../limits.ts';
import type { Tables, Work } from '../store/tables.ts';
import type { Delivery, Outbox } from './outbox.ts';
import type { Outcome, Posting } from './post.ts';
import { askedPause, pauseAfter } from './retries.ts';
import { signedHeaders } from './signature.ts';
import type { Webhook, Webhooks } from './webhooks.ts';

export interface DispatcherContext {
  readonly database: Tables;
  readonly eventLog: EventLog;
  readonly webhooks: Webhooks;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
  readonly random: () => number;
  /** Whether this process posts; others on the same database do not then. */
  leads(): boolean;
  /** Whether the user still may have it to whom it belongs. Rejects with `StoreUnavailable`. */
  mayHave(webhook: Webhook): Promise<boolean>;
  post(posting: Posting, signal: AbortSignal): Promise<Outcome>;
}

/** In the place of a domain: there is no room for any. */
const everybody = Symbol('everybody');

/** How one receiver takes it. */
interface Receiver {
  url: string;
  /** Ids of deliveries under way. */
  readonly running: Set<number>;
  failures: number;
  /** Grows from post to post of all: the number of its last one. */
  served: number;
  /** Left alone until then; ms of the clock. */
  until: number;
  /** Events up to here are not for this webhook, or in the outbox. */
  position: number;
}

/** Moves events into the outbox, and what is in the outbox to the receivers: at least once. */
export class Dispatcher {
  readonly #context: DispatcherContext;
  readonly #receivers = new Map<string, Receiver>();
  readonly #stop = new AbortController();
  #running = 0;
  /** Posts under way for each domain; `null`: for webhooks of all. */
  readonly #runningOf = new Map<string | null, number>();
  /** Posts that were begun. */
  #begun = 0;
  #looking: Promise<void> | null = null;
  #wake = () => {};
  /** Something came while it looked. */
  #isWoken = false;

  constructor(context: DispatcherContext) {
    this.#context = context;
  }

  /** Posts under way. */
  get underWay(): number {
    return this.#running;
  }

  /** Until {@link stop}. */
  async run(): Promise<void> {
    const { eventLog, limits, log } = this.#context;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { last } = eventLog;
      this.#isWoken = false;
      try {
        await this.look();
      } catch (error) {
        if (!isTold(error)) log.error({ err: error }, 'webhooks failed');
      }
      if (last === eventLog.last && !this.#isWoken) {
        await eventLog.grown(last, limits.webhookTickMs, signal, (wake) => {
          this.#wake = wake;
        });
      }
    }
  }

  /** Something is to be sent at once. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Does what is to be done now. Rejects with `StoreUnavailable`. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { webhooks, database, mayHave, leads } = this.#context;
    if (!leads()) {
      // Another process goes on from what is in the database, and so does this one when it leads again.
      this.#receivers.clear();
      return;
    }
    const all = await webhooks.all();
    const ids = new Set(all.map(({ id }) => id));
    for (const id of this.#receivers.keys()) if (!ids.has(id)) this.#receivers.delete(id);
    // Whoever has waited for longest comes first: a place that becomes free meanwhile is theirs in the next round.
    const full = new Set<string | null | typeof everybody>();
    const served = ({ id }: Webhook) => this.#receivers.get(id)?.served ?? 0;
    for (const webhook of all.sort((one, other) => served(one) - served(other))) {
      if (!webhook.enabled) {
        this.#receivers.delete(webhook.id);
        continue;
      }
      if (!(await mayHave(webhook))) {
        await database.transact(() =>
          whileUnchanged(webhooks, webhook, () =>
            webhooks.disable(webhook, `${webhook.creator}, whose it was, may not have it any more`),
          ),
        );
        continue;
      }
      const receiver = this.#receiverOf(webhook);
      await this.#take(webhook, receiver);
      await this.#send(webhook, receiver, full);
    }
  }

  #receiverOf({ id, url, position }: Webhook): Receiver {
    let receiver = this.#receivers.get(id);
    if (!receiver) {
      const until = Number.NEGATIVE_INFINITY;
      receiver = { url, running: new Set(), failures: 0, served: 0, until, position };
      this.#receivers.set(id, receiver);
    }
    // Another address has not failed yet.
    if (receiver.url !== url) Object.assign(receiver, { url, failures: 0, until: Number.NEGATIVE_INFINITY });
    // It was enabled again.
    receiver.position = Math.max(receiver.position, position);
    return receiver;
  }

  /** Into the outbox, as far as there is room: what waits longer waits in the log. */
  async #take(webhook: Webhook, receiver: Receiver): Promise<void> {
    const { eventLog, outbox, webhooks, database, limits, leads } = this.#context;
    /** False: another webhook was made of it, or another process has taken these events; the next look knows. */
    const put = (events: readonly LoggedEvent[] | 'lost', position: number) =>
      database.transact(() =>
        whileUnchanged(webhooks, { ...webhook, position: receiver.position }, function* () {
          if (events === 'lost') yield* outbox.addOwn(webhook.id, 'events.lost');
          else for (const event of events) yield* outbox.add(webhook.id, event);
          yield* webhooks.moveTo(webhook.id, position);
        }),
      );
    while (receiver.position < eventLog.last && !this.#stop.signal.aborted && leads()) {
      const room = limits.webhookWaiting - (await outbox.waiting(webhook.id));
      if (room <= 0) return;
      const page = await eventLog.after(receiver.position, Math.min(room, limits.eventsRead));
      if ('lost' in page) {
        const position = eventLog.last;
        if (await put('lost', position)) receiver.position = position;
        return;
      }
      const position = page.events.at(-1)?.sequence;
      if (position === undefined) return;
      const wanted = page.events.filter((event) => isFor(webhook, event, eventLog.isOfRemovedDomain(event)));
      // What is not for it may be looked at once more after a restart.
      const isNews = wanted.length > 0 || position - webhook.position > limits.eventsInMemory;
      if (isNews && !(await put(wanted, position))) return;
      receiver.position = position;
    }
  }

  /** A receiver that fails gets one post at a time. */
  async #send(
    webhook: Webhook,
    receiver: Receiver,
    full: Set<string | null | typeof everybody>,
  ): Promise<void> {
    const { outbox, clock, limits, log, leads } = this.#context;
    const most = receiver.failures > 0 ? 1 : limits.webhookPostsEach;
    if (clock.now() < receiver.until || receiver.running.size >= most) return;
    const { domain } = webhook;
    if (full.has(everybody) || full.has(domain)) return;
    // One that ends while this is read may still be among those that wait.
    const begun = new Set(receiver.running);
    for (const delivery of await outbox.due(webhook.id, begun.size + most)) {
      if (receiver.running.size >= most || this.#stop.signal.aborted || !leads()) return;
      if (begun.has(delivery.id)) continue;
      const ofDomain = this.#runningOf.get(domain) ?? 0;
      if (ofDomain >= limits.webhookPostsPerDomain) full.add(domain);
      if (this.#running >= limits.webhookPosts) full.add(everybody);
      if (full.has(domain) || full.has(everybody)) return;
      receiver.running.add(delivery.id);
      this.#running++;
      this.#runningOf.set(domain, ofDomain + 1);
      receiver.served = ++this.#begun;
      this.#deliver(webhook, receiver, delivery)
        .catch((error) => {
          if (!isTold(error)) log.error({ err: error }, 'a delivery failed');
        })
        .finally(() => {
          receiver.running.delete(delivery.id);
          this.#running--;
          const left = (this.#runningOf.get(domain) ?? 1) - 1;
          if (left > 0) this.#runningOf.set(domain, left);
          else this.#runningOf.delete(domain);
          if (!this.#stop.signal.aborted) this.wake();
        });
    }
  }

  async #deliver(webhook: Webhook, receiver: Receiver, delivery: Delivery): Promise<void> {
    const { clock, limits, database, outbox, webhooks, random } = this.#context;
    const { url, secret, formerSecret, formerUntil } = webhook;
    const now = clock.date();
    const secrets = formerSecret !== null && now < (formerUntil ?? 0) ? [secret, formerSecret] : [secret];
    const headers = signedHeaders(delivery.message, now, delivery.payload, secrets);
    const outcome = await this.#context.post({ url, headers, body: delivery.payload }, this.#stop.signal);
    // Whether it was taken is not known: the next start sends it again.
    if (this.#stop.signal.aborted) return;
    const good = outcome.status !== null && outcome.status >= 200 && outcome.status < 300;
    // What became of a former address says nothing of the present one.
    let isPresent = true;
    try {
      isPresent = await database.transact(function* () {
        yield* outbox.tried(delivery, outcome, good);
        const present = yield* webhooks.one(webhook.id);
        if (present?.url !== url) return false;
        if (good) {
          yield* webhooks.succeeded(webhook.id);
          return true;
        }
        const since = yield* webhooks.failed(present);
        if (outcome.status === 410)
          yield* webhooks.disable(present, 'its receiver says that it is gone (410)');
        else if (clock.date() - since >= limits.webhookFailingMs) {
          const days = Math.round(limits.webhookFailingMs / 86_400_000);
          yield* webhooks.disable(present, `its receiver has failed for ${days} days`);
        }
        return true;
      });
    } finally {
      if (isPresent && receiver.url === url) {
        receiver.failures = good ? 0 : receiver.failures + 1;
        const asked = askedPause(outcome.retryAfter, clock.date(), limits.webhookRetryAfterMs);
        if (!good) {
          receiver.until =
            clock.now() + Math.max(asked, pauseAfter(receiver.failures, limits.webhookPauseMs, random()));
        }
      }
    }
  }
}

/**
 * Does a part of a transaction with a webhook that is as it was read; false: it is not there, is another one by now, or has events from
 * behind `position` in the outbox.
 */
function* whileUnchanged(
  webhooks: Webhooks,
  { id, version, position }: Webhook,
  work: () => Work<void>,
): Work<boolean> {
  const present = yield* webhooks.one(id);
  if (present?.version !== version || present.position > position) return false;
  yield* work();
  return true;
}

/** Those who set it up may see all of the domain, but nothing of one that had its name before (`isPast`). */
function isFor({ domain, kinds }: Webhook, event: LoggedEvent, isPast: boolean): boolean {
  if (event.kind === 'events.lost') return true;
  if (kinds !== null && !kinds.includes(event.kind)) return false;
  return domain === null || (event.domain === domain && !isPast) || event.kind === 'server.started';
}
