import { describe, expect, it } from 'vitest';
import { difference, hex, pattern } from '../host/simulated/bytes.ts';
import { refused, timedOut, unreachable } from '../host/simulated/network.ts';
import { TunnelStage } from '../host/simulated/tunnel-stage.ts';
import { ChannelError } from '../protocol/index.ts';

/** Each row of the table of `webtunnel.md` section 2. */
describe('a channel answers', () => {
  it('an open request with a confirm once its local socket is connected', () => {
    const stage = new TunnelStage({ latencyMs: [20, 20] });
    stage.peer.open(7, 80);
    stage.run(30);
    expect(stage.peer.take()).toEqual([]);
    stage.run(100);
    expect(stage.peer.take()).toEqual(['confirm 7']);
    expect(stage.events).toEqual(['opened 7']);
  });

  it('a port that is not on the list with fault 2, and dials nothing', () => {
    const stage = new TunnelStage();
    stage.host.network.dialled.length = 0;
    stage.peer.open(1, 8080);
    stage.run();
    expect(stage.peer.take()).toEqual(['fault 1 2']);
    expect(stage.host.network.dialled).toEqual([]);
    expect(stage.tunnel.channels).toBe(0);
  });

  it.each([
    ['nobody listens', refused, ChannelError.refused],
    ['the kernel gives up', timedOut, ChannelError.timeout],
    ['no route', unreachable, ChannelError.socket],
    [
      'too many files',
      { code: 'no-resources', message: 'too many open files' } as const,
      ChannelError.socket,
    ],
  ])('%s with its fault', (_name, error, fault) => {
    const stage = new TunnelStage();
    stage.host.network.places.set('127.0.0.1:80', { error });
    stage.peer.open(1, 80);
    stage.run();
    expect(stage.peer.take()).toEqual([`fault 1 ${fault}`]);
    expect(stage.events).toEqual([`closed 1 ${fault}`]);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('silence of the local service with fault 4 after the connect timeout', () => {
    const stage = new TunnelStage({ connectMs: 3000 });
    stage.host.network.places.set('127.0.0.1:80', 'silent');
    stage.peer.open(1, 80);
    stage.run(2990);
    expect(stage.peer.take()).toEqual([]);
    stage.run(30);
    expect(stage.peer.take()).toEqual(['fault 1 4']);
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.timers]).toEqual([0, 0, 0]);
  });

  it('an open on a live channel with fault 7, and the live channel goes on', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.peer.open(1, 81);
    stage.run();
    expect(stage.peer.take()).toEqual(['fault 1 7']);
    expect(stage.service(81).connections).toEqual([]);
    stage.peer.data(1, pattern(3));
    local.socket.write(pattern(2));
    stage.run();
    expect(difference(local.received.bytes, pattern(3))).toBeNull();
    expect(difference(stage.peer.channel(1).data.bytes, pattern(2))).toBeNull();
  });

  it('an open on a channel that is being dialled with fault 7', () => {
    const stage = new TunnelStage({ latencyMs: [20, 20] });
    stage.peer.open(1, 80);
    stage.peer.open(1, 80);
    stage.run(200);
    expect(stage.peer.take()).toEqual(['fault 1 7', 'confirm 1']);
  });

  it('data for an unknown channel with error 1, once a message', () => {
    const stage = new TunnelStage();
    stage.peer.data(9, pattern(3000));
    stage.run();
    expect(stage.peer.take()).toEqual(['error 9 1']);
    stage.peer.data(9, pattern(1));
    stage.run();
    expect(stage.peer.take()).toEqual(['error 9 1']);
  });

  it('an unknown opcode with error 6 on that channel, and the tunnel goes on', () => {
    const stage = new TunnelStage();
    stage.open(1);
    const other = stage.open(2);
    stage.peer.frame(hex('7f 00 0001'));
    stage.peer.frame(hex('7f 00 0009 00'));
    stage.run();
    expect(stage.peer.take()).toEqual(['error 1 6', 'error 9 6']);
    stage.peer.data(2, pattern(4));
    stage.run();
    expect(difference(other.received.bytes, pattern(4))).toBeNull();
  });

  it.each([
    ['an open confirm', '11 00 0001'],
    ['an open fault', '81 00 0001 0003'],
    ['credit without the extension', '20 00 0001 00000001'],
    ['a close with payload', '02 00 0001 00'],
    ['a properties update', '40 00 0001 00'],
  ])('%s, which is not for a device, with error 6', (_name, frame) => {
    const stage = new TunnelStage();
    stage.peer.frame(hex(frame));
    stage.run();
    expect(stage.peer.take()).toHaveLength(1);
    expect(stage.end).toBeNull();
  });

  it('data before the confirm with fault 6', () => {
    const stage = new TunnelStage({ latencyMs: [20, 20] });
    stage.peer.open(1, 80);
    stage.peer.data(1, pattern(1));
    stage.run(200);
    expect(stage.peer.take()).toEqual(['fault 1 6']);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('a reset of the local peer with error 5', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    local.socket.destroy();
    stage.run();
    expect(stage.peer.take()).toEqual(['error 1 5']);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
    expect(stage.events).toEqual(['opened 1', 'closed 1 5']);
  });

  it('an error from the reflector by closing the local socket at once, without a word', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.peer.error(1, 5);
    stage.run();
    expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect(stage.peer.take()).toEqual([]);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('an error or close while it is dialling', () => {
    const stage = new TunnelStage({ latencyMs: [20, 20] });
    stage.peer.open(1, 80);
    stage.peer.error(1, 5);
    stage.peer.open(2, 80);
    stage.peer.close(2);
    stage.run(200);
    expect(stage.peer.take()).toEqual(['confirm 2']);
    expect(stage.service().last.hasEnded).toBe(true);
    expect(stage.events).toEqual(['closed 1 null', 'opened 2']);
  });

  it('frames for channels that do not exist: close, error and credit are nothing', () => {
    const stage = new TunnelStage({ extension: { maxFrame: 4096, window: 8192 } });
    stage.peer.close(5);
    stage.peer.error(5, 1);
    stage.peer.grant(5, 100);
    stage.run();
    expect(stage.peer.take()).toEqual([]);
  });

  it('silence in both directions with error 4 after the local timeout', () => {
    const stage = new TunnelStage({ localMs: 60_000 });
    const local = stage.open(1);
    stage.run(50_000);
    local.socket.write(pattern(1));
    stage.run(50_000);
    stage.peer.data(1, pattern(1));
    stage.run(59_000);
    expect(stage.peer.take()).toEqual([]);
    stage.run(2000);
    expect(stage.peer.take()).toEqual(['error 1 4']);
    expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.timers]).toEqual([0, 0, 0]);
  });
});

describe('half-close', () => {
  it('of the local peer: close goes out, data still comes in until the close of the reflector', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    local.socket.write(pattern(10));
    local.socket.end();
    stage.run();
    expect(stage.peer.take()).toEqual(['close 1']);
    expect(difference(stage.peer.channel(1).data.bytes, pattern(10))).toBeNull();
    stage.peer.data(1, pattern(5000));
    stage.run();
    expect(local.received.length).toBe(5000);
    expect(local.hasEnded).toBe(false);
    stage.peer.close(1);
    stage.run();
    expect(local.hasEnded).toBe(true);
    expect(local.closedWith).toBeNull();
    expect(stage.peer.take()).toEqual([]);
    expect(stage.events).toEqual(['opened 1', 'closed 1 null']);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('of the reflector: FIN goes to the local peer, whose data still flows back until it ends', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.peer.data(1, pattern(7));
    stage.peer.close(1);
    stage.run();
    expect(difference(local.received.bytes, pattern(7))).toBeNull();
    expect(local.hasEnded).toBe(true);
    local.socket.write(pattern(9000));
    stage.run();
    expect(difference(stage.peer.channel(1).data.bytes, pattern(9000))).toBeNull();
    expect(stage.peer.take()).toEqual([]);
    local.socket.end();
    stage.run();
    expect(stage.peer.take()).toEqual(['close 1']);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('of both at once', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    local.socket.end();
    stage.peer.close(1);
    stage.run();
    expect(stage.peer.take()).toEqual(['close 1']);
    expect(local.closedWith).toBeNull();
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('repeated by the reflector is nothing; data behind it is a violation', () => {
    const stage = new TunnelStage();
    stage.open(1);
    stage.peer.close(1);
    stage.peer.close(1);
    stage.run();
    expect(stage.peer.take()).toEqual([]);
    stage.peer.data(1, pattern(1));
    stage.run();
    expect(stage.peer.take()).toEqual(['error 1 6']);
  });

  it('frees the number at once, while the old socket still drains to a slow reader', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.host.network.bufferBytes = 500;
    local.socket.pause();
    stage.peer.data(1, pattern(2000));
    stage.peer.close(1);
    local.socket.end();
    stage.run();
    expect(stage.peer.take()).toEqual(['close 1']);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 1]);
    const next = stage.open(1, 81);
    stage.peer.data(1, pattern(3));
    local.socket.resume();
    stage.run(500);
    expect(difference(local.received.bytes, pattern(2000))).toBeNull();
    expect(difference(next.received.bytes, pattern(3))).toBeNull();
    expect(local.closedWith).toBeNull();
  });

  it('then an error of the old socket does not touch the new channel of the same number', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.host.network.bufferBytes = 500;
    local.socket.pause();
    stage.peer.data(1, pattern(2000));
    stage.peer.close(1);
    local.socket.end();
    stage.run();
    const next = stage.open(1, 81);
    local.socket.destroy();
    stage.run();
    expect(stage.peer.take()).toEqual([]);
    stage.peer.data(1, pattern(3));
    stage.run();
    expect(difference(next.received.bytes, pattern(3))).toBeNull();
  });
});

describe('a tunnel', () => {
  it('that is gone ends all local connections at once and leaves nothing', () => {
    const stage = new TunnelStage();
    const locals = [stage.open(1), stage.open(2), stage.open(3)];
    stage.host.network.places.set('127.0.0.1:81', 'silent');
    stage.peer.open(4, 81);
    stage.run();
    stage.tunnel.abandon();
    stage.run();
    for (const local of locals) expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.timers]).toEqual([0, 0, 0]);
    expect(stage.peer.take()).toEqual([]);
  });

  it('carries bytes unchanged in both directions, whatever their number', () => {
    const stage = new TunnelStage({ latencyMs: [0, 5] });
    const local = stage.open(1);
    let from = 0;
    for (const length of [0, 1, 125, 126, 2047, 2048, 2049, 65_535, 65_536, 65_537]) {
      local.socket.write(pattern(length, from));
      for (let at = 0; at < length; at += 2048) {
        stage.peer.data(1, pattern(length, from).subarray(at, at + 2048));
      }
      from += length;
      stage.run(1000);
      expect([local.received.length, stage.peer.channel(1).data.length]).toEqual([from, from]);
    }
    expect(difference(local.received.bytes, pattern(from))).toBeNull();
    expect(difference(stage.peer.channel(1).data.bytes, pattern(from))).toBeNull();
    expect(Math.max(...stage.peer.lengths)).toBe(2048);
  });

  it('masks each frame with a key of its own', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    for (let i = 0; i < 1000; i++) local.socket.write(pattern(1));
    stage.run(1000);
    for (let i = 0; i < 300; i++) {
      local.socket.write(pattern(1));
      stage.run(5);
    }
    const { keys } = stage.peer.frames;
    expect(keys.length).toBeGreaterThan(300);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('answers PING and a close frame, and says what broke the protocol', () => {
    const stage = new TunnelStage();
    stage.peer.ping();
    stage.run();
    expect(stage.peer.take()).toEqual(['pong']);
    stage.peer.raw(hex('c2 00'));
    stage.run();
    expect(stage.peer.take()).toEqual(['wsclose 1002']);
    expect(stage.end).toEqual({ code: 1002, reason: 'reserved bit set', by: 'agent' });
    stage.peer.ping();
    stage.run();
    expect(stage.peer.take()).toEqual([]);
  });

  it.each([
    ['88 02 03e9', 'wsclose 1001', 1001],
    ['88 00', 'wsclose 1000', 1005],
    ['88 02 0fa1', 'wsclose 4001', 4001],
  ])('echoes the close frame %s', (frame, answer, code) => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.peer.raw(hex(frame));
    stage.run();
    expect(stage.peer.take()).toEqual([answer]);
    expect(stage.end).toEqual({ code, reason: '', by: 'reflector' });
    expect(local.closedWith).toMatchObject({ code: 'reset' });
  });

  it('closes in order: channels end, the close frame goes out, and the answer ends it', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.tunnel.close(1001, 'agent stops');
    stage.run();
    expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect(stage.peer.take()).toEqual(['wsclose 1001']);
    stage.peer.open(2, 80);
    stage.peer.data(1, pattern(1));
    stage.peer.ping();
    stage.run();
    expect(stage.peer.take()).toEqual([]);
    expect(stage.end).toBeNull();
    stage.peer.closeTunnel(1001);
    stage.run();
    expect(stage.end).toMatchObject({ code: 1001, by: 'reflector' });
    expect(stage.localSockets).toBe(0);
  });

  it('sends properties', () => {
    const stage = new TunnelStage();
    stage.tunnel.updateProperties([{ name: 'uptime', value: '5 min' }]);
    stage.run();
    expect(stage.peer.take()).toEqual(['properties [{"name":"uptime","value":"5 min"}]']);
  });

  it('holds nothing after 10,000 channels were opened and closed', () => {
    const stage = new TunnelStage();
    for (let round = 0; round < 1000; round++) {
      for (let channel = 0; channel < 10; channel++) stage.peer.open(channel, 80);
      stage.run(10);
      const locals = stage.service().connections.splice(0);
      expect(locals).toHaveLength(10);
      for (const [index, local] of locals.entries()) {
        if (index % 3 === 0) local.socket.destroy();
        else local.socket.end();
        if (index % 3 === 1) stage.peer.close(index);
        if (index % 3 === 2) stage.peer.error(index, 5);
      }
      stage.run(20);
      stage.peer.take();
    }
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.timers]).toEqual([0, 0, 0]);
    expect(stage.host.network.lookUps).toBe(0);
    expect(stage.events.filter((event) => event.startsWith('opened'))).toHaveLength(10_000);
    expect(stage.events.filter((event) => event.startsWith('closed'))).toHaveLength(10_000);
  });
});
