import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventLog } from '../events/log/event-log.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { Dispatcher } from '../webhooks/dispatcher.ts';
import { Outbox } from '../webhooks/outbox.ts';
import type { Outcome, Posting } from '../webhooks/post.ts';
import { type Webhook, type WebhookSettings, Webhooks } from '../webhooks/webhooks.ts';
import type { TablesSubject } from './tables-conformance.ts';

const alice = { name: 'alice', uid: 'of alice' };
const limits: Limits = { ...defaultLimits, webhooksPerDomain: 3, deliveriesKept: 2 };
const taken: Outcome = { status: 204, error: null, answer: '', retryAfter: null, ms: 7 };

/** What every engine keeps of webhooks, and what is posted from it. `open`: one for each test. */
export function webhooksConformance(name: string, open: () => Promise<TablesSubject>): void {
  describe(`webhooks: ${name}`, () => {
    let subject: TablesSubject;
    let eventLog: EventLog;
    let webhooks: Webhooks;
    let outbox: Outbox;
    beforeEach(async () => {
      subject = await open();
      const { tables, clock } = subject;
      eventLog = new EventLog(tables, clock, limits);
      webhooks = new Webhooks(tables, eventLog, clock, limits);
      outbox = new Outbox(tables, clock, limits, () => 0.5);
    });
    afterEach(() => subject.end());

    const add = (settings: Partial<WebhookSettings> = {}) => {
      const all = {
        url: 'https://example.com/',
        description: 'Ä',
        kinds: null,
        domain: 'acme',
        enabled: true,
      };
      return subject.tables.transact(() => webhooks.add({ ...all, ...settings }, alice));
    };
    const added = async (settings: Partial<WebhookSettings> = {}): Promise<Webhook> => {
      const webhook = await add(settings);
      if (!webhook) throw new Error('there are too many');
      return webhook;
    };
    const change = (webhook: Webhook, settings: Partial<WebhookSettings>) =>
      subject.tables.transact(() => webhooks.change(webhook, { ...webhook, ...settings }, alice));
    const happens = (...domains: string[]) =>
      eventLog.append(
        domains.map((domain) => ({ kind: 'device.added', time: subject.clock.date(), domain })),
      );
    const tell = async ({ id }: Webhook) => {
      const delivery = await subject.tables.transact(() => outbox.addOwn(id, 'webhook.test'));
      if (!delivery) throw new Error('nothing was added');
      return delivery;
    };

    test('are as many as a domain, or everything, may have, whoever comes at once', async () => {
      const both = ['acme', null].flatMap((domain) => Array.from({ length: 5 }, () => add({ domain })));
      const made = (await Promise.all(both)).map((webhook) => webhook?.domain);
      expect(made.filter((domain) => domain === 'acme')).toHaveLength(3);
      expect(made.filter((domain) => domain === null)).toHaveLength(3);
      const other = await added({ domain: 'other' });
      expect(await change(other, { domain: 'acme' })).toBeNull();
      expect(await webhooks.get(other.id)).toEqual(other);
    });

    test('are kept as they are set, from the last event on', async () => {
      await happens('acme', 'acme');
      const webhook = await added({ kinds: ['device.added'] });
      expect(webhook).toEqual({
        ...{ id: expect.any(String), url: 'https://example.com/', description: 'Ä', kinds: ['device.added'] },
        ...{ domain: 'acme', secret: expect.any(String), formerSecret: null, formerUntil: null },
        ...{ enabled: true, reason: null, failingSince: null, position: eventLog.last, version: 1 },
        ...{ created: subject.clock.date(), creator: 'alice', creatorUid: 'of alice' },
      });
      expect([await webhooks.all(), await webhooks.get('another')]).toEqual([[webhook], null]);
      const renewed = await subject.tables.transact(() => webhooks.renewSecret(webhook));
      expect(renewed).toMatchObject({ formerSecret: webhook.secret, version: 2 });
      expect(renewed.secret).not.toBe(webhook.secret);
      const disabled = await change(renewed, { enabled: false, kinds: null });
      await happens('acme');
      if (!disabled) throw new Error('there are too many');
      expect(disabled).toMatchObject({ enabled: false, kinds: null, position: webhook.position });
      expect(await change(disabled, { enabled: true })).toMatchObject({
        position: eventLog.last,
        version: 4,
      });
      await subject.tables.transact(() => webhooks.remove(webhook.id));
      expect(await webhooks.all()).toEqual([]);
    });

    test('lose what waits when they are removed, are of another domain, or when their domain goes', async () => {
      const count = async () =>
        (await subject.tables.get<{ n: number }>('SELECT count(*) AS n FROM fleet_deliveries'))?.n;
      await subject.tables.run('INSERT INTO fleet_domains (id, created) VALUES (?, 0)', 'acme');
      const [first, second] = [await added(), await added({ domain: 'other' })];
      for (const webhook of [first, second]) await tell(webhook);
      expect([await count(), await outbox.waiting(first.id)]).toEqual([2, 1]);
      await change(second, { domain: 'west' });
      expect([await count(), await outbox.waiting(second.id)]).toEqual([1, 0]);
      await subject.tables.run('DELETE FROM fleet_domains WHERE id = ?', 'acme');
      expect([await count(), (await webhooks.all()).map(({ id }) => id)]).toEqual([0, [second.id]]);
      await tell(second);
      await subject.tables.transact(() => webhooks.remove(second.id));
      expect(await count()).toBe(0);
    });

    test('that fail say since when, and are given up once, which is an event', async () => {
      const webhook = await added();
      const { tables, clock } = subject;
      const began = clock.date();
      const failed = async () => {
        const present = (await webhooks.get(webhook.id)) ?? webhook;
        return tables.transact(() => webhooks.failed(present));
      };
      expect(await failed()).toBe(began);
      clock.advance(5);
      expect(await failed()).toBe(began);
      await tables.transact(() => webhooks.succeeded(webhook.id));
      expect((await webhooks.get(webhook.id))?.failingSince).toBeNull();
      for (let n = 0; n < 2; n++) await tables.transact(() => webhooks.disable(webhook, 'it is gone'));
      expect(await webhooks.get(webhook.id)).toMatchObject({
        enabled: false,
        reason: 'it is gone',
        version: 2,
      });
      expect(await tables.all('SELECT kind, domain FROM fleet_events')).toEqual([
        { kind: 'webhook.disabled', domain: 'acme' },
      ]);
    });

    test('have messages that are tried in their order, and kept for a while', async () => {
      const webhook = await added();
      const { tables, clock } = subject;
      const messages = [];
      for (let n = 0; n < 4; n++) {
        messages.push(await tell(webhook));
        clock.advance(1);
      }
      const due = async () => (await outbox.due(webhook.id, 3)).map(({ id }) => id);
      const [first, second, third, last] = messages;
      if (!first || !second || !third || !last) throw new Error('nothing was added');
      expect(await due()).toEqual([first.id, second.id, third.id]);
      expect(await outbox.get(first.id)).toEqual(first);
      // Whatever a receiver says is kept, or says that it was not.
      const odd: Outcome = { ...taken, status: 500, answer: 'no\0Ä', ms: 12 };
      await tables.transact(() => outbox.tried(first, odd, false));
      expect(await outbox.get(first.id)).toMatchObject({
        ...{ state: 'waiting', attempts: 1, status: 500, tried: clock.date(), ms: 12 },
        answer: expect.stringMatching(/^no.Ä$/su),
      });
      const unheard = { ...taken, status: null, answer: null, error: 'odd\0name' };
      await tables.transact(() => outbox.tried(second, unheard, false));
      expect((await outbox.get(second.id))?.error).toMatch(/^odd.name$/su);
      expect(await due()).toEqual([third.id, last.id]);
      for (const message of [third, last]) await tables.transact(() => outbox.tried(message, taken, true));
      // Those that wait are kept beyond the number.
      const again = await outbox.get(first.id);
      if (!again) throw new Error('it is gone');
      // Another process has tried it meanwhile: what comes of an earlier attempt changes nothing.
      await tables.transact(() => outbox.tried(first, taken, true));
      expect(await outbox.get(first.id)).toEqual(again);
      await tables.transact(() => outbox.tried(again, taken, true));
      expect([await outbox.get(first.id), await outbox.get(second.id)]).toMatchObject([
        null,
        { attempts: 1 },
      ]);
      expect(await outbox.get(last.id)).toMatchObject({ state: 'delivered', next: null, answer: '' });
      expect(await tables.transact(() => outbox.replay(last.id))).toMatchObject({
        ...{ state: 'waiting', attempts: 0, message: last.message, next: clock.date() },
      });
      expect(await tables.transact(() => outbox.replay(0))).toBeNull();
    });

    test('get what happens, each of its domain, once', async () => {
      const { tables, clock } = subject;
      const posted: Posting[] = [];
      let told = () => {};
      const all = new Promise<void>((resolve) => {
        told = resolve;
      });
      const dispatcher = new Dispatcher({
        ...{ database: tables, eventLog, webhooks, outbox, clock, limits },
        ...{
          log: pino({ level: 'silent' }),
          random: () => 0.5,
          leads: () => true,
          mayHave: async () => true,
        },
        async post(posting) {
          posted.push(posting);
          if (posted.length === 5) told();
          return taken;
        },
      });
      await added({ url: 'https://acme.example/' });
      await added({ url: 'https://all.example/', domain: null });
      const removed = await added({ url: 'https://gone.example/' });
      await tables.transact(() => webhooks.remove(removed.id));
      await happens('acme', 'other', 'acme');
      const ended = dispatcher.run();
      await all;
      dispatcher.stop();
      await ended;
      const of = (host: string) =>
        posted
          .filter(({ url }) => url === `https://${host}/`)
          .map(({ body }) => (JSON.parse(body) as { data: { domain: string } }).data.domain)
          .sort();
      expect([of('acme.example'), of('all.example')]).toEqual([
        ['acme', 'acme'],
        ['acme', 'acme', 'other'],
      ]);
    });
  });
}
