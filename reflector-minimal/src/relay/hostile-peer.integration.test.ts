import { once } from 'node:events';
import { encodeBare, encodeCredit, encodeData, encodeWord, Opcode } from 'rm-protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { ChannelError } from '../ports/channel-failure.ts';
import { message, type RawPeer, RelayPair } from '../testing/relay-pair.ts';
import { until } from '../testing/until.ts';
import type { Peer } from './peer-link.ts';
import { encodeUnavailable, RelayOpcode, relayTerms, Unavailable } from './relay-frame.ts';

/*
 * A node that wants to harm, and has a certificate. Whatever it does costs its channel or its connection; another node goes on at
 * full service meanwhile.
 */

let pair: RelayPair;
let peer: Peer;
afterEach(() => pair.close());

async function open(limits: ConstructorParameters<typeof RelayPair>[0] = {}): Promise<RawPeer> {
  pair = new RelayPair(limits);
  peer = await pair.listen();
  return pair.raw(peer);
}

/** Another node is served as if nothing were. */
async function othersAreServed(): Promise<void> {
  const before = pair.tunnel.opened.length;
  const channel = pair.open(pair.dialer({ name: 'other' }), peer);
  const end = (await pair.tunnel.asked(before)).confirm();
  await once(channel, 'open');
  end.send('answer');
  expect(String((await once(channel, 'data'))[0])).toBe('answer');
  channel.destroy();
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('a node that wants to harm', () => {
  /** What it sends in place of a hello, and what is said of it. */
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'not the protocol of the relay'],
    ['nothing but zeros', '\0'.repeat(100), 'not the protocol of the relay'],
    ['a hello without a body', hex('726d726c 01 01 0000'), 'hello with a body of 0 bytes'],
    ['a hello beyond its bound', hex('726d726c 01 01 ffff'), 'hello with a body of 65535 bytes'],
    ['a name of no bytes', hex('726d726c 01 01 000a 0000000000000001 00 61'), 'hello with a name of 0 bytes'],
    [
      'a name that is cut off',
      hex('726d726c 01 01 000a 0000000000000001 02 61'),
      'hello with a name of 2 bytes',
    ],
    [
      'a name that is not UTF-8',
      hex('726d726c 01 01 000a 0000000000000001 01 ff'),
      'name of a node that is not UTF-8',
    ],
    ['an epoch beyond 2^53', hex('726d726c 01 01 000a 0020000000000000 01 61'), 'epoch beyond 2^53'],
    [
      'versions to come only',
      hex('726d726c 02 09 000a 0000000000000001 01 61'),
      'no common version: 1 to 1 here, 2 to 9 there',
    ],
    [
      'versions that never were',
      hex('726d726c 00 00 000a 0000000000000001 01 61'),
      'no common version: 1 to 1 here, 0 to 0 there',
    ],
  ])('says %s in place of a hello', async (_what, bytes, reason) => {
    const raw = await open();
    raw.socket.write(bytes);
    await raw.ended;
    expect(pair.lines.filter(({ msg }) => msg === 'a connection to the relay was refused')).toEqual([
      expect.objectContaining({ reason }),
    ]);
    await othersAreServed();
  });

  test('a hello with what a later version appends is a hello', async () => {
    const raw = await open();
    raw.socket.write(hex('726d726c 01 09 000e 0000000000000001 01 61 01020304'));
    raw.ask(1);
    await pair.tunnel.asked();
    raw.socket.destroy();
  });

  interface Outcome {
    /** `channel` 1 is open. */
    attack(raw: RawPeer): void;
    /** Why its connection ends; `null`: it goes on. */
    readonly ended: string | null;
    /** Error frame that it gets for the channel. */
    readonly error?: number;
  }
  const repeat = (count: number, act: (i: number) => void) => {
    for (let i = 0; i < count; i++) act(i);
  };
  const attacks: Record<string, Outcome> = {
    'asks for a channel that is open': {
      attack: (raw) => raw.ask(1),
      ended: 'open request for channel 1, which is open',
    },
    'asks as devices are asked': {
      attack: (raw) => raw.send(encodeWord(Opcode.openRequest, 2, 80)),
      ended: 'open request without a device',
    },
    'asks for port 0': {
      attack: (raw) => raw.send(hex('50 00 0002 0000 0000000000000005 0001 61 0001 31')),
      ended: 'open request for port 0',
    },
    'asks with four texts': {
      attack: (raw) => raw.send(hex('50 00 0002 0050 0000000000000005 0001 61 0001 31 0001 75 0001 75')),
      ended: 'open request with bytes left over',
    },
    'asks with one text': {
      attack: (raw) => raw.send(hex('50 00 0002 0050 0000000000000005 0001 61')),
      ended: 'open request without a device',
    },
    'asks with a text that is cut off': {
      attack: (raw) => raw.send(hex('50 00 0002 0050 0000000000000005 0001 61 00ff 31')),
      ended: 'open request with a text that is cut off',
    },
    'asks with half a length': {
      attack: (raw) => raw.send(hex('50 00 0002 0050 0000000000000005 0001 61 0001 31 00')),
      ended: 'open request with bytes left over',
    },
    'asks with a text that is not UTF-8': {
      attack: (raw) => raw.send(hex('50 00 0002 0050 0000000000000005 0001 ff 0001 31')),
      ended: 'open request with a text that is not UTF-8',
    },
    'asks with a text beyond its bound': {
      attack: (raw) =>
        raw.send(
          Buffer.concat([
            hex('50 00 0002 0050 0000000000000005 0401'),
            Buffer.alloc(1025, 'a'),
            hex('0001 31'),
          ]),
        ),
      ended: 'open request with a text of more than 1024 bytes',
    },
    'asks with a generation beyond 2^53': {
      attack: (raw) => raw.send(hex('50 00 0002 0050 0020000000000000 0001 61 0001 31')),
      ended: 'generation beyond 2^53',
    },
    'asks with a frame beyond its bound': {
      attack: (raw) => raw.send(Buffer.alloc(10_000, RelayOpcode.open)),
      ended: 'frame of more than 3092 bytes',
    },
    'asks in two bytes': { attack: (raw) => raw.send(hex('50 00')), ended: 'frame of 2 bytes' },
    'asks names of objects': {
      attack: (raw) => repeat(100, (i) => raw.ask(100 + i, { id: '__proto__', uid: 'constructor' })),
      ended: null,
    },
    'answers what it was not asked': {
      attack: (raw) => raw.send(encodeBare(Opcode.openConfirm, 1)),
      ended: 'answer of a node that was asked nothing',
    },
    'refuses what it was not asked': {
      attack: (raw) => raw.send(encodeWord(Opcode.openFault, 1, 3)),
      ended: 'answer of a node that was asked nothing',
    },
    'has no tunnels for us': {
      attack: (raw) => raw.send(encodeUnavailable(1, Unavailable.notHere)),
      ended: 'answer of a node that was asked nothing',
    },
    'sends opcodes that nobody knows': {
      attack: (raw) => raw.send(hex('7f 00 0001')),
      ended: 'unknown opcode 0x7f',
    },
    'sends frames of wrong lengths': {
      attack: (raw) => raw.send(hex('20 00 0001 01')),
      ended: 'wrong length of opcode 0x20',
    },
    'sends a frame without a header': { attack: (raw) => raw.send(hex('00')), ended: 'frame of 1 bytes' },
    'sends properties': {
      attack: (raw) => raw.send(hex('40 00 0000 01 01 61 01 62')),
      ended: 'properties update of more than 1 bytes',
    },
    'gives credit of 0': {
      attack: (raw) => raw.send(hex('20 00 0001 00000000')),
      ended: 'credit of 0 bytes',
    },
    'gives more than 2^31 bytes of credit': {
      attack: (raw) => raw.send(encodeCredit(1, 0xffffffff)),
      ended: null,
      error: ChannelError.violation,
    },
    'sends more than its window': {
      attack: (raw) => repeat(40, () => raw.send(encodeData(1, Buffer.alloc(60_000)))),
      ended: null,
      error: ChannelError.violation,
    },
    'sends data after its close': {
      attack: (raw) => {
        raw.send(encodeBare(Opcode.close, 1));
        raw.send(encodeData(1, Buffer.from('more')));
      },
      ended: null,
      error: ChannelError.violation,
    },
    'closes many times': {
      attack: (raw) => repeat(1_000, () => raw.send(encodeBare(Opcode.close, 1))),
      ended: null,
    },
    'sends frames for channels that do not exist': {
      attack: (raw) =>
        repeat(500, (i) => {
          raw.send(encodeData(100 + i, Buffer.alloc(2_000)));
          raw.send(encodeBare(Opcode.close, 700 + i));
          raw.send(encodeWord(Opcode.error, 1300 + i, 5));
          raw.send(encodeCredit(1900 + i, 0xffffffff));
        }),
      ended: null,
    },
    'sends a data frame beyond its bound': {
      attack: (raw) => raw.send(encodeData(1, Buffer.alloc(relayTerms.maxFrame + 1))),
      ended: 'message of more than 65540 bytes',
    },
    'announces a message of 2^53 bytes': {
      attack: (raw) => raw.socket.write(hex('82 7f 0020000000000000')),
      ended: 'length beyond 2^53',
    },
    'sends a text message': { attack: (raw) => raw.socket.write(hex('81 01 61')), ended: 'text message' },
    masks: {
      attack: (raw) => raw.socket.write(hex('82 81 00000000 61')),
      ended: 'masked frame from a server',
    },
    'sets reserved bits': { attack: (raw) => raw.socket.write(hex('f2 01 61')), ended: 'reserved bit set' },
    'fragments a message beyond the bound': {
      attack: (raw) => {
        raw.socket.write(hex('02 00'));
        repeat(20, () => {
          const fragment = message(Buffer.alloc(5_000));
          fragment[0] = 0;
          raw.socket.write(fragment);
        });
      },
      ended: 'message of more than 65540 bytes',
    },
  };

  test.each(Object.entries(attacks))('%s', async (_what, { attack, ended, error }) => {
    const raw = await open();
    raw.hello();
    raw.ask(1);
    const end = (await pair.tunnel.asked()).confirm();
    await until(() => raw.of('confirmed').length);
    attack(raw);
    if (ended !== null) {
      await raw.ended;
      expect(raw.of('ended')).toEqual([[ended]]);
      await until(() => end.channel.destroyed);
      await until(() =>
        pair.lines.some(({ msg, reason }) => msg === 'a node has left the relay' && reason === ended),
      );
    } else {
      if (error !== undefined) await until(() => raw.of('failed').length);
      expect(raw.of('failed')).toEqual(error === undefined ? [] : [[1, error]]);
      raw.ask(9);
      await until(() => pair.tunnel.opened.length > 1);
      raw.socket.destroy();
    }
    await othersAreServed();
  });

  test('relayHelloMs: says nothing', async () => {
    const raw = await open();
    await until(() => raw.of('hello').length);
    pair.clock.advance(pair.limits.relayHelloMs);
    await raw.ended;
    expect(pair.lines.at(-1)).toMatchObject({ reason: 'no hello in time' });
  });

  test('relayStrangers: connects often and says nothing', async () => {
    const first = await open({ relayStrangers: 2 });
    const second = await pair.raw(peer);
    const third = await pair.raw(peer);
    // It has had time to say who it is.
    await first.ended;
    expect(pair.lines.at(-1)).toMatchObject({ reason: 'too many connections' });
    // One that has said who it is does not count.
    second.hello();
    await until(() => pair.lines.at(-1)?.msg === 'a node has connected to the relay');
    const fourth = await pair.raw(peer);
    await until(() => [second, third, fourth].every((each) => each.of('hello').length > 0));
  });

  test('relayConnections: connects in many names', async () => {
    const first = await open({ relayConnections: 2 });
    first.hello({ name: 'one' });
    const second = await pair.raw(peer);
    second.hello({ name: 'two' });
    await until(() => pair.lines.length === 2);
    await (await pair.raw(peer)).ended;
  });

  test('relayConnectionsPerPeer: connects often in one name', async () => {
    const first = await open({ relayConnectionsPerPeer: 2 });
    first.hello();
    await until(() => pair.lines.length === 1);
    const second = await pair.raw(peer);
    second.hello();
    await until(() => pair.lines.length === 2);
    (await pair.raw(peer)).hello();
    await first.ended;
    expect([first.of('ended'), second.of('ended')]).toEqual([[['too many connections of this node']], []]);
  });

  test('relayLines: comes and goes without end', async () => {
    let raw = await open({ relayLines: 3 });
    for (let i = 0; i < 4; i++) {
      raw.hello();
      // Ends its connection, after the line about it.
      raw.send(hex('7f 00 0001'));
      await raw.ended;
      if (i === 3) pair.clock.advance(pair.limits.relayTlsMs);
      raw = await pair.raw(peer);
    }
    expect(pair.lines).toHaveLength(4);
    raw.hello();
    await until(() => pair.lines.length === 5);
    expect(pair.lines.map(({ msg }) => msg)).toEqual([
      'a node has connected to the relay',
      'a node has left the relay',
      'a node has connected to the relay',
      'nodes come to the relay and go so often that further lines are left out for a while',
      'a node has connected to the relay',
    ]);
  });

  test('of two lives of a node, the younger counts', async () => {
    const old = await open();
    old.hello({ epoch: 1 });
    await until(() => pair.lines.length === 1);
    const young = await pair.raw(peer);
    young.hello({ epoch: 2 });
    await old.ended;
    const zombie = await pair.raw(peer);
    zombie.hello({ epoch: 1 });
    await zombie.ended;
    expect(zombie.of('ended')).toEqual([['epoch 1 of "raw" has passed']]);
    expect(young.of('ended')).toEqual([]);
  });

  test('relayOpening: asks and asks, and devices do not answer', async () => {
    const raw = await open({ relayOpening: 2 });
    raw.hello();
    for (const channel of [1, 2, 3]) raw.ask(channel);
    await until(() => raw.of('unavailable').length);
    expect(raw.of('unavailable')).toEqual([[3, Unavailable.full, '']]);
    // What is given up or answered makes room.
    raw.send(encodeWord(Opcode.error, 1, ChannelError.socket));
    await until(() => raw.of('refused').length);
    pair.tunnel.opened[1]?.confirm();
    raw.ask(4);
    raw.ask(5);
    await until(() => pair.tunnel.opened.length === 4);
  });

  test('relayChannels: opens and opens', async () => {
    const raw = await open({ relayChannels: 2 });
    raw.hello();
    for (const channel of [1, 2]) {
      raw.ask(channel);
      (await pair.tunnel.asked(channel - 1)).confirm();
    }
    raw.ask(3);
    await until(() => raw.of('unavailable').length);
    expect(raw.of('unavailable')).toEqual([[3, Unavailable.full, '']]);
  });

  test('relayHeldBytes: sends to a device that takes nothing', async () => {
    const raw = await open({ relayHeldBytes: 500_000 });
    raw.hello();
    raw.ask(1);
    const end = (await pair.tunnel.asked()).confirm();
    // A device with a window of 262,144 bytes, and a stream of 65,536 before it.
    for (let i = 0; i < 16; i++) raw.send(encodeData(1, Buffer.alloc(65_000)));
    await until(() => raw.of('failed').length);
    expect(raw.of('failed')).toEqual([[1, ChannelError.timeout]]);
    await until(() => end.channel.destroyed);
  });

  test('relayQueueBytes, relayBacklogBytes: makes us answer, and does not read', async () => {
    const raw = await open({ relayQueueBytes: 65_536, relayBacklogBytes: 100_000 });
    raw.hello();
    raw.socket.pause();
    const pings = Buffer.alloc(2 * 65_536);
    for (let at = 0; at < pings.length; at += 2) pings[at] = 0x89;
    const flood = () => {
      while (raw.socket.writableLength < 1_000_000 && raw.socket.writable) raw.socket.write(pings);
    };
    flood();
    raw.socket.on('drain', flood);
    await until(() => pair.lines.some(({ reason }) => reason === 'the other node does not read'));
    raw.socket.off('drain', flood);
    await othersAreServed();
  });

  test('relayQueueBytes: does not read; its channels wait, and no more than the bound is queued', async () => {
    const raw = await open({ relayQueueBytes: 65_536 });
    raw.hello();
    raw.ask(1);
    const end = (await pair.tunnel.asked()).confirm();
    await until(() => raw.of('confirmed').length);
    raw.socket.pause();
    raw.send(encodeCredit(1, 0x40000000));
    end.send(Buffer.alloc(20_000_000));
    await until(() => end.held >= 131_072);
    expect(end.unsent).toBeGreaterThan(10_000_000);
    await othersAreServed();
    raw.socket.resume();
    await until(() => end.unsent === 0);
  });
});
