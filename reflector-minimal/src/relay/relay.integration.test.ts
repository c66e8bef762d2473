import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { finished } from 'node:stream/promises';
import { encodeWord, Opcode } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ChannelError,
  ChannelFailure,
  TunnelFull,
  TunnelLost,
  TunnelUnreachable,
} from '../ports/channel-failure.ts';
import { RawPeer, RelayPair, TestTunnel } from '../testing/relay-pair.ts';
import { until } from '../testing/until.ts';
import type { Channel } from '../tunnels/channel.ts';
import type { Peer } from './peer-link.ts';
import type { RelayDialer } from './relay-dialer.ts';
import { relayTerms } from './relay-frame.ts';

let pair: RelayPair;
let peer: Peer;
let dialer: RelayDialer;
beforeEach(async () => {
  pair = new RelayPair();
  peer = await pair.listen();
  dialer = pair.dialer();
});
afterEach(() => pair.close());

const failure = async (channel: Channel) => (await once(channel, 'error'))[0] as Error;
const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const noise = (length: number) => {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 4) bytes.writeUInt32BE((i * 2654435761) >>> 0, i);
  return bytes;
};

/** A channel that the device has confirmed. */
async function connected(n = 0) {
  const channel = pair.open(dialer, peer, { user: 'u1' });
  const end = (await pair.tunnel.asked(n)).confirm();
  if (!channel.opened) await once(channel, 'open');
  return { channel, end };
}

describe('a relayed channel', () => {
  test('tells the owner port and user', async () => {
    const { channel, end } = await connected();
    expect([channel.port, end.channel.port, end.user]).toEqual([80, 80, 'u1']);
    pair.open(dialer, peer);
    expect((await pair.tunnel.asked(1)).user).toBeNull();
  });

  test('carries more than its windows both ways, and nothing is lost or changed', async () => {
    const { channel, end } = await connected();
    const sent = noise(5 * relayTerms.window);
    channel.end(sent);
    let granted = 0;
    const pump = setInterval(() => {
      const taken = end.received.length - granted;
      granted += taken;
      if (taken > 0) end.channel.onCredit(taken);
    }, 1);
    const back = noise(3 * relayTerms.window);
    const got: Buffer[] = [];
    channel.on('data', (piece) => got.push(piece));
    end.send(back, true);
    await until(() => end.sent.includes('close'));
    clearInterval(pump);
    await finished(channel);
    expect([hash(end.received), hash(Buffer.concat(got))]).toEqual([hash(sent), hash(back)]);
  });

  test('is half-closed by either side', async () => {
    const first = await connected(0);
    first.channel.end('bye');
    await until(() => first.end.sent.includes('close'));
    expect(first.end.received.toString()).toBe('bye');
    first.end.channel.onData(Buffer.from('still here'));
    expect(String((await once(first.channel, 'data'))[0])).toBe('still here');
    const second = await connected(1);
    second.channel.resume();
    second.end.channel.onClose();
    await once(second.channel, 'end');
    second.channel.write('still there');
    await until(() => second.end.received.length > 0);
    expect([second.channel.destroyed, second.end.received.toString()]).toEqual([false, 'still there']);
  });

  test('brings the number of the device, after what it has sent before', async () => {
    const { channel, end } = await connected();
    end.channel.onData(Buffer.from('one '));
    end.channel.onData(Buffer.from('two'));
    end.channel.onError(ChannelError.violation);
    let text = '';
    channel.on('data', (piece) => {
      text += piece;
    });
    expect(await failure(channel)).toMatchObject({ stage: 'open', error: ChannelError.violation });
    expect(text).toBe('one two');
  });

  test('brings the number of a device that has closed its direction before', async () => {
    const { channel, end } = await connected();
    channel.resume();
    end.channel.onClose();
    await once(channel, 'end');
    end.channel.onError(ChannelError.timeout);
    expect(await failure(channel)).toMatchObject({ error: ChannelError.timeout });
  });

  test.each([0x100, 0xffff])('a number that only the device knows is passed on: %i', async (error) => {
    const channel = pair.open(dialer, peer);
    (await pair.tunnel.asked()).channel.onError(error);
    expect(await failure(channel)).toMatchObject({ stage: 'opening', error });
  });

  test('tells the device the number with which the user ends it', async () => {
    const { channel, end } = await connected();
    channel.fail(ChannelError.timeout);
    await until(() => end.channel.destroyed);
    expect(end.sent).toEqual(['error 4']);
    const other = await connected(1);
    other.channel.destroy();
    await until(() => other.end.channel.destroyed);
    expect(other.end.sent).toEqual(['error 5']);
  });

  test('that is given up before the device has answered is told to it, and the number is free afterwards', async () => {
    const channel = pair.open(dialer, peer);
    const end = await pair.tunnel.asked();
    channel.destroy();
    await until(() => end.channel.destroyed);
    const { channel: next } = await connected(1);
    expect([next.opened, end.sent]).toEqual([true, ['error 5']]);
  });

  test('ends with the tunnel, and says why', async () => {
    const { channel, end } = await connected();
    const failed = failure(channel);
    end.channel.onTunnelLost('cable cut');
    const error = await failed;
    expect([error instanceof TunnelLost, error.message]).toEqual([true, 'cable cut']);
    const opening = failure(pair.open(dialer, peer));
    (await pair.tunnel.asked(1)).channel.onTunnelLost('no sign of life');
    expect(await opening).toMatchObject({ name: 'TunnelLost', message: 'no sign of life' });
  });

  test('fails when the tunnel has no place for it', async () => {
    pair.tunnel.fault = new TunnelFull();
    expect(await failure(pair.open(dialer, peer))).toBeInstanceOf(TunnelFull);
  });

  test('a fault of the owner costs only this channel', async () => {
    const { channel } = await connected();
    pair.tunnel.fault = new TypeError('a mistake');
    expect(await failure(pair.open(dialer, peer))).toBeInstanceOf(ChannelFailure);
    expect(channel.destroyed).toBe(false);
    expect(pair.lines.map(({ msg }) => msg)).toContain('the relay failed');
  });

  test('whose reader has stalled delays no other, and its window bounds it', async () => {
    const stalled = await connected(0);
    const other = await connected(1);
    stalled.end.send(Buffer.alloc(4 * relayTerms.window));
    await until(() => stalled.channel.unread === relayTerms.window && stalled.end.held >= 131_072);
    expect(stalled.end.unsent).toBeGreaterThan(2 * relayTerms.window);
    other.end.channel.onData(Buffer.from('swift'));
    expect(String((await once(other.channel, 'data'))[0])).toBe('swift');
  });

  test('counts what the device has certainly not taken', async () => {
    const { channel, end } = await connected();
    channel.write(Buffer.alloc(relayTerms.window));
    await until(() => end.received.length === end.window);
    await until(() => channel.queued === 0 && channel.writableLength === 0);
    expect(channel.untaken).toBeGreaterThan(0);
    const before = channel.untaken;
    end.channel.onCredit(262_144);
    await until(() => channel.untaken < before);
  });
});

describe('a tunnel that is not where it should be', () => {
  test.each([
    ['another uid', new TestTunnel('a', '2', 5)],
    ['an older generation', new TestTunnel('a', '1', 4)],
    ['a newer one', new TestTunnel('a', '1', 6)],
    ['another device', new TestTunnel('b', '1', 5)],
  ])('%s is another tunnel', async (_what, present) => {
    pair.tunnels.clear();
    pair.tunnels.set(present.id, present);
    expect(await failure(pair.open(dialer, peer))).toBeInstanceOf(TunnelLost);
    expect(present.opened).toEqual([]);
  });

  test('is looked up once, and the channel goes on there with all that was written', async () => {
    const moved = new TestTunnel('a', '1', 9);
    const elsewhere = await pair.listen({ name: 'second', tunnels: new Map([['a', moved]]) });
    pair.tunnels.clear();
    let lookUps = 0;
    const channel = pair.open(dialer, peer, {
      relocate: async () => {
        lookUps++;
        return { peer: elsewhere, target: moved };
      },
    });
    channel.write('once');
    const end = (await moved.asked()).confirm();
    await until(() => end.received.length > 0);
    expect([end.received.toString(), lookUps, pair.tunnel.opened]).toEqual(['once', 1, []]);
  });

  test('is not looked up twice', async () => {
    pair.tunnels.clear();
    let lookUps = 0;
    const channel = pair.open(dialer, peer, {
      relocate: async () => {
        lookUps++;
        return { peer, target: pair.tunnel };
      },
    });
    expect([await failure(channel), lookUps]).toEqual([expect.any(TunnelUnreachable), 1]);
  });

  test('a look-up that fails is the end of the channel', async () => {
    pair.tunnels.clear();
    const channel = pair.open(dialer, peer, { relocate: () => Promise.reject(new Error('no database')) });
    expect(await failure(channel)).toBeInstanceOf(TunnelLost);
  });

  test('a node that cannot be reached is looked up as well', async () => {
    const gone: Peer = { ...peer, name: 'gone', address: `unix:${pair.path}` };
    const channel = pair.open(dialer, gone, { relocate: async () => ({ peer, target: pair.tunnel }) });
    (await pair.tunnel.asked()).confirm();
    await once(channel, 'open');
  });

  test.each([
    ['an address that is none', { address: 'somewhere' }],
    ['a host, without TLS', { address: '127.0.0.1:9' }],
    ['another name', { name: 'impostor' }],
    ['an epoch that has passed', { epoch: 6 }],
    ['an epoch to come', { epoch: 8 }],
  ])('%s is no node', async (_what, wrong) => {
    const channel = pair.open(dialer, { ...peer, ...wrong });
    expect(await failure(channel)).toBeInstanceOf(TunnelLost);
    expect(pair.tunnel.opened).toEqual([]);
  });

  test('what is opened at a node is lost when another life of it is asked', async () => {
    const { channel } = await connected();
    const failed = failure(channel);
    const again = await pair.listen({ epoch: 8 });
    const next = pair.open(dialer, again);
    expect(await failed).toBeInstanceOf(TunnelLost);
    (await pair.tunnel.asked(1)).confirm();
    await once(next, 'open');
    const stale = pair.open(dialer, peer);
    expect([await failure(stale), next.destroyed]).toEqual([expect.any(TunnelLost), false]);
  });
});

describe('the end of a connection', () => {
  test('the owner stops: channels are lost', async () => {
    const { channel, end } = await connected();
    const failed = failure(channel);
    void pair.listeners[0]?.close();
    expect(await failed).toBeInstanceOf(TunnelLost);
    await until(() => end.channel.destroyed);
  });

  test('forget: channels of this life of a node are lost, those of a later one and of others stay', async () => {
    const { channel, end } = await connected();
    const second = new TestTunnel('b', '2', 6);
    const elsewhere = await pair.listen({ name: 'second', tunnels: new Map([['b', second]]) });
    const other = dialer.open(elsewhere, second, 80, { relocate: async () => null });
    (await second.asked()).confirm();
    await once(other, 'open');
    const failed = failure(channel);
    dialer.forget({ name: peer.name, epoch: peer.epoch - 1 });
    expect(channel.destroyed).toBe(false);
    dialer.forget(peer);
    expect(await failed).toBeInstanceOf(TunnelLost);
    await until(() => end.channel.destroyed);
    expect(other.destroyed).toBe(false);
    // It is dialled again at once.
    pair.open(dialer, peer);
    await pair.tunnel.asked(1);
  });

  test('carried: the node of the user is told of every byte of payload', async () => {
    const { channel, end } = await connected();
    channel.write(Buffer.alloc(1000));
    await until(() => end.received.length === 1000);
    end.send(Buffer.alloc(500));
    await once(channel, 'data');
    expect(pair.carried).toBe(1500);
  });

  test('close: nothing is opened any more', async () => {
    const { channel } = await connected();
    const failed = failure(channel);
    dialer.close();
    expect(await failed).toBeInstanceOf(TunnelLost);
    expect(() => pair.open(dialer, peer)).toThrow(TunnelLost);
    expect(pair.clock.pending).toBeLessThan(5);
  });

  test('the file of a socket that a killed process has left is replaced', async () => {
    const { path } = pair;
    const left = createServer();
    await once(left.listen(`${path}.first`), 'listening');
    // Closing removes the first name only.
    linkSync(`${path}.first`, path);
    left.close();
    const listener = await pair.listenAt(path);
    expect([listener.port, statSync(path).mode & 0o777]).toEqual([null, 0o600]);
  });

  test('any other file is not', async () => {
    const { path } = pair;
    writeFileSync(path, 'mine');
    await expect(pair.listenAt(path)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  test('nor is that of a process that runs', async () => {
    const { path } = pair;
    await pair.listenAt(path);
    await expect(pair.listenAt(path)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('bounds of the user of the relay', () => {
  async function withLimits(limits: ConstructorParameters<typeof RelayPair>[0]) {
    await pair.close();
    pair = new RelayPair(limits);
    peer = await pair.listen();
    dialer = pair.dialer();
  }

  /** An owner whose part the test plays. */
  async function rawOwner(
    play: (raw: RawPeer) => void,
  ): Promise<{ at: Peer; server: Server; peers: RawPeer[] }> {
    const { path } = pair;
    const peers: RawPeer[] = [];
    const server = createServer((socket) => {
      const raw = new RawPeer(socket);
      peers.push(raw);
      play(raw);
    });
    await once(server.listen(path), 'listening');
    return { at: { name: 'raw', epoch: 1, address: `unix:${path}` }, server, peers };
  }

  test('channelsPerTunnel: those of one tunnel, however they end', async () => {
    await withLimits({ channelsPerTunnel: 2 });
    const { channel } = await connected();
    pair.open(dialer, peer);
    expect(() => pair.open(dialer, peer)).toThrow(TunnelFull);
    channel.destroy();
    pair.open(dialer, peer);
  });

  test('relayChannels: those of all tunnels', async () => {
    await withLimits({ relayChannels: 3 });
    const other = new TestTunnel('b', '2', 6);
    for (let i = 0; i < 3; i++) pair.open(dialer, peer);
    expect(() => dialer.open(peer, other, 80, { relocate: async () => null })).toThrow(TunnelFull);
  });

  test('a target beyond its bounds is refused, and takes no place', async () => {
    await withLimits({ relayChannels: 1 });
    const target = { id: 'x'.repeat(2000), uid: '1', generation: 1 };
    expect(() => dialer.open(peer, target, 80, { relocate: async () => null })).toThrow(RangeError);
    expect(() => dialer.open(peer, pair.tunnel, 0, { relocate: async () => null })).toThrow(RangeError);
    pair.open(dialer, peer);
  });

  test('relayHeldBytes: the user who holds most loses the fullest channel', async () => {
    await withLimits({ relayHeldBytes: 100_000 });
    const light = await connected(0);
    const heavy = await connected(1);
    light.end.channel.onData(Buffer.alloc(30_000));
    await until(() => light.channel.unread > 0);
    const failed = failure(heavy.channel);
    heavy.end.channel.onData(Buffer.alloc(90_000));
    expect(await failed).toMatchObject({ error: ChannelError.timeout });
    await until(() => heavy.end.sent.includes('error 4'));
    expect(light.channel.destroyed).toBe(false);
  });

  test('relayQuietMs, relayPongMs: a node that is silent is asked, and then lost', async () => {
    await withLimits({ openMs: 3_600_000 });
    const { at, peers, server } = await rawOwner((raw) => raw.hello());
    const channel = pair.open(dialer, at);
    const other = pair.open(dialer, at);
    await until(() => peers[0]?.of('open').length === 2);
    const { relayQuietMs, relayPongMs } = pair.limits;
    pair.clock.advance(relayQuietMs);
    await until(() => peers[0]?.of('pinged').length);
    // Its PONG counts; what comes behind it shows that it has arrived.
    peers[0]?.socket.write(Buffer.from([0x8a, 0]));
    peers[0]?.send(encodeWord(Opcode.openFault, 2, ChannelError.refused));
    await failure(other);
    pair.clock.advance(relayPongMs);
    expect(channel.destroyed).toBe(false);
    const failed = failure(channel);
    pair.clock.advance(relayQuietMs + relayPongMs);
    expect((await failed).message).toBe('no sign of life');
    await peers[0]?.ended;
    server.close();
  });

  test('a node whose process is killed is lost as one that was connected', async () => {
    const { at, peers, server } = await rawOwner((raw) => raw.hello());
    const channel = pair.open(dialer, at);
    await until(() => peers[0]?.of('open').length);
    const failed = failure(channel);
    peers[0]?.socket.destroy();
    expect((await failed).message).toBe('connection lost');
    server.close();
  });

  test('relayRetryMs: a node that was lost is left alone for a moment', async () => {
    const { at, peers, server } = await rawOwner((raw) => raw.socket.destroy());
    expect(await failure(pair.open(dialer, at))).toBeInstanceOf(TunnelLost);
    expect(await failure(pair.open(dialer, at))).toBeInstanceOf(TunnelLost);
    expect(peers).toHaveLength(1);
    pair.clock.advance(pair.limits.relayRetryMs);
    await failure(pair.open(dialer, at));
    expect(peers).toHaveLength(2);
    // One line stands for both.
    const told = pair.lines.filter(({ msg }) => msg === 'no connection to the relay of a node');
    expect(told).toEqual([expect.objectContaining({ peer: 'raw', reason: expect.any(String) })]);
    server.close();
  });

  test('relayHelloMs: a node that says nothing is no node', async () => {
    const { at, peers, server } = await rawOwner(() => {});
    const failed = failure(pair.open(dialer, at));
    await until(() => peers[0]?.of('hello').length);
    pair.clock.advance(pair.limits.relayHelloMs);
    expect((await failed).message).toBe('no hello in time');
    server.close();
  });
});
