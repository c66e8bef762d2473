import { ChannelError, encodeData, encodePropertiesUpdate, Opcode, WebSocketOpcode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { difference, hex, pattern } from '../../../protocol/src/testing/bytes.ts';
import { refused, timedOut, unreachable } from '../../simulation/network.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';
import { serverFrame } from '../../simulation/websocket-server.ts';
import { defaultLimits } from '../config/limits.ts';
import type { Socket } from '../host.ts';
import { Channel, type ChannelOwner } from './channel.ts';

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
    stage.host.network.endpoints.set('127.0.0.1:80', { error });
    stage.peer.open(1, 80);
    stage.run();
    expect(stage.peer.take()).toEqual([`fault 1 ${fault}`]);
    expect(stage.events).toEqual([`closed 1 ${fault}`]);
    expect([stage.tunnel.channels, stage.localSockets]).toEqual([0, 0]);
  });

  it('silence of the local service with fault 4 after the connect timeout', () => {
    const stage = new TunnelStage({ connectMs: 3000 });
    stage.host.network.endpoints.set('127.0.0.1:80', 'silent');
    stage.peer.open(1, 80);
    stage.run(2990);
    expect(stage.peer.take()).toEqual([]);
    stage.run(30);
    expect(stage.peer.take()).toEqual(['fault 1 4']);
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.pending]).toEqual([0, 0, 0]);
    expect(stage.failures).toEqual(['80: no answer within 3 s']);
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
    // Also when it comes in pieces.
    const message = serverFrame(WebSocketOpcode.binary, encodeData(9, pattern(100)));
    for (let at = 0; at < message.length; at += 20) {
      stage.tunnel.receive(message, at, Math.min(at + 20, message.length));
    }
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

  it('what is not allowed, and says in words what it was', () => {
    const stage = new TunnelStage({ limits: { channels: 1 } });
    stage.open(1);
    stage.events.length = 0;
    stage.peer.open(1, 81);
    stage.peer.open(2, 8080);
    stage.peer.open(3, 80);
    for (const frame of ['11 00 0009', '81 00 0009 0003', '20 00 0009 00000001'])
      stage.peer.frame(hex(frame));
    stage.peer.frame(encodePropertiesUpdate([{ name: 'device', value: 'x' }]));
    stage.run();
    expect(stage.events).toEqual([
      'refused channel 1 is in use',
      'refused port 8080 is not forwarded',
      'refused 1 channels are open, no more are allowed',
      'refused open confirm to a device on channel 9',
      'refused open fault to a device on channel 9',
      'refused unknown opcode 0x20 on channel 9',
      'refused properties update of more than 0 bytes on channel 0',
    ]);
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
    expect(stage.failures).toEqual(['80: connection reset before a byte came']);
  });

  it('a reset of a local peer that has sent or ended, which is no fault of the service', () => {
    const stage = new TunnelStage();
    const sent = stage.open(1);
    sent.socket.write(pattern(1));
    stage.run();
    sent.socket.destroy();
    const ended = stage.open(2);
    ended.socket.end();
    stage.run();
    ended.socket.destroy();
    stage.run();
    expect([stage.failures, stage.tunnel.channels]).toEqual([[], 0]);
  });

  it('an error from the reflector by closing the local socket at once, without a frame', () => {
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
    expect([stage.tunnel.channels, stage.localSockets, stage.host.clock.pending]).toEqual([0, 0, 0]);
  });
});

/** A channel whose local socket is connected, and what it has done to its owner. */
function aloneChannel(window: number | null) {
  const sent: number[] = [];
  const waited: Channel[] = [];
  const gone: Channel[] = [];
  const frames: number[] = [];
  const queue = {
    queued: 0,
    frame: ([opcode = 0]: Uint8Array) => frames.push(opcode),
    data: (_channel: number, bytes: Uint8Array, start: number, end: number) =>
      sent.push(...bytes.subarray(start, end)),
  };
  const owner = {
    ...{ queue, limits: defaultLimits, frameBytes: 4, window, now: 0 },
    ...{ enter: () => {}, leave: () => {}, dialled: () => {}, released: () => {}, failed: () => {} },
    ...{
      gone: (channel: Channel) => gone.push(channel),
      holds: () => {},
      awaitQueue: (channel: Channel) => waited.push(channel),
    },
  } as unknown as ChannelOwner;
  const channel = new Channel(owner, 1, 80, () => ({ cancel: () => {} }));
  // A host that cannot bound its reads.
  const calls: string[] = [];
  const socket = {
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    end: () => {},
  };
  channel.connected(socket as unknown as Socket);
  return { calls, channel, queue, sent, frames, waited, gone };
}

it('a channel without credit keeps a piece that its socket had under way, in order', () => {
  const { channel, sent } = aloneChannel(10);
  const bytes = pattern(20);
  channel.data(bytes, 0, 15);
  channel.data(bytes, 15, 20);
  expect(sent).toHaveLength(10);
  channel.remoteCredit(6);
  channel.remoteCredit(5);
  expect(sent).toEqual([...bytes]);
});

it('a channel waits for room in the queue from where that is longer than it should be', () => {
  const { channel, queue, waited } = aloneChannel(null);
  queue.queued = defaultLimits.queueBytes;
  channel.data(pattern(1), 0, 1);
  expect(waited).toEqual([]);
  queue.queued++;
  channel.data(pattern(1), 0, 1);
  expect(waited).toEqual([channel]);
});

it('a channel whose socket is gone in order drops what still comes', () => {
  const { channel, frames } = aloneChannel(null);
  channel.ended();
  channel.closed(null);
  channel.remoteData(pattern(5), 0, 5);
  expect([channel.received, channel.held]).toEqual([0, 0]);
  expect(frames).toEqual([Opcode.openConfirm, Opcode.close]);
});

it('a channel whose socket is gone lives on until what waits for credit is sent', () => {
  const { channel, sent, gone } = aloneChannel(10);
  channel.data(pattern(15), 0, 15);
  channel.ended();
  channel.remoteClose();
  channel.closed(null);
  expect(gone).toEqual([]);
  channel.remoteCredit(6);
  expect([sent.length, gone]).toEqual([15, [channel]]);
});

it('a channel that waits for credit and for room is read when it has both', () => {
  const { calls, channel, queue } = aloneChannel(10);
  queue.queued = defaultLimits.queueBytes + 1;
  channel.data(pattern(10), 0, 10);
  channel.resumeReading();
  expect(calls).toEqual(['pause']);
  channel.remoteCredit(5);
  expect(calls).toEqual(['pause', 'resume']);
});
