import { pino } from 'pino';
import type { StoreUnavailable } from 'rm-reflector/ports';
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { type SharedConnection, SharedMembership } from '../testing/shared-membership.ts';
import { nodeLimits } from './limits.ts';
import { type NodeOptions, startNode } from './node.ts';

let clock: ManualClock;
let shared: SharedMembership;
let open: string[];
beforeEach(() => {
  clock = new ManualClock();
  shared = new SharedMembership(() => clock.now(), nodeLimits);
  open = [];
});

function options(table: SharedConnection, more: Partial<NodeOptions> = {}): NodeOptions {
  const close = (what: string) => {
    open = open.filter((one) => one !== what);
  };
  return {
    ...{ name: 'one', address: 'one:1', table, clock, limits: nodeLimits, outageMs: 60_000 },
    log: pino({ level: 'silent' }),
    relay: () => {
      open.push('dialer');
      return {
        dialer: { open: () => null as never, forget: () => {}, close: () => close('dialer') },
        listen: async () => {
          open.push('listener');
          return { close: async () => close('listener') };
        },
      };
    },
    superseded: () => {},
    end: () => {},
    drain: () => {},
    ...more,
  };
}

const settle = async () => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
};

test('its end leaves no node, no timer and nothing open', async () => {
  const { presence } = await startNode(options(shared.connect()));
  expect([open, shared.members.size]).toEqual([['dialer', 'listener'], 1]);
  await presence.close();
  await presence.close();
  expect([open, shared.members.size, clock.pending]).toEqual([[], 0, 0]);
});

test.each<[string, (table: SharedConnection) => Partial<NodeOptions>]>([
  [
    'it cannot listen',
    () => ({
      relay: () => ({
        dialer: { open: () => null as never, forget: () => {}, close: () => {} },
        listen: () => Promise.reject(new Error('taken')),
      }),
    }),
  ],
  [
    'the database goes after the join',
    (table) => {
      table.settle = () => Promise.reject(new Error('taken'));
      return {};
    },
  ],
])('a start that fails half way leaves nothing behind: %s', async (_why, more) => {
  const table = shared.connect();
  await expect(startNode(options(table, more(table)))).rejects.toThrow('taken');
  expect([open, shared.members.size, clock.pending]).toEqual([[], 0, 0]);
});

test('a start without the database rejects', async () => {
  const table = shared.connect();
  table.broken = 'away';
  await expect(startNode(options(table))).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  } satisfies Partial<StoreUnavailable>);
  expect(clock.pending).toBe(0);
});

test('what a former process of the name had is noted off line before it listens, once', async () => {
  const former = await startNode(options(shared.connect()));
  const tunnel = {
    ...{
      id: 'a',
      uid: '1',
      node: null,
      address: '',
      properties: {},
      evict: () => {},
      open: () => null as never,
    },
    generation: await former.presence.nextGeneration(),
  };
  former.presence.announce(tunnel);
  clock.advance(nodeLimits.batchMs);
  await settle();
  const present = await startNode(options(shared.connect()));
  expect(shared.events.map(({ kind }) => kind)).toEqual(['device.online', 'device.offline']);
  expect(shared.members.size).toBe(1);
  await former.presence.close();
  await present.presence.close();
  expect(shared.events).toHaveLength(2);
});

test('renewMs: a node that somebody drains is told once', async () => {
  let drained = 0;
  const { presence, lease } = await startNode(options(shared.connect(), { drain: () => drained++ }));
  for (const member of shared.members.values()) member.draining = true;
  for (let renewals = 0; renewals < 3; renewals++) {
    clock.advance(nodeLimits.renewMs);
    await settle();
  }
  expect([drained, lease.draining]).toEqual([1, true]);
  await presence.close();
});
