import { encodeData, encodeWord, Opcode, WebSocketOpcode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { difference, hex, pattern } from '../../../protocol/src/testing/bytes.ts';
import { SimulatedHost } from '../../simulation/host.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';
import { serverFrame } from '../../simulation/websocket-server.ts';
import { defaultLimits } from '../config/limits.ts';
import type { LocalHandler } from '../dial/dial-service.ts';
import type { Socket } from '../host.ts';
import { Tunnel } from './tunnel.ts';

describe('a tunnel', () => {
  it('that is gone ends all local connections at once and leaves nothing', () => {
    const stage = new TunnelStage();
    const locals = [stage.open(1), stage.open(2), stage.open(3)];
    stage.host.network.endpoints.set('127.0.0.1:81', 'silent');
    stage.peer.open(4, 81);
    stage.run();
    stage.tunnel.abandon();
    stage.run();
    for (const local of locals) expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.pending]).toEqual([0, 0, 0]);
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

  it('counts the payload of its channels in each direction', () => {
    const stage = new TunnelStage();
    const local = stage.open(1);
    stage.open(2, 81);
    local.socket.write(pattern(5));
    for (const [channel, length] of [
      [1, 7],
      [2, 11],
    ] as const) {
      stage.peer.data(channel, pattern(length));
    }
    stage.run();
    expect(stage.tunnel.traffic).toEqual({ received: 18, sent: 5 });
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

  it('answers PING and a close frame, and reports what broke the protocol', () => {
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
    // One close frame is all that an end sends (RFC 6455 section 5.5.1).
    expect(stage.peer.take()).toEqual([]);
  });

  it('that is closed twice, or broken while it closes, sends one close frame', () => {
    const stage = new TunnelStage();
    stage.tunnel.close(1001, 'agent stops');
    stage.tunnel.close(1008, 'again');
    stage.peer.raw(hex('c2 00'));
    stage.run();
    expect(stage.peer.take()).toEqual(['wsclose 1001']);
  });

  it('says in a few words why it closes, and nothing when it only answers', () => {
    const stage = new TunnelStage();
    stage.tunnel.close(1001, 'x'.repeat(100));
    stage.run();
    expect([stage.peer.take(), stage.peer.closeReason]).toEqual([['wsclose 1001'], 'x'.repeat(40)]);
    const other = new TunnelStage();
    other.peer.closeTunnel(1001);
    other.run();
    expect([other.peer.take(), other.peer.closeReason]).toEqual([['wsclose 1001'], '']);
  });

  it('is read no more while answers wait, until the queue is as short as it should be', () => {
    const events: string[] = [];
    const socket = {
      write: () => false,
      pause: () => events.push('pause'),
      resume: () => events.push('resume'),
    } as unknown as Socket;
    const { clock, crypto } = new SimulatedHost();
    const tunnel = new Tunnel({
      socket,
      clock,
      crypto,
      limits: { ...defaultLimits, queueBytes: 1000, answerBytes: 1000 },
      services: new Map(),
      timeouts: { connectMs: 1, localMs: 1 },
      extension: null,
      events: { opened: () => {}, closed: () => {}, refused: () => {}, failed: () => {} },
      ended: () => {},
    });
    // Each is answered with 131 bytes.
    const ping = serverFrame(WebSocketOpcode.ping, pattern(125));
    for (let i = 0; i < 15; i++) tunnel.receive(ping, 0, ping.length);
    expect(events).toEqual([]);
    tunnel.receive(ping, 0, ping.length);
    expect(events).toEqual(['pause']);
    tunnel.taken(16 * 131 - 1001);
    expect(events).toEqual(['pause']);
    tunnel.taken(1);
    expect(events).toEqual(['pause', 'resume']);
  });

  it('is read again when neither a reader nor answers hold it back', () => {
    const calls: string[] = [];
    const socket = {
      write: () => false,
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
    } as unknown as Socket;
    const { clock, crypto } = new SimulatedHost();
    let local: LocalHandler | undefined;
    const dial = (handler: LocalHandler) => {
      local = handler;
      return { cancel: () => {} };
    };
    const tunnel = new Tunnel({
      ...{ socket, clock, crypto, extension: null },
      limits: { ...defaultLimits, queueBytes: 1000, answerBytes: 1000, windowBytes: 2000 },
      services: new Map([[80, { port: 80, dial }]]),
      timeouts: { connectMs: 1000, localMs: 1000 },
      events: { opened: () => {}, closed: () => {}, refused: () => {}, failed: () => {} },
      ended: () => {},
    });
    const receive = (frame: Uint8Array) => tunnel.receive(frame, 0, frame.length);
    receive(serverFrame(WebSocketOpcode.binary, encodeWord(Opcode.openRequest, 1, 80)));
    local?.connected({ write: () => true } as unknown as Socket);
    for (let i = 0; i < 20; i++) receive(serverFrame(WebSocketOpcode.ping, pattern(125)));
    receive(serverFrame(WebSocketOpcode.binary, encodeData(1, pattern(1500))));
    expect([calls, tunnel.waitsForReader]).toEqual([['pause'], true]);
    tunnel.taken(20 * 131);
    expect(calls).toEqual(['pause']);
    local?.taken(1500);
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('tells how sending goes on: what waits, and when the reflector has answered a PING', () => {
    const stage = new TunnelStage();
    const { clock } = stage.host;
    const start = clock.now();
    stage.run(10);
    expect(stage.tunnel.outgoing).toMatchObject({ pongedAt: null, stuckSince: null });
    stage.tunnel.ping();
    expect(stage.tunnel.outgoing).toMatchObject({ activeAt: start + 10, stuckSince: start + 10 });
    clock.until('an answer', () => stage.tunnel.outgoing.pongedAt !== null);
    expect(stage.peer.take()).toEqual(['ping']);
    expect(stage.tunnel.outgoing).toMatchObject({ pongedAt: clock.now(), stuckSince: null });
    expect(clock.now()).toBeGreaterThan(start + 10);
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
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.pending]).toEqual([0, 0, 0]);
    expect(stage.host.network.lookUps).toBe(0);
    expect(stage.events.filter((event) => event.startsWith('opened'))).toHaveLength(10_000);
    expect(stage.events.filter((event) => event.startsWith('closed'))).toHaveLength(10_000);
  });
});
