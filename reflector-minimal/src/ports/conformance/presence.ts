import { once } from 'node:events';
import { ChannelError } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChannelFailure, TunnelFull, TunnelLost } from '../channel-failure.ts';
import type { OnlineDevice, Presence } from '../presence.ts';
import type { DeviceKey } from '../store.ts';
import { FakeTunnel } from './fake-tunnel.ts';

const device = { id: 'a', uid: '1' };

/** What every adapter of Presence keeps to. `open`: one without a device, for each test. */
export function presenceConformance(open: () => Promise<Presence> | Presence): void {
  describe('presence', () => {
    let presence: Presence;
    beforeEach(async () => {
      presence = await open();
    });

    const tunnel = async (key: DeviceKey = device) => new FakeTunnel(key, await presence.nextGeneration());

    /** What it tells, in its order. */
    const told = () => {
      const events: [string, OnlineDevice][] = [];
      const end = presence.watch({
        came: (one) => events.push(['came', one]),
        went: (one) => events.push(['went', one]),
      });
      return { events, end };
    };

    test('a device without a tunnel is nowhere', () => {
      expect(presence.locate(device)).toBeNull();
      expect([presence.local.size, presence.list('', 10)]).toEqual([0, []]);
    });

    test('a tunnel that is announced is found, and the same object each time', async () => {
      const first = await tunnel();
      expect(presence.announce(first)).toBe(true);
      expect(presence.locate(device)).toMatchObject({
        ...device,
        node: null,
        generation: first.generation,
        address: '192.0.2.7',
        properties: { name: 'pump' },
      });
      expect(presence.locate(device)).toBe(presence.locate(device));
      expect(presence.local.get('a')).toBe(first);
    });

    test('another device under the same id is nowhere', async () => {
      presence.announce(await tunnel());
      expect(presence.locate({ id: 'a', uid: '2' })).toBeNull();
    });

    test('a tunnel that is withdrawn is nowhere', async () => {
      const first = await tunnel();
      presence.announce(first);
      expect(presence.withdraw(first)).toBe(true);
      expect(presence.withdraw(first)).toBe(false);
      expect([presence.locate(device), presence.local.size, first.evictions]).toEqual([null, 0, 0]);
    });

    test('generations grow', async () => {
      const numbers = [
        await presence.nextGeneration(),
        await presence.nextGeneration(),
        await presence.nextGeneration(),
      ];
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    });

    test('the highest generation wins, and the other is evicted once', async () => {
      const [old, young] = [await tunnel(), await tunnel()];
      presence.announce(old);
      expect(presence.announce(young)).toBe(true);
      expect([old.evictions, young.evictions]).toEqual([1, 0]);
      expect(presence.local.get('a')).toBe(young);
    });

    test('a lower generation that comes late loses', async () => {
      const [old, young] = [await tunnel(), await tunnel()];
      presence.announce(young);
      expect(presence.announce(old)).toBe(false);
      expect([old.evictions, young.evictions]).toEqual([1, 0]);
      expect(presence.local.get('a')).toBe(young);
    });

    test('it wins over another device under the same id as well', async () => {
      const [former, present] = [await tunnel(), await tunnel({ id: 'a', uid: '2' })];
      presence.announce(former);
      presence.announce(present);
      expect(former.evictions).toBe(1);
      expect([presence.locate(device), presence.locate(present)?.uid]).toEqual([null, '2']);
    });

    test('the end of a tunnel that has lost changes nothing', async () => {
      const [old, young] = [await tunnel(), await tunnel()];
      presence.announce(old);
      presence.announce(young);
      expect(presence.withdraw(old)).toBe(false);
      expect(presence.local.get('a')).toBe(young);
    });

    test('a tunnel may be announced twice', async () => {
      const first = await tunnel();
      presence.announce(first);
      expect([presence.announce(first), first.evictions, presence.local.size]).toEqual([true, 0, 1]);
    });

    test('lists in the order of ids, from behind one, at most as many as asked for', async () => {
      for (const id of ['c', 'a', 'b-2', 'b']) presence.announce(await tunnel({ id, uid: id }));
      const ids = (after: string, limit: number) => presence.list(after, limit).map(({ id }) => id);
      expect([ids('', 10), ids('a', 2), ids('c', 10)]).toEqual([['a', 'b', 'b-2', 'c'], ['b', 'b-2'], []]);
    });

    test('tells what comes and goes, and nothing of a tunnel that lost its place', async () => {
      const [old, young] = [await tunnel(), await tunnel()];
      const { events } = told();
      presence.announce(old);
      presence.announce(young);
      presence.withdraw(old);
      presence.withdraw(young);
      const found = [old.generation, young.generation, young.generation];
      expect(events.map(([event]) => event)).toEqual(['came', 'came', 'went']);
      expect(events.map(([, one]) => one.generation)).toEqual(found);
    });

    test('tells it after locate knows', async () => {
      const seen: unknown[] = [];
      const look = () => seen.push(presence.locate(device)?.uid ?? null);
      presence.watch({ came: look, went: look });
      const first = await tunnel();
      presence.announce(first);
      presence.withdraw(first);
      expect(seen).toEqual(['1', null]);
    });

    test('tells nothing once watching has ended', async () => {
      const { events, end } = told();
      end();
      presence.announce(await tunnel());
      expect(events).toEqual([]);
    });
  });
}

/** A device that a test lets answer, and whose tunnel is announced. */
export interface TestDevice extends DeviceKey {
  /** Answers the open request that has come, or that comes next. */
  answer(how: 'confirm' | 'refuse'): Promise<void>;
  /** Resolves with the bytes that have come on the channel that was confirmed last. */
  received(bytes: number): Promise<string>;
  send(text: string): void;
  /** Loses its connection; resolves once that was noticed. */
  disconnect(): Promise<void>;
}

export interface ChannelHarness {
  readonly presence: Presence;
  readonly device: TestDevice;
  readonly limits: { readonly openMs: number; readonly channelsPerTunnel: number };
  /** Lets time pass. */
  advance(ms: number): void;
  close(): Promise<void>;
}

/** What every adapter's channels keep to. `open`: a device on line, `channelsPerTunnel` being 2. */
export function channelConformance(open: () => Promise<ChannelHarness>): void {
  describe('channels', () => {
    let harness: ChannelHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const located = () => {
      const found = harness.presence.locate(harness.device);
      if (!found) throw new Error('nowhere');
      return found;
    };

    test('carry bytes both ways, also those written before the device has connected', async () => {
      const channel = located().open(80);
      expect([channel.port, channel.opened]).toEqual([80, false]);
      channel.write('ask');
      const opened = once(channel, 'open');
      await harness.device.answer('confirm');
      await opened;
      expect(channel.opened).toBe(true);
      expect(await harness.device.received(3)).toBe('ask');
      harness.device.send('answer');
      const [bytes] = (await once(channel, 'data')) as [Buffer];
      expect(bytes.toString()).toBe('answer');
      channel.destroy();
    });

    test('that the device refuses fail with its number', async () => {
      const failed = once(located().open(80), 'error');
      await harness.device.answer('refuse');
      const [error] = await failed;
      expect(error).toBeInstanceOf(ChannelFailure);
      expect(error).toMatchObject({ stage: 'opening', error: ChannelError.refused });
    });

    test('fail when the device has not answered in time', async () => {
      const failed = once(located().open(80), 'error');
      harness.advance(harness.limits.openMs);
      const [error] = await failed;
      expect(error).toBeInstanceOf(ChannelFailure);
      expect(error).toMatchObject({ stage: 'opening', error: ChannelError.timeout });
    });

    test('are bounded in number', () => {
      const found = located();
      for (let n = 0; n < harness.limits.channelsPerTunnel; n++) found.open(80);
      expect(() => found.open(80)).toThrow(TunnelFull);
    });

    test('end with the tunnel, and there are no more: the device is nowhere', async () => {
      const found = located();
      const failed = once(found.open(80), 'error');
      await harness.device.disconnect();
      expect((await failed)[0]).toBeInstanceOf(TunnelLost);
      expect(() => found.open(80)).toThrow(TunnelLost);
      expect(harness.presence.locate(harness.device)).toBeNull();
    });
  });
}
