import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { EventSubscription } from '../ports/events.ts';
import { settled } from '../testing/settled.ts';
import { EventFeed } from './event-feed.ts';

let clock: ManualClock;
let feed: EventFeed;
beforeEach(() => {
  clock = new ManualClock();
  feed = new EventFeed(clock, { eventsWaiting: 3 });
});

const happen = (event: string) => feed.publish({ kind: 'audit', record: { event, allowed: true } });

/** What a subscriber is told, as texts. */
function follow(subscription: EventSubscription): string[] {
  const told: string[] = [];
  const run = async () => {
    for await (const event of subscription) {
      if (event.kind === 'lost') told.push(`lost ${event.count}`);
      else if (event.kind === 'audit') told.push(`${event.sequence} ${event.record.event}`);
    }
    told.push('end');
  };
  run().catch((error) => told.push(String(error)));
  return told;
}

test('everything from the subscription on comes in order, to each subscriber', async () => {
  happen('before');
  const told = [follow(feed.subscribe()), follow(feed.subscribe())];
  happen('a');
  await settled();
  happen('b');
  happen('c');
  await settled();
  expect(told).toEqual([
    ['2 a', '3 b', '4 c'],
    ['2 a', '3 b', '4 c'],
  ]);
});

test('an event has its time', async () => {
  const events = feed.subscribe()[Symbol.asyncIterator]();
  happen('a');
  const time = clock.date();
  clock.advance(5_000);
  expect((await events.next()).value).toMatchObject({ kind: 'audit', sequence: 1, time });
});

test('eventsWaiting: of more than that the oldest are lost, which the subscriber is told, and others lose nothing', async () => {
  const slow = feed.subscribe();
  const quick = follow(feed.subscribe());
  for (const event of ['a', 'b', 'c', 'd', 'e']) {
    happen(event);
    await settled();
  }
  expect(quick).toEqual(['1 a', '2 b', '3 c', '4 d', '5 e']);
  const told = follow(slow);
  await settled();
  expect(told).toEqual(['lost 2', '3 c', '4 d', '5 e']);
  happen('f');
  await settled();
  expect(told.slice(4)).toEqual(['6 f']);
});

test('a subscription ends when it is closed, left, or the feed ends', async () => {
  const [closed, open] = [feed.subscribe(), feed.subscribe()];
  const told = [follow(closed), follow(open)];
  closed.close();
  closed.close();
  happen('a');
  await settled();
  expect(told).toEqual([['end'], ['1 a']]);
  const left = feed.subscribe();
  happen('b');
  for await (const event of left) {
    expect(event).toMatchObject({ sequence: 2 });
    break;
  }
  feed.close();
  await settled();
  expect(told[1]).toEqual(['1 a', '2 b', 'end']);
  expect(await settledList(feed.subscribe())).toEqual(['end']);
});

async function settledList(subscription: EventSubscription): Promise<string[]> {
  const told = follow(subscription);
  await settled();
  return told;
}
