import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { encodeBare, encodeCredit, encodeData, encodeWord, Opcode } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChannelError } from '../ports/channel-failure.ts';
import { RawPeer, RelayPair } from '../testing/relay-pair.ts';
import { until } from '../testing/until.ts';
import type { Channel } from '../tunnels/channel.ts';
import type { Peer } from './peer-link.ts';
import type { RelayDialer } from './relay-dialer.ts';
import { encodeOpen, encodeUnavailable, Unavailable } from './relay-frame.ts';

/*
 * A node that is dialled and wants to harm. Whatever it does costs its channel or its connection; channels to another node go on
 * meanwhile.
 */

let pair: RelayPair;
let server: Server;
let dialer: RelayDialer;
/** The node that wants to harm, and what it has of the connection. */
let at: Peer;
let owner: Promise<RawPeer>;
/** To another node. */
let other: Channel;
beforeEach(async () => {
  pair = new RelayPair();
  dialer = pair.dialer();
  const { path } = pair;
  server = createServer();
  owner = once(server, 'connection').then(([socket]) => {
    const raw = new RawPeer(socket);
    raw.hello();
    return raw;
  });
  await once(server.listen(path), 'listening');
  at = { name: 'raw', epoch: 1, address: `unix:${path}` };
  other = pair.open(dialer, await pair.listen());
  (await pair.tunnel.asked()).confirm();
  await once(other, 'open');
});
afterEach(async () => {
  (await owner).socket.destroy();
  server.close();
  await pair.close();
});

interface Outcome {
  /** Channel `number` is open, or it is asked for only. */
  attack(raw: RawPeer, number: number): void;
  readonly opened: boolean;
  /** The failure of the channel; `null`: it goes on. */
  readonly failed: string | null;
  /** The connection ends. */
  readonly ends?: boolean;
}
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const repeat = (count: number, act: (i: number) => void) => {
  for (let i = 0; i < count; i++) act(i);
};

const attacks: Record<string, Outcome> = {
  'sends data before it has confirmed': {
    attack: (raw, number) => raw.send(encodeData(number, Buffer.from('early'))),
    opened: false,
    failed: 'the device sent data before it had confirmed',
  },
  'closes before it has confirmed': {
    attack: (raw, number) => raw.send(encodeBare(Opcode.close, number)),
    opened: false,
    failed: 'the device closed before it had confirmed',
  },
  'refuses with a number that nobody knows': {
    attack: (raw, number) => raw.send(encodeWord(Opcode.openFault, number, 0xffff)),
    opened: false,
    failed: 'unknown error 65535',
  },
  'has no tunnel, for a reason that nobody knows': {
    attack: (raw, number) => raw.send(encodeUnavailable(number, 200, 'the moon is full')),
    opened: false,
    failed: 'the moon is full',
  },
  'says not here once it has confirmed': {
    attack: (raw, number) => raw.send(encodeUnavailable(number, Unavailable.notHere, 'changed my mind')),
    opened: true,
    failed: 'changed my mind',
  },
  'confirms twice, and refuses what it has confirmed': {
    attack: (raw, number) => {
      raw.send(encodeBare(Opcode.openConfirm, number));
      raw.send(encodeWord(Opcode.openFault, number, 3));
    },
    opened: true,
    failed: null,
  },
  'sends more than the window': {
    attack: (raw, number) => repeat(20, () => raw.send(encodeData(number, Buffer.alloc(60_000)))),
    opened: true,
    failed: 'the device sent more data than its window',
  },
  'sends data after its close': {
    attack: (raw, number) => {
      raw.send(encodeBare(Opcode.close, number));
      raw.send(encodeData(number, Buffer.from('more')));
    },
    opened: true,
    failed: 'the device sent data after close',
  },
  'gives more than 2^31 bytes of credit': {
    attack: (raw, number) => raw.send(encodeCredit(number, 0xffffffff)),
    opened: true,
    failed: 'the device gave more than 2147483647 bytes of credit',
  },
  'speaks of channels that were never asked for': {
    attack: (raw, number) =>
      repeat(500, (i) => {
        raw.send(encodeBare(Opcode.openConfirm, number + 1 + i));
        raw.send(encodeWord(Opcode.openFault, number + 1 + i, 3));
        raw.send(encodeUnavailable(number + 1 + i, Unavailable.lost));
        raw.send(encodeData(number + 1 + i, Buffer.alloc(1_000)));
        raw.send(encodeWord(Opcode.error, number + 1 + i, 5));
        raw.send(encodeCredit(number + 1 + i, 0xffffffff));
        raw.send(encodeBare(Opcode.close, number + 1 + i));
      }),
    opened: true,
    failed: null,
  },
  'asks for a channel itself': {
    attack: (raw) => raw.send(encodeOpen(9, { id: 'a', uid: '1', generation: 5, port: 80 })),
    opened: true,
    failed: 'open request of a node that was dialled',
    ends: true,
  },
  'sends an opcode that nobody knows': {
    attack: (raw) => raw.send(hex('7f 00 0001')),
    opened: true,
    failed: 'unknown opcode 0x7f',
    ends: true,
  },
  'sends a reason beyond its bound': {
    attack: (raw, number) => {
      const head = encodeUnavailable(number, Unavailable.lost);
      raw.send(Buffer.concat([head, Buffer.alloc(257, 'a')]));
    },
    opened: true,
    failed: 'unavailable frame of 262 bytes',
    ends: true,
  },
  'sends a reason that is not UTF-8': {
    attack: (raw, number) =>
      raw.send(Buffer.concat([encodeUnavailable(number, Unavailable.lost), hex('ff')])),
    opened: true,
    failed: 'reason that is not UTF-8',
    ends: true,
  },
  'sends what is no WebSocket frame': {
    attack: (raw) => raw.socket.write(hex('f2 01 61')),
    opened: true,
    failed: 'reserved bit set',
    ends: true,
  },
  'closes with a reason': {
    attack: (raw) => raw.socket.write(hex('88 04 03e9 6279')),
    opened: true,
    failed: 'closed by the other node: by',
    ends: true,
  },
};

describe('a node that is dialled and wants to harm', () => {
  test.each(Object.entries(attacks))('%s', async (_what, { attack, opened, failed, ends = false }) => {
    const channel = pair.open(dialer, at);
    let failure: Error | null = null;
    channel.on('error', (error) => {
      failure = error;
    });
    const raw = await owner;
    await until(() => raw.of('open').length);
    const { number } = channel;
    if (opened) {
      raw.send(encodeBare(Opcode.openConfirm, number));
      await until(() => channel.opened);
    }
    attack(raw, number);
    if (failed !== null) {
      // A reader takes what has come before.
      if (!failed.includes('window')) channel.resume();
      await until(() => failure);
      expect(failure).toMatchObject({ message: failed });
    }
    if (ends) await raw.ended;
    else {
      // It still works.
      const next = pair.open(dialer, at);
      await until(() => raw.of('open').length === 2);
      raw.send(encodeBare(Opcode.openConfirm, next.number));
      await until(() => next.opened);
      expect([raw.of('ended'), failure === null]).toEqual([[], failed === null]);
    }
    (await pair.tunnel.asked()).send('answer');
    expect(String((await once(other, 'data'))[0])).toBe('answer');
  });

  test.each<[string, (raw: RawPeer, number: number) => void]>([
    ['answers an open request', (raw, number) => raw.send(encodeBare(Opcode.openConfirm, number))],
    ['refuses a channel', (raw, number) => raw.send(encodeUnavailable(number, Unavailable.notHere))],
    ['sends a PING', (raw) => raw.socket.write(hex('89 00'))],
    ['sends a PONG', (raw) => raw.socket.write(hex('8a 00'))],
  ])('counts as connected once it %s, and not by its hello', async (_what, act) => {
    const connected = () =>
      pair.lines.filter(({ msg, peer }) => msg === 'connected to the relay of a node' && peer === 'raw');
    const channel = pair.open(dialer, at);
    channel.on('error', () => {});
    const raw = await owner;
    await until(() => raw.of('open').length);
    expect(connected()).toEqual([]);
    act(raw, channel.number);
    await until(() => connected().length);
    act(raw, channel.number);
    // What was sent before it has been read.
    const next = pair.open(dialer, at);
    await until(() => raw.of('open').length === 2);
    raw.send(encodeBare(Opcode.openConfirm, next.number));
    await until(() => next.opened);
    expect(connected()).toHaveLength(1);
  });

  test('does not answer what is given up: the number is not used again before it does', async () => {
    const channel = pair.open(dialer, at);
    const raw = await owner;
    await until(() => raw.of('open').length);
    channel.destroy();
    await until(() => raw.of('failed').length);
    expect(raw.of('failed')).toEqual([[channel.number, ChannelError.socket]]);
    // What it still says of the channel is taken, and changes nothing.
    raw.send(encodeBare(Opcode.openConfirm, channel.number));
    raw.send(encodeData(channel.number, Buffer.from('late')));
    const next = pair.open(dialer, at);
    await until(() => raw.of('open').length === 2);
    expect(next.number).not.toBe(channel.number);
    raw.send(encodeBare(Opcode.openConfirm, next.number));
    await until(() => next.opened);
  });
});
