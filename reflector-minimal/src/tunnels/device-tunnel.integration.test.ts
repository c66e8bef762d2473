import { once } from 'node:events';
import { Opcode } from 'rm-protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Limits } from '../limits.ts';
import { TunnelFull, TunnelLost } from '../ports/channel-failure.ts';
import { ask } from '../testing/ask.ts';
import type { ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import type { Channel } from './channel.ts';
import type { DeviceTunnel } from './device-tunnel.ts';

let stage: Stage;
const clock = new ManualClock();
afterEach(() => stage.close());

async function setUp(
  limits: Partial<Limits> = {},
  options: { readonly extensions?: string; readonly keepAlive?: number } = { extensions },
): Promise<{ agent: ScriptedAgent; tunnel: DeviceTunnel }> {
  stage = await Stage.open({ limits, clock });
  const agent = await stage.agent(options);
  const tunnel = stage.reflector.presence.local.get(device.id)?.tunnel;
  if (!tunnel) throw new Error('no tunnel');
  return { agent, tunnel };
}

/** A round trip through the reflector: it has seen what was sent to it before. */
const roundTrip = () => ask(stage.port, '/healthz', { host: 'localhost' });

async function opened(agent: ScriptedAgent, tunnel: DeviceTunnel, user?: string): Promise<Channel> {
  const channel = tunnel.open(80, user);
  agent.confirm((await agent.expect(Opcode.openRequest)).channel);
  await once(channel, 'open');
  return channel;
}

describe('opening', () => {
  test('numbers begin with 1, are not used again at once, and skip what is in use', async () => {
    const { agent, tunnel } = await setUp();
    const first = await opened(agent, tunnel);
    const second = await opened(agent, tunnel);
    first.destroy();
    expect((await agent.expect(Opcode.error)).channel).toBe(1);
    const third = await opened(agent, tunnel);
    expect([first.number, second.number, third.number]).toEqual([1, 2, 3]);
  });

  test('channelsPerTunnel: no more channels than the bound', async () => {
    const { tunnel } = await setUp({ channelsPerTunnel: 3 });
    for (let i = 0; i < 3; i++) tunnel.open(80);
    expect(() => tunnel.open(80)).toThrow(TunnelFull);
  });

  test('openMs: a device that does not answer: error 4, and the number stays taken until it does', async () => {
    const { agent, tunnel } = await setUp({ channelsPerTunnel: 1 });
    const channel = tunnel.open(80);
    const failed = once(channel, 'error');
    await agent.expect(Opcode.openRequest);
    clock.advance(15_000);
    expect((await failed)[0]).toMatchObject({ error: 4, stage: 'opening' });
    expect(() => tunnel.open(80)).toThrow(TunnelFull);
    // The answer comes late: only now the error goes out, and the number is free.
    agent.confirm(channel.number);
    const error = await agent.expect(Opcode.error);
    expect([error.channel, error.payload.readUInt16BE()]).toEqual([channel.number, 4]);
    expect(tunnel.open(80).number).toBe(2);
  });

  test('a user who leaves before the answer: the error waits for it, a fault needs none', async () => {
    const { agent, tunnel } = await setUp();
    for (let i = 0; i < 2; i++) tunnel.open(80).destroy();
    const [first, second] = [await agent.expect(Opcode.openRequest), await agent.expect(Opcode.openRequest)];
    agent.fault(first.channel, 3);
    agent.confirm(second.channel);
    expect((await agent.expect(Opcode.error)).channel).toBe(second.channel);
  });
});

describe('sharing the socket', () => {
  test('tunnelQueueBytes: a short request waits no longer than a frame of each busy channel', async () => {
    const { agent, tunnel } = await setUp(
      { tunnelQueueBytes: 16384 },
      { extensions: 'max-frame=4096, window=1000000' },
    );
    const uploads = [await opened(agent, tunnel), await opened(agent, tunnel)];
    for (const upload of uploads) upload.write(Buffer.alloc(500_000));
    const short = await opened(agent, tunnel);
    short.write('GET / HTTP/1.1\r\n\r\n');
    const order: number[] = [];
    for (;;) {
      const { channel } = await agent.expect(Opcode.data);
      order.push(channel);
      if (channel === short.number) break;
    }
    // The uploads were on their way before; from the request on, each has had its turn once.
    const queued = 16384 / 4096;
    const before = order.slice(0, -1);
    expect(before.length).toBeLessThan((2 * 500_000) / 4096 - queued);
    const ones = before.filter((channel) => channel === 1).length;
    expect(Math.abs(before.length - 2 * ones)).toBeLessThanOrEqual(2);
  });

  test('an original agent never gets more than 2,048 bytes in a frame', async () => {
    const { agent, tunnel } = await setUp({}, {});
    const channel = await opened(agent, tunnel);
    channel.write(Buffer.alloc(10_000));
    const sizes: number[] = [];
    for (let sum = 0; sum < 10_000; ) {
      const { payload } = await agent.expect(Opcode.data);
      sizes.push(payload.length);
      sum += payload.length;
    }
    expect(sizes).toEqual([2048, 2048, 2048, 2048, 1808]);
    expect(agent.broken).toBeNull();
  });

  test('many channels at once, each with its own bytes', async () => {
    const { agent, tunnel } = await setUp();
    const count = 200;
    const echoes = new Map<number, Buffer[]>();
    agent.onFrame = ({ opcode, channel, payload }) => {
      if (opcode === Opcode.openRequest) agent.confirm(channel);
      if (opcode === Opcode.data) agent.data(channel, payload);
      if (opcode === Opcode.close) agent.close(channel);
    };
    const done = Array.from({ length: count }, async (_value, i) => {
      const channel = tunnel.open(80);
      echoes.set(i, []);
      channel.on('data', (piece) => echoes.get(i)?.push(piece));
      channel.end(Buffer.alloc(5000, i));
      await once(channel, 'close');
    });
    await Promise.all(done);
    for (const [i, pieces] of echoes) expect(Buffer.concat(pieces).equals(Buffer.alloc(5000, i))).toBe(true);
    expect(tunnel.channels).toBe(0);
  });
});

describe('a reader that stalls', () => {
  test('channelHeldBytes, stallMs: of an original agent: its channel ends with error 4 after a time, the others go on', async () => {
    const { agent, tunnel } = await setUp({ channelHeldBytes: 10_000, stallMs: 5_000 }, {});
    const stalled = await opened(agent, tunnel);
    const good = await opened(agent, tunnel);
    const failed = once(stalled, 'error');
    for (let i = 0; i < 8; i++) agent.data(stalled.number, Buffer.alloc(2048, 1));
    agent.data(good.number, 'after');
    await until(() => stalled.held > 10_000);
    clock.advance(4_999);
    expect(stalled.destroyed).toBe(false);
    clock.advance(1);
    expect((await failed)[0]).toMatchObject({ error: 4 });
    const [piece] = await once(good, 'data');
    expect(String(piece)).toBe('after');
    const { channel, payload } = await agent.expect(Opcode.error);
    expect([channel, payload.readUInt16BE()]).toEqual([stalled.number, 4]);
    // What is still on its way for the ended channel is nobody's.
    agent.data(stalled.number, 'late');
    agent.data(good.number, 'more');
    expect(String((await once(good, 'data'))[0])).toBe('more');
  });

  test('of ours: it costs its window and nobody else anything', async () => {
    const { agent, tunnel } = await setUp({}, { extensions: 'max-frame=16384, window=65536' });
    const stalled = await opened(agent, tunnel);
    const good = await opened(agent, tunnel);
    for (let i = 0; i < 4; i++) agent.data(stalled.number, Buffer.alloc(16384));
    for (let i = 0; i < 3; i++) {
      agent.data(good.number, `round ${i}`);
      expect(String((await once(good, 'data'))[0])).toBe(`round ${i}`);
    }
    expect(stalled.held).toBe(65536);
    stalled.resume();
    const credit = await agent.expect(Opcode.credit);
    expect(credit.channel).toBe(stalled.number);
    expect(credit.payload.readUInt32BE()).toBeGreaterThanOrEqual(32768);
  });

  test('tunnelHeldBytes: of ours: many of one user cost that user channels, and nobody else anything', async () => {
    const { agent, tunnel } = await setUp(
      { tunnelHeldBytes: 150_000 },
      { extensions: 'max-frame=16384, window=65536' },
    );
    const stalled = [];
    for (let i = 0; i < 3; i++) stalled.push(await opened(agent, tunnel, 'mallory'));
    const other = await opened(agent, tunnel, 'alice');
    const good = await opened(agent, tunnel, 'alice');
    agent.data(other.number, Buffer.alloc(16384));
    for (const { number } of stalled) {
      for (let i = 0; i < 4; i++) agent.data(number, Buffer.alloc(16384));
      agent.data(good.number, 'more');
      expect(String((await once(good, 'data'))[0])).toBe('more');
    }
    expect([stalled.filter(({ destroyed }) => destroyed).length, other.destroyed]).toEqual([1, false]);
    expect((await agent.expect(Opcode.error)).payload.readUInt16BE()).toBe(4);
  });
});

describe('a hostile device', () => {
  test('that sends beyond its window loses that channel with error 6', async () => {
    const { agent, tunnel } = await setUp({}, { extensions: 'max-frame=16384, window=16384' });
    const channel = await opened(agent, tunnel);
    const failed = once(channel, 'error');
    agent.data(channel.number, Buffer.alloc(16384));
    agent.data(channel.number, Buffer.alloc(1));
    await failed;
    expect((await agent.expect(Opcode.error)).payload.readUInt16BE()).toBe(6);
    await opened(agent, tunnel);
  });

  test('that sends a frame beyond max-frame loses that channel with error 6', async () => {
    const { agent, tunnel } = await setUp({}, { extensions: 'max-frame=16384, window=262144' });
    const channel = await opened(agent, tunnel);
    const failed = once(channel, 'error');
    agent.data(channel.number, Buffer.alloc(16385));
    await failed;
    expect((await agent.expect(Opcode.error)).payload.readUInt16BE()).toBe(6);
  });

  test('tunnelBacklogBytes: that takes no frames is cut off', async () => {
    const MiB = 1024 * 1024;
    const { agent, tunnel } = await setUp(
      { window: 64 * MiB, tunnelQueueBytes: 4096, tunnelBacklogBytes: 16_384, channelsPerTunnel: 60_000 },
      { extensions: `max-frame=65536, window=${64 * MiB}` },
    );
    const channel = await opened(agent, tunnel);
    agent.peer.socket.pause();
    // More than the kernel's buffers take.
    channel.write(Buffer.alloc(32 * MiB));
    // Each open request is a frame that does not wait for its turn.
    await until(() => {
      for (let i = 0; i < 100 && tunnel.live; i++) tunnel.open(80).destroy();
      return !tunnel.live;
    });
    expect(tunnel.channels).toBe(0);
  });
});

describe('a silent tunnel', () => {
  test('pongMs: of ours is asked once it is silent for longer than its keep-alive, and given up without an answer', async () => {
    const { agent, tunnel } = await setUp({}, { extensions, keepAlive: 100 });
    clock.advance(125_000);
    await until(() => agent.pings === 1);
    await roundTrip();
    clock.advance(30_000);
    expect(tunnel.live).toBe(true);
    agent.peer.socket.pause();
    clock.advance(125_000);
    clock.advance(30_000);
    expect(tunnel.live).toBe(false);
    expect((await stage.reflector.store.devices.get(device.id))?.online).toBe(false);
  });

  test('of an original agent is not asked, and lives on its own PINGs', async () => {
    const { agent, tunnel } = await setUp({}, { keepAlive: 100 });
    for (let i = 0; i < 4; i++) {
      clock.advance(299_000);
      agent.peer.send(Buffer.alloc(0), 9);
      await roundTrip();
    }
    expect([agent.pings, tunnel.live]).toEqual([0, true]);
    clock.advance(300_000);
    expect(tunnel.live).toBe(false);
  });
});

test('the end of a tunnel ends its channels, and frees everything', async () => {
  const { agent, tunnel } = await setUp();
  const channels = [await opened(agent, tunnel), tunnel.open(81)];
  const failed = Promise.all(channels.map((channel) => once(channel, 'error')));
  agent.destroy();
  for (const [error] of await failed) expect(error).toBeInstanceOf(TunnelLost);
  expect(tunnel.channels).toBe(0);
  expect(() => tunnel.open(80)).toThrow(TunnelLost);
});
