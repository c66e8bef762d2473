import { Opcode } from 'rm-protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import type { ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import type { UpgradeRefused } from '../testing/web-socket-peer.ts';
import type { Channel } from './channel.ts';
import type { DeviceTunnel } from './device-tunnel.ts';

/*
 * A device that wants to harm. Whatever it does costs its channel or its tunnel; another device and its user go on at
 * full service meanwhile, and nothing is left behind.
 */

const bytes = (...values: number[]) => Buffer.from(values);
const frame = (opcode: number, channel: number, ...payload: number[]) =>
  bytes(opcode, 0, channel >> 8, channel & 255, ...payload);
const updateOf = (...payload: (number | string)[]) =>
  Buffer.concat([
    frame(Opcode.properties, 0),
    ...payload.map((part) => (typeof part === 'string' ? Buffer.from(part) : bytes(part))),
  ]);

/** What the device does; `channel` is open, its number known to both. */
type Attack = (agent: ScriptedAgent, channel: number) => void;

interface Outcome {
  readonly attack: Attack;
  /** Close code of its tunnel; `null`: it goes on. */
  readonly closed: number | null;
  /** Error frame that it gets for the channel. */
  readonly error?: number;
}

const repeat = (count: number, act: (i: number) => void) => {
  for (let i = 0; i < count; i++) act(i);
};

const attacks: Record<string, Outcome> = {
  'opens channels': {
    attack: (agent) => repeat(200, (i) => agent.peer.send(frame(Opcode.openRequest, i, 0, 80))),
    closed: 1008,
  },
  'sends opcodes that nobody knows': {
    attack: (agent) => repeat(200, (i) => agent.peer.send(frame(0x41 + (i % 60), 9))),
    closed: 1008,
  },
  'sends frames of wrong lengths': {
    attack: (agent) => repeat(200, () => agent.peer.send(frame(Opcode.credit, 9, 1))),
    closed: 1008,
  },
  'sends frames without a header': {
    attack: (agent) => repeat(200, () => agent.peer.send(bytes(0))),
    closed: 1008,
  },
  'floods channels that do not exist with data': {
    attack: (agent) => repeat(2_000, (i) => agent.data(100 + i, Buffer.alloc(2_000))),
    closed: null,
  },
  'confirms, refuses and closes what was never opened': {
    attack: (agent) =>
      repeat(1_000, (i) => {
        agent.confirm(100 + i);
        agent.fault(200 + i, 3);
        agent.close(300 + i);
        agent.error(400 + i, 5);
        agent.credit(500 + i, 0xffffffff);
      }),
    closed: null,
  },
  'confirms twice, and refuses what it has confirmed': {
    attack: (agent, channel) => {
      agent.confirm(channel);
      agent.fault(channel, 3);
    },
    closed: null,
  },
  'gives more than 2^31 bytes of credit': {
    attack: (agent, channel) => agent.credit(channel, 0xffffffff),
    closed: null,
    error: 6,
  },
  'gives credit of 2^31 in pieces': {
    attack: (agent, channel) => repeat(3, () => agent.credit(channel, 0x40000000)),
    closed: null,
    error: 6,
  },
  'gives credit of 0': {
    attack: (agent, channel) => agent.peer.send(frame(Opcode.credit, channel, 0, 0, 0, 0)),
    closed: null,
    error: 6,
  },
  'sends more than its window': {
    attack: (agent, channel) => repeat(40, () => agent.data(channel, Buffer.alloc(60_000))),
    closed: null,
    error: 6,
  },
  'sends frames beyond max-frame': {
    attack: (agent, channel) => agent.data(channel, Buffer.alloc(65_540)),
    closed: null,
    error: 6,
  },
  'sends data after its close': {
    attack: (agent, channel) => {
      agent.close(channel);
      agent.data(channel, 'more');
    },
    closed: null,
    error: 6,
  },
  'closes many times': {
    attack: (agent, channel) => repeat(1_000, () => agent.close(channel)),
    closed: null,
  },
  'sends properties beyond the bound': {
    attack: (agent) => repeat(200, () => agent.peer.send(Buffer.concat([updateOf(1), Buffer.alloc(40_000)]))),
    closed: 1008,
  },
  'adds property to property': {
    attack: (agent) =>
      repeat(300, (i) =>
        agent.peer.send(updateOf(1, 4, `n${String(i).padStart(3, '0')}`, 0xe8, 7, 'v'.repeat(1_000))),
      ),
    closed: null,
  },
  'sends lengths of five groups': {
    attack: (agent) =>
      repeat(200, () => agent.peer.send(updateOf(1, 0x81, 0x80, 0x80, 0x80, 0, 'a', 1, 'b'))),
    closed: 1008,
  },
  'sends a length beyond the frame': {
    attack: (agent) => repeat(200, () => agent.peer.send(updateOf(1, 1, 'a', 0xff, 0xff, 0xff, 0x7f))),
    closed: 1008,
  },
  'sends fewer properties than it says': {
    attack: (agent) => repeat(200, () => agent.peer.send(updateOf(255, 1, 'a', 1, 'b'))),
    closed: 1008,
  },
  'names properties after what objects have': {
    attack: (agent) => agent.peer.send(updateOf(2, 9, '__proto__', 1, 'x', 11, 'constructor', 1, 'y')),
    closed: null,
  },
  'sends a text message': { attack: (agent) => agent.peer.send(Buffer.from('hello'), 1), closed: 1003 },
  'sets RSV1': { attack: (agent) => agent.peer.send(bytes(0), 0x42), closed: 1002 },
  'sets RSV2 and RSV3': { attack: (agent) => agent.peer.send(bytes(0), 0x32), closed: 1002 },
  'sends a reserved opcode': { attack: (agent) => agent.peer.send(bytes(0), 3), closed: 1002 },
  'continues what it has not begun': { attack: (agent) => agent.peer.send(bytes(0), 0), closed: 1002 },
  'begins anew in the middle of a message': {
    attack: (agent) => {
      agent.peer.send(bytes(0), 2, false);
      agent.peer.send(bytes(0), 2);
    },
    closed: 1002,
  },
  'fragments a PING': { attack: (agent) => agent.peer.send(bytes(0), 9, false), closed: 1002 },
  'sends a PING of 126 bytes': { attack: (agent) => agent.peer.send(Buffer.alloc(126), 9), closed: 1002 },
  'does not mask': { attack: (agent) => agent.peer.socket.write(bytes(0x82, 1, 0)), closed: 1002 },
  'announces a frame of 2^62 bytes': {
    attack: (agent) => agent.peer.socket.write(bytes(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    closed: 1009,
  },
  'announces a frame beyond the bound': {
    attack: (agent) => agent.peer.socket.write(bytes(0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0)),
    closed: 1009,
  },
  'fragments a message beyond the bound': {
    attack: (agent) => repeat(40, (i) => agent.peer.send(Buffer.alloc(3_000), i === 0 ? 2 : 0, false)),
    closed: 1009,
  },
  'messageFragments: sends empty fragments': {
    attack: (agent) => repeat(1_100, (i) => agent.peer.send(bytes(), i === 0 ? 2 : 0, false)),
    closed: 1008,
  },
  'messageFragments: sends fragments of one byte': {
    attack: (agent) => repeat(1_100, (i) => agent.peer.send(bytes(i), i === 0 ? 2 : 0, false)),
    closed: 1008,
  },
  'closes with a code that means nothing': { attack: (agent) => agent.peer.close(999), closed: 1002 },
  'closes without a code': { attack: (agent) => agent.peer.send(bytes(), 8), closed: 1005 },
};

let stage: Stage;
let agent: ScriptedAgent;
let tunnel: DeviceTunnel;
let channel: Channel;
/** What the device was told of its channel. */
let told: number[];
beforeAll(async () => {
  stage = await Stage.open();
  await stage.addDevice('other');
  await stage.web((request, response) => response.end(`other ${request.url}`), { id: 'other', extensions });
});
beforeEach(async () => {
  agent = await stage.agent({ extensions });
  told = [];
  const found = stage.reflector.presence.local.get(device.id)?.tunnel;
  if (!found) throw new Error('no tunnel');
  tunnel = found;
  channel = tunnel.open(80);
  channel.on('error', () => {});
  agent.onFrame = (got) => {
    if (got.opcode === Opcode.openRequest) agent.confirm(got.channel);
    if (got.opcode === Opcode.error && got.channel === channel.number) told.push(got.payload.readUInt16BE());
  };
  await until(() => channel.opened);
  return () => agent.destroy();
});
afterAll(() => stage.close());

/** The other device's user is served as if nothing were. */
async function othersAreServed(): Promise<void> {
  const paths = Array.from({ length: 5 }, (_, i) => `/${i}`);
  const answers = await Promise.all(paths.map((path) => ask(stage.port, path, { host: 'other.localhost' })));
  expect(answers.map(({ status, text }) => [status, text])).toEqual(
    paths.map((path) => [200, `other ${path}`]),
  );
}

describe('a hostile device', () => {
  test.each(Object.entries(attacks))('%s', async (_name, { attack, closed, error }) => {
    attack(agent, channel.number);
    await othersAreServed();
    if (closed !== null) {
      await agent.ended;
      expect(agent.closeCode ?? 1005).toBe(closed);
      await until(() => stage.reflector.presence.local.get(device.id)?.tunnel !== tunnel);
      expect([tunnel.live, tunnel.channels, channel.destroyed]).toEqual([false, 0, true]);
    } else {
      if (error !== undefined) await until(() => told.length > 0);
      expect([tunnel.live, told]).toEqual([true, error === undefined ? [] : [error]]);
      // The tunnel still works.
      const next = tunnel.open(80);
      await until(() => next.opened);
      next.destroy();
    }
    await othersAreServed();
  });

  test('pendingPongs: a flood of PINGs is cut off', async () => {
    repeat(1_000, (i) => agent.peer.send(bytes(i & 255), 9));
    await othersAreServed();
    await agent.ended;
    expect([agent.closeCode, tunnel.live]).toEqual([null, false]);
  });

  test('messageReads: a frame that comes byte by byte is not kept for ever', async () => {
    const picky = await Stage.open({ limits: { messageReads: 8 } });
    const drip = await picky.agent({ extensions });
    // Announces 1,000 bytes. Most come in a read of their own, because the reflector has to have answered in between; some
    // may wait for one another in the kernel.
    drip.peer.socket.setNoDelay(true);
    drip.peer.socket.write(bytes(0x82, 0xfe, 3, 0xe8, 0, 0, 0, 0));
    for (let i = 0; i < 900 && !drip.peer.socket.destroyed; i++) {
      drip.peer.socket.write(bytes(0));
      await ask(picky.port, '/healthz', { host: 'localhost' });
    }
    await drip.ended;
    expect(drip.closeCode).toBe(1008);
    await picky.close();
  });

  test('channelsPerTunnel: never answers opens, and its users are told', async () => {
    const small = await Stage.open({ limits: { channelsPerTunnel: 2 } });
    const mute = await small.agent({ extensions, properties: [{ name: 'targetPorts', value: '80' }] });
    mute.onFrame = () => {};
    const waiting = [ask(small.port, '/1'), ask(small.port, '/2')].map((answer) => answer.catch(() => null));
    const found = small.reflector.presence.local.get(device.id)?.tunnel;
    await until(() => found?.channels === 2);
    expect((await ask(small.port, '/3')).status).toBe(503);
    mute.destroy();
    expect((await Promise.all(waiting)).map((answer) => answer?.status)).toEqual([502, 502]);
    await small.close();
  });

  test('guesses passwords on many connections at once, and nobody else waits for it', async () => {
    const guesses = Array.from({ length: 30 }, (_, i) =>
      stage.agent({ password: `guess ${i}` }).catch((error: UpgradeRefused) => error.status),
    );
    await othersAreServed();
    const statuses = await Promise.all(guesses);
    // Its network may fail so often; from then on it is asked to wait.
    expect(statuses).toContain(401);
    expect(statuses.filter((status) => status !== 401 && status !== 503)).toEqual([]);
    expect(tunnel.live).toBe(true);
  });
});
