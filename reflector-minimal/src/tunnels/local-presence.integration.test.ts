import { Opcode } from 'rm-protocol';
import { expect, test, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { type ChannelHarness, channelConformance } from '../ports/conformance/presence.ts';
import type { PresenceListener } from '../ports/presence.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { ask } from '../testing/ask.ts';
import { device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { LocalPresence } from './local-presence.ts';

const limits = { openMs: 15_000, channelsPerTunnel: 2 };

channelConformance(async (): Promise<ChannelHarness> => {
  const clock = new ManualClock();
  const stage = await Stage.open({ limits, clock });
  const agent = await stage.agent({ extensions });
  const { presence } = stage.reflector;
  const uid = presence.local.get(device.id)?.uid ?? '';
  let channel = 0;
  return {
    presence,
    limits,
    device: {
      id: device.id,
      uid,
      answer: async (how) => {
        channel = (await agent.expect(Opcode.openRequest)).channel;
        if (how === 'confirm') agent.confirm(channel);
        else agent.fault(channel, 3);
      },
      received: async (bytes) => {
        let text = '';
        while (text.length < bytes) text += (await agent.expect(Opcode.data)).payload.toString();
        return text;
      },
      send: (text) => agent.data(channel, text),
      disconnect: async () => {
        agent.destroy();
        await until(() => presence.local.size === 0);
      },
    },
    advance: (ms) => clock.advance(ms),
    close: () => stage.close(),
  };
});

test('the reflector announces its tunnels to the presence that it is given', async () => {
  const given: unknown[] = [];
  const stage = await Stage.open({
    presence: () => {
      const presence = new LocalPresence<never>();
      given.push(presence);
      return presence;
    },
  });
  await stage.agent();
  const { presence } = stage.reflector;
  expect([given, presence.list('', 10).map(({ id }) => id)]).toEqual([[presence], [device.id]]);
  await stage.close();
});

test('a presence that is given closes once, before the store, and says itself who is off line', async () => {
  const done: string[] = [];
  const stage = await Stage.open({
    store: () => {
      const store = SqliteStore.open(':memory:');
      const { devices } = store;
      const close = store.close.bind(store);
      vi.spyOn(devices, 'noteAllOffline').mockImplementation(async () => void done.push('noted off line'));
      vi.spyOn(store, 'close').mockImplementation(async () => {
        done.push('store');
        await close();
      });
      return store;
    },
    presence: async () =>
      Object.assign(new LocalPresence<never>(), { close: async () => void done.push('presence') }),
  });
  await stage.close();
  await stage.close();
  expect(done).toEqual(['presence', 'store']);
});

test('what comes at another node is no event of this one', async () => {
  let listener: PresenceListener | null = null;
  const stage = await Stage.open({
    presence: () => {
      const presence = new LocalPresence<never>();
      vi.spyOn(presence, 'watch').mockImplementation((one) => {
        listener ??= one;
        return () => {};
      });
      return presence;
    },
  });
  const subscription = stage.reflector.events.subscribe();
  const remote = { id: 'x', uid: '1', generation: 1, address: '', properties: {}, open: () => null as never };
  const told = listener as PresenceListener | null;
  told?.came({ ...remote, node: 'other' });
  told?.came({ ...remote, node: null });
  const first = await subscription[Symbol.asyncIterator]().next();
  expect(first.value).toMatchObject({ kind: 'online', sequence: 1 });
  await stage.close();
});

test('/healthz says when a presence takes no devices', async () => {
  let takesDevices = true;
  const stage = await Stage.open({
    presence: () =>
      Object.defineProperty(new LocalPresence<never>(), 'takesDevices', { get: () => takesDevices }),
  });
  const health = async () => {
    const { status, text } = await ask(stage.port, '/healthz', { host: 'localhost' });
    return [status, text];
  };
  expect(await health()).toEqual([200, '{"status":"ok"}\n']);
  takesDevices = false;
  expect(await health()).toEqual([503, '{"status":"takes no devices"}\n']);
  await stage.close();
});
