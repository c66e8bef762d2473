import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { SqliteStore } from 'rm-reflector';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { EventLog } from '../events/log/event-log.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { Dispatcher } from './dispatcher.ts';
import { Outbox } from './outbox.ts';
import type { Outcome, Posting } from './post.ts';
import { type Webhook, type WebhookSettings, Webhooks } from './webhooks.ts';

const day = 86_400_000;
const north = 'north';
const alice = { name: 'alice', uid: 'of alice' };
let folder: string;
let path: string;
let clock: ManualClock;
let open: { database: FleetDatabase; dispatcher: Dispatcher }[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-webhooks-'));
  path = join(folder, 'server.sqlite');
  await SqliteStore.open(path).close();
  clock = new ManualClock();
});
afterEach(async () => {
  for (const { database, dispatcher } of open) {
    dispatcher.stop();
    await database.close();
  }
  open = [];
  rmSync(folder, { recursive: true });
});

/** A server with a receiver whose every answer the test decides. */
function start(
  answer: (posting: Posting) => Partial<Outcome> | Promise<Partial<Outcome>>,
  changed: Partial<Limits> = {},
  leads = () => true,
) {
  const limits = { ...defaultLimits, ...changed };
  const database = new FleetDatabase(path, clock, limits);
  const eventLog = new EventLog(database, clock, limits);
  const webhooks = new Webhooks(database, eventLog, clock, limits);
  const outbox = new Outbox(database, clock, limits, () => 0.5);
  const posted: Posting[] = [];
  /** Users who may have no webhook any more. */
  const lost = new Set<string>();
  const dispatcher = new Dispatcher({
    ...{
      database,
      eventLog,
      webhooks,
      outbox,
      clock,
      limits,
      log: pino({ level: 'silent' }),
      random: () => 0.5,
      leads,
      mayHave: async ({ creator }: Webhook) => !lost.has(creator),
    },
    async post(posting) {
      posted.push(posting);
      return { status: null, error: null, answer: null, retryAfter: null, ms: 1, ...(await answer(posting)) };
    },
  });
  open.push({ database, dispatcher });
  /** Looks until nothing is to be done now. */
  const settle = async () => {
    await eventLog.refresh();
    for (let i = 0; i < 20; i++) {
      await dispatcher.look();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const happens = (...domains: (string | undefined)[]) =>
    eventLog.append(
      domains.map((domain) => ({ kind: 'device.added', time: clock.date(), domain, data: { of: domain } })),
    );
  const tryToAdd = (settings: Partial<WebhookSettings>) => {
    const all = { url: 'https://example.com/', description: '', kinds: null, domain: null, enabled: true };
    return database.transact(() => webhooks.add({ ...all, ...settings }, alice));
  };
  const add = async (settings: Partial<WebhookSettings> = {}) => {
    const webhook = await tryToAdd(settings);
    if (!webhook) throw new Error('there are too many');
    return webhook;
  };
  const change = (webhook: Webhook, settings: Partial<WebhookSettings>, by = alice) =>
    database.transact(() => webhooks.change(webhook, { ...webhook, ...settings }, by));
  const rows = () =>
    database
      .prepare<{ state: string; attempts: number; status: number | null }>(
        'SELECT state, attempts, status FROM fleet_deliveries ORDER BY id',
      )
      .all();
  const tables = { database, eventLog, webhooks, outbox };
  return { ...tables, dispatcher, posted, lost, settle, happens, tryToAdd, add, change, rows };
}

const types = (posted: readonly Posting[]) =>
  posted.map(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { domain?: string } };
    return `${type} ${data.domain ?? ''}`;
  });

test('a webhook gets what happens after it was added, of its kinds and its domain', async () => {
  const { happens, add, settle, posted, rows, eventLog } = start(() => ({ status: 204 }));
  await happens('before');
  await add({ domain: north, kinds: ['device.added', 'events.lost'] });
  await happens(north, 'south', undefined);
  await eventLog.append([{ kind: 'device.removed', time: 1, domain: north }]);
  await settle();
  expect(types(posted)).toEqual([`device.added ${north}`]);
  expect(rows()).toEqual([{ state: 'delivered', attempts: 1, status: 204 }]);
});

test('webhookPostsEach, webhookPauseMs: a receiver that fails gets one post at a time, later and later, and then all of it', async () => {
  let good = false;
  const { happens, add, settle, posted, rows } = start(() => (good ? { status: 200 } : { status: 500 }));
  await add();
  await happens(...Array.from({ length: 10 }, () => north));
  await settle();
  // Those that were under way at once.
  expect(posted).toHaveLength(defaultLimits.webhookPostsEach);
  await settle();
  expect(posted).toHaveLength(4);
  clock.advance(60_000);
  await settle();
  expect(posted).toHaveLength(5);
  good = true;
  for (let i = 0; i < 3; i++) {
    clock.advance(400_000);
    await settle();
  }
  expect(new Set(rows().map(({ state }) => state))).toEqual(new Set(['delivered']));
  expect(new Set(posted.map(({ headers }) => headers['webhook-id'])).size).toBe(10);
});

test('webhookPostsPerDomain: receivers of one domain that are slow do not stop those of another', async () => {
  const never = new Promise<Partial<Outcome>>(() => {});
  const { happens, add, settle, posted } = start(({ url }) =>
    url.includes('slow') ? never : { status: 204 },
  );
  for (let i = 0; i < 10; i++) await add({ domain: 'south', url: `https://slow.example.com/${i}` });
  await add({ domain: north });
  await happens(...Array.from({ length: 12 }, () => 'south'), ...Array.from({ length: 12 }, () => north));
  await settle();
  const slow = posted.filter(({ url }) => url.includes('slow'));
  expect(slow).toHaveLength(defaultLimits.webhookPostsPerDomain);
  expect(posted.length - slow.length).toBe(12);
});

test('webhookPosts: the receivers take turns when there is room for few', async () => {
  let answer = () => {};
  const { happens, add, settle, posted } = start(
    () => new Promise((resolve) => (answer = () => resolve({ status: 204 }))),
    { webhookPosts: 1 },
  );
  for (const name of ['a', 'b', 'c']) await add({ url: `https://${name}.example.com/` });
  await happens(north, north);
  for (let i = 0; i < 6; i++) {
    await settle();
    answer();
  }
  const hosts = posted.map(({ url }) => new URL(url).hostname);
  expect(new Set(hosts.slice(0, 3)).size).toBe(3);
  expect(hosts).toEqual([...hosts.slice(0, 3), ...hosts.slice(0, 3)]);
});

test('a message that is not taken does not stop the others, and is given up after three days', async () => {
  const { happens, add, settle, rows, webhooks } = start(({ body }) => ({
    status: body.includes('"bad"') ? 400 : 200,
  }));
  const { id } = await add();
  await happens('bad', north);
  await settle();
  expect(rows().map(({ state }) => state)).toEqual(['waiting', 'delivered']);
  for (let i = 0; i < 100; i++) {
    clock.advance(3_600_000);
    await happens(north);
    await settle();
  }
  expect(rows()[0]).toEqual({ state: 'failed', attempts: 10, status: 400 });
  expect((await webhooks.get(id))?.enabled).toBe(true);
});

test('webhookFailingMs: a receiver that fails for days is disabled, which is an event', async () => {
  const { happens, add, settle, webhooks, database } = start(() => ({ error: 'connect ECONNREFUSED' }));
  const { id } = await add({ domain: north });
  for (let i = 0; i <= 6; i++) {
    await happens(north);
    await settle();
    clock.advance(day);
  }
  expect(await webhooks.get(id)).toMatchObject({
    enabled: false,
    reason: 'its receiver has failed for 5 days',
  });
  const told = database
    .prepare("SELECT domain, data FROM fleet_events WHERE kind = 'webhook.disabled'")
    .all();
  expect(told).toEqual([{ domain: north, data: expect.stringContaining(id) }]);
});

test('a receiver that is gone is disabled at once', async () => {
  const { happens, add, settle, webhooks } = start(() => ({ status: 410 }));
  const { id } = await add();
  await happens(north);
  await settle();
  expect((await webhooks.get(id))?.enabled).toBe(false);
});

test.each([301, 307, 404])('%i is no success', async (status) => {
  const { happens, add, settle, rows } = start(() => ({ status }));
  await add();
  await happens(north);
  await settle();
  expect(rows()).toEqual([{ state: 'waiting', attempts: 1, status }]);
});

test('Retry-After is kept', async () => {
  const { happens, add, settle, posted } = start(() => ({ status: 503, retryAfter: '1000' }));
  await add();
  await happens(north);
  await settle();
  clock.advance(999_000);
  await settle();
  expect(posted).toHaveLength(1);
  clock.advance(2_000);
  await settle();
  expect(posted).toHaveLength(2);
});

test('what is not delivered when the server ends is delivered by the next one, with the same id', async () => {
  const first = start(() => new Promise<never>(() => {}));
  await first.add();
  await first.happens(north);
  await first.settle();
  expect(first.posted).toHaveLength(1);
  first.dispatcher.stop();
  const second = start(() => ({ status: 200 }));
  await second.happens('south');
  await second.settle();
  expect(types(second.posted)).toEqual([`device.added ${north}`, 'device.added south']);
  expect(second.posted[0]?.headers['webhook-id']).toBe(first.posted[0]?.headers['webhook-id']);
});

test('webhookWaiting: the outbox is bounded: what has no place waits in the log, and is told as lost when that is too old', async () => {
  let good = false;
  const limits = { webhookWaiting: 2, eventsKept: 5, eventsInMemory: 1 };
  const { happens, add, settle, rows, database } = start(() => ({ status: good ? 200 : 500 }), limits);
  const read = { reads: 0 };
  database.read = async <Row>(sql: string, ...values: readonly unknown[]) => {
    read.reads++;
    return database.prepare<Row>(sql).all(...values);
  };
  await add();
  await happens('1', '2', '3', '4');
  await settle();
  expect(rows()).toHaveLength(2);
  for (let i = 0; i < 10; i++) await happens('more');
  good = true;
  for (let i = 0; i < 4; i++) {
    clock.advance(3_600_000);
    await settle();
  }
  const kinds = database.prepare<{ kind: string }>('SELECT kind FROM fleet_deliveries ORDER BY id').all();
  expect(kinds.map(({ kind }) => kind)).toEqual(['device.added', 'device.added', 'events.lost']);
  expect(read.reads).toBeGreaterThan(0);
});

test('deliveriesKept: delivered messages are kept for a while, in a bounded number', async () => {
  const { happens, add, settle, rows } = start(() => ({ status: 200 }), { deliveriesKept: 3 });
  await add();
  await happens(...Array.from({ length: 10 }, () => north));
  await settle();
  expect(rows()).toHaveLength(3);
});

test('a webhook that is enabled again gets what happens from then on', async () => {
  const { happens, add, settle, posted, change } = start(() => ({ status: 200 }));
  const webhook = await add({ enabled: false });
  await happens('before');
  await settle();
  await change(webhook, { enabled: true });
  await happens('after');
  await settle();
  expect(types(posted)).toEqual(['device.added after']);
});

test('a webhook that is enabled again does not get what waited when it was disabled', async () => {
  let status = 500;
  const { happens, add, settle, change, posted, rows } = start(() => ({ status }));
  const webhook = await add();
  await happens('old');
  await settle();
  expect(rows()).toMatchObject([{ state: 'waiting' }]);
  const disabled = await change(webhook, { enabled: false });
  if (!disabled) throw new Error('there are too many');
  await settle();
  await change(disabled, { enabled: true });
  status = 204;
  await happens('new');
  clock.advance(day);
  await settle();
  expect(types(posted)).toEqual(['device.added old', 'device.added new']);
  expect(rows()).toMatchObject([{ state: 'failed' }, { state: 'delivered' }]);
});

test('the failures of a former address say nothing of another one', async () => {
  const { happens, add, settle, webhooks, posted, change } = start(({ url }) =>
    url === 'https://example.com/' ? { status: 429, retryAfter: '3600' } : { status: 204 },
  );
  const webhook = await add();
  await happens('first');
  await settle();
  expect((await webhooks.get(webhook.id))?.failingSince).not.toBeNull();
  const url = 'https://example.org/';
  expect(await change(webhook, { url })).toMatchObject({ failingSince: null });
  await happens('second');
  await settle();
  expect(posted.map((one) => one.url)).toEqual(['https://example.com/', url]);
});

test('a former address that says late that it is gone disables nothing', async () => {
  let answer: (outcome: Partial<Outcome>) => void = () => {};
  const { happens, add, settle, webhooks, change } = start(
    () => new Promise<Partial<Outcome>>((resolve) => (answer = resolve)),
  );
  const webhook = await add();
  await happens(north);
  await settle();
  await change(webhook, { url: 'https://example.org/' });
  answer({ status: 410 });
  await settle();
  expect(await webhooks.get(webhook.id)).toMatchObject({ enabled: true, failingSince: null });
});

test('a webhook is disabled when whose it is may not have it any more, and sends nothing then', async () => {
  const { happens, add, settle, posted, lost, webhooks, database, rows, change } = start(() => ({
    status: 200,
  }));
  const webhook = await add({ domain: north });
  await happens(north);
  lost.add('alice');
  await settle();
  expect(await webhooks.get(webhook.id)).toMatchObject({
    enabled: false,
    reason: 'alice, whose it was, may not have it any more',
  });
  const told = database.prepare('SELECT kind, domain FROM fleet_events ORDER BY sequence DESC').get();
  expect(told).toEqual({ kind: 'webhook.disabled', domain: north });
  await happens(north);
  await settle();
  expect([posted, rows()]).toEqual([[], []]);
  // Whoever enables it again answers for it.
  const disabled = (await webhooks.get(webhook.id)) ?? webhook;
  await change(disabled, { enabled: true }, { name: 'olga', uid: 'of olga' });
  await happens(north);
  await settle();
  expect(types(posted)).toEqual([`device.added ${north}`]);
});

test('webhooksPerDomain: what one domain has takes no place of another', async () => {
  const { webhooks, add, tryToAdd, change } = start(() => ({}), { webhooksPerDomain: 2 });
  for (const domain of [north, 'south', null]) for (let n = 0; n < 2; n++) await add({ domain });
  for (const domain of [north, 'south', null]) expect(await tryToAdd({ domain })).toBeNull();
  const other = await add({ domain: 'west' });
  expect(await change(other, { domain: north })).toBeNull();
  expect(await webhooks.get(other.id)).toMatchObject({ domain: 'west', version: 1 });
});

test('a webhook that was behind is not told what happened in a domain that had the name of its own before', async () => {
  const { database, change, happens, add, settle, posted, eventLog } = start(() => ({ status: 200 }));
  const webhook = await add({ domain: 'other' });
  const addDomain = () =>
    database.prepare('INSERT INTO fleet_domains (id, created) VALUES (?, ?)').run(north, 0);
  addDomain();
  await happens(north);
  database.prepare('DELETE FROM fleet_domains WHERE id = ?').run(north);
  await eventLog.refresh();
  addDomain();
  await change(webhook, { domain: north });
  await settle();
  expect(posted).toEqual([]);
  await happens(north);
  await settle();
  expect(types(posted)).toEqual([`device.added ${north}`]);
});

test('deliveriesKeptMs: what was delivered longer ago is gone', async () => {
  const { happens, add, settle, rows } = start(() => ({ status: 200 }));
  await add();
  await happens(north);
  await settle();
  clock.advance(defaultLimits.deliveriesKeptMs);
  await happens(north);
  await settle();
  expect(rows()).toHaveLength(2);
  clock.advance(1);
  await happens(north);
  await settle();
  expect(rows()).toHaveLength(2);
});

test('webhookPosts: receivers that do not answer have no more posts under way', async () => {
  const { happens, add, settle, posted } = start(() => new Promise<never>(() => {}), { webhookPosts: 2 });
  for (let n = 0; n < 4; n++) await add();
  await happens(north);
  await settle();
  expect(posted).toHaveLength(2);
});

test('formerSecretMs: the former secret signs until then', async () => {
  const { happens, add, settle, posted, webhooks, database } = start(() => ({ status: 200 }));
  const webhook = await add();
  await database.transact(() => webhooks.renewSecret(webhook));
  const signatures = async () => {
    await happens(north);
    await settle();
    return posted.at(-1)?.headers['webhook-signature']?.split(' ').length;
  };
  clock.advance(defaultLimits.formerSecretMs - 1);
  expect(await signatures()).toBe(2);
  clock.advance(1);
  expect(await signatures()).toBe(1);
});

test('webhookTickMs: what is to be tried again is found by then', async () => {
  let good = false;
  const { dispatcher, happens, add, posted } = start(() => ({ status: good ? 200 : 500 }));
  await add();
  await happens(north);
  const ended = dispatcher.run();
  const turns = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  await turns();
  expect(posted).toHaveLength(1);
  good = true;
  // The first wait is 5 s.
  for (let ms = 0; ms < 6_000; ms += defaultLimits.webhookTickMs) {
    clock.advance(defaultLimits.webhookTickMs);
    await turns();
  }
  expect(posted).toHaveLength(2);
  dispatcher.stop();
  await ended;
});

test('what comes while it looks is looked for at once', async () => {
  let looks = 0;
  const { dispatcher, webhooks, add } = start(() => ({ status: 200 }));
  await add();
  const all = webhooks.all.bind(webhooks);
  webhooks.all = () => {
    if (++looks === 1) dispatcher.wake();
    return all();
  };
  const ended = dispatcher.run();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(looks).toBe(2);
  dispatcher.stop();
  await ended;
});

test('a message whose post ends while the next ones are read is not sent once more', async () => {
  let answer = (_outcome: Partial<Outcome>) => {};
  const { happens, add, dispatcher, eventLog, outbox, posted, settle, rows } = start(
    () => new Promise<Partial<Outcome>>((resolve) => (answer = resolve)),
  );
  await add();
  await happens(north);
  await eventLog.refresh();
  await dispatcher.look();
  const due = outbox.due.bind(outbox);
  outbox.due = async (...asked) => {
    const found = await due(...asked);
    answer({ status: 200 });
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    return found;
  };
  await settle();
  expect(posted).toHaveLength(1);
  expect(rows()).toEqual([{ state: 'delivered', attempts: 1, status: 200 }]);
});

test('what happens in its former domain is not put into the outbox of a webhook that is changed meanwhile', async () => {
  const { happens, add, change, eventLog, dispatcher, settle, posted, rows } = start(() => ({
    status: 200,
  }));
  const webhook = await add({ domain: north });
  await happens(north);
  const after = eventLog.after.bind(eventLog);
  eventLog.after = async (...asked) => {
    eventLog.after = after;
    const page = await after(...asked);
    await change(webhook, { domain: 'south' });
    return page;
  };
  await dispatcher.look();
  expect(rows()).toEqual([]);
  await happens('south');
  await settle();
  expect(types(posted)).toEqual(['device.added south']);
});

test('a webhook that is removed while it is looked at gets nothing, and the others go on', async () => {
  const { database, webhooks, happens, add, eventLog, settle, posted } = start(() => ({ status: 200 }));
  const { id } = await add({ url: 'https://gone.example.com/' });
  await add();
  await happens(north);
  const after = eventLog.after.bind(eventLog);
  eventLog.after = async (...asked) => {
    eventLog.after = after;
    await database.transact(() => webhooks.remove(id));
    return after(...asked);
  };
  await settle();
  expect(posted.map(({ url }) => url)).toEqual(['https://example.com/']);
});

test('a webhook that is disabled and enabled again between two looks begins anew', async () => {
  const { happens, add, change, eventLog, settle, posted } = start(() => ({ status: 200 }));
  const webhook = await add();
  await settle();
  const disabled = await change(webhook, { enabled: false });
  await happens('before');
  if (!disabled) throw new Error('there are too many');
  await change(disabled, { enabled: true });
  await happens('after');
  await eventLog.refresh();
  await settle();
  expect(types(posted)).toEqual(['device.added after']);
});

test('a process that stood still puts nothing into the outbox that another has put there', async () => {
  let first = true;
  const answer = () => ({ status: 204 });
  const one = start(answer, {}, () => first);
  const two = start(answer, {}, () => !first);
  await one.add();
  await one.settle();
  await one.happens(north);
  await one.eventLog.refresh();
  const { after } = EventLog.prototype;
  let goOn = () => {};
  const stands = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let looking = Promise.resolve();
  await new Promise<void>((read) => {
    one.eventLog.after = async (...asked) => {
      const page = await after.apply(one.eventLog, asked);
      read();
      await stands;
      return page;
    };
    looking = one.dispatcher.look();
  });
  first = false;
  await two.settle();
  goOn();
  await looking;
  await two.settle();
  expect([types(two.posted), one.posted, one.rows().length]).toEqual([[`device.added ${north}`], [], 1]);
});

test('of two processes on one database the one that leads posts, and the other goes on in its place', async () => {
  let first = true;
  let answer = (_posting: Posting): Partial<Outcome> | Promise<Partial<Outcome>> => ({ status: 204 });
  const one = start(
    (posting) => answer(posting),
    {},
    () => first,
  );
  const two = start(
    () => ({ status: 204 }),
    {},
    () => !first,
  );
  const settle = async () => {
    for (const each of [one, two]) await each.settle();
  };
  await one.add();
  await one.happens(north);
  await settle();
  await two.happens('south');
  await settle();
  expect([types(one.posted), types(two.posted)]).toEqual([
    [`device.added ${north}`, 'device.added south'],
    [],
  ]);
  // The first is stopped in the middle of a post, and goes on when another leads.
  let goOn = (_outcome: Partial<Outcome>) => {};
  answer = () =>
    new Promise((resolve) => {
      goOn = resolve;
    });
  await one.happens('east');
  await one.settle();
  first = false;
  await settle();
  // Nobody knows whether it was taken: at least once.
  expect(types(two.posted)).toEqual(['device.added east']);
  goOn({ status: 500 });
  await settle();
  expect(one.rows().map(({ state, attempts }) => [state, attempts])).toEqual([
    ['delivered', 1],
    ['delivered', 1],
    ['delivered', 1],
  ]);
  clock.advance(day);
  first = true;
  answer = () => ({ status: 204 });
  await one.happens('west');
  await settle();
  expect(types(one.posted).slice(3)).toEqual(['device.added west']);
  expect(two.posted).toHaveLength(1);
});
