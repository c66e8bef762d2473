import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { EventLog, LoggedEvent } from '../events/log/event-log.ts';
import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import type { Delivery, Outbox } from './outbox.ts';
import type { Outcome, Posting } from './post.ts';
import { askedPause, pauseAfter } from './retries.ts';
import { signedHeaders } from './signature.ts';
import type { Webhook, Webhooks } from './webhooks.ts';

export interface DispatcherContext {
  readonly database: FleetDatabase;
  readonly eventLog: EventLog;
  readonly webhooks: Webhooks;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
  readonly random: () => number;
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
      try {
        await this.look();
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) log.error({ err: error }, 'webhooks failed');
      }
      if (last === eventLog.last) {
        await eventLog.grown(last, limits.webhookTickMs, signal, (wake) => {
          this.#wake = wake;
        });
      }
    }
  }

  /** Something is to be sent at once. */
  wake(): void {
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
    const { webhooks, database, mayHave } = this.#context;
    const all = webhooks.all();
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
          webhooks.disable(webhook, `${webhook.creator}, whose it was, may not have it any more`),
        );
        continue;
      }
      const receiver = this.#receiverOf(webhook);
      await this.#take(webhook, receiver);
      this.#send(webhook, receiver, full);
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
    return receiver;
  }

  /** Into the outbox, as far as there is room: what waits longer waits in the log. */
  async #take(webhook: Webhook, receiver: Receiver): Promise<void> {
    const { eventLog, outbox, webhooks, database, limits } = this.#context;
    while (receiver.position < eventLog.last && !this.#stop.signal.aborted) {
      const room = limits.webhookWaiting - outbox.waiting(webhook.id);
      if (room <= 0) return;
      const page = await eventLog.after(receiver.position, Math.min(room, limits.eventsRead));
      if ('lost' in page) {
        const position = eventLog.last;
        database.transaction(() => {
          outbox.addOwn(webhook.id, 'events.lost');
          webhooks.moveTo(webhook.id, position);
        });
        receiver.position = position;
        return;
      }
      const position = page.events.at(-1)?.sequence;
      if (position === undefined) return;
      const wanted = page.events.filter((event) => isFor(webhook, event, eventLog.isOfRemovedDomain(event)));
      // What is not for it may be looked at once more after a restart.
      if (wanted.length > 0 || position - webhook.position > limits.eventsInMemory) {
        database.transaction(() => {
          for (const event of wanted) outbox.add(webhook.id, event);
          webhooks.moveTo(webhook.id, position);
        });
      }
      receiver.position = position;
    }
  }

  /** A receiver that fails gets one post at a time. */
  #send(webhook: Webhook, receiver: Receiver, full: Set<string | null | typeof everybody>): void {
    const { outbox, clock, limits, log } = this.#context;
    const most = receiver.failures > 0 ? 1 : limits.webhookPostsEach;
    if (clock.now() < receiver.until || receiver.running.size >= most) return;
    const { domain } = webhook;
    if (full.has(everybody) || full.has(domain)) return;
    for (const delivery of outbox.due(webhook.id, receiver.running.size + most)) {
      if (receiver.running.size >= most) return;
      if (receiver.running.has(delivery.id)) continue;
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
          if (!(error instanceof StoreUnavailable)) log.error({ err: error }, 'a delivery failed');
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
    const isPresent = () => webhooks.get(webhook.id)?.url === url;
    if (isPresent()) {
      if (good) receiver.failures = 0;
      else {
        receiver.failures++;
        const asked = askedPause(outcome.retryAfter, clock.date(), limits.webhookRetryAfterMs);
        receiver.until =
          clock.now() + Math.max(asked, pauseAfter(receiver.failures, limits.webhookPauseMs, random()));
      }
    }
    await database.transact(function* () {
      outbox.tried(delivery, outcome, good);
      if (!isPresent()) return;
      if (good) return webhooks.succeeded(webhook.id);
      webhooks.failed(webhook.id);
      const since = webhooks.get(webhook.id)?.failingSince ?? clock.date();
      if (outcome.status === 410) yield* webhooks.disable(webhook, 'its receiver says that it is gone (410)');
      else if (clock.date() - since >= limits.webhookFailingMs) {
        const days = Math.round(limits.webhookFailingMs / 86_400_000);
        yield* webhooks.disable(webhook, `its receiver has failed for ${days} days`);
      }
    });
  }
}

/** Those who set it up may see all of the domain, but nothing of one that had its name before (`isPast`). */
function isFor({ domain, kinds }: Webhook, event: LoggedEvent, isPast: boolean): boolean {
  if (event.kind === 'events.lost') return true;
  if (kinds !== null && !kinds.includes(event.kind)) return false;
  return domain === null || (event.domain === domain && !isPast) || event.kind === 'server.started';
}
