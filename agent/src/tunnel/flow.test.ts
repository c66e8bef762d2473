import fc from 'fast-check';
import { ChannelError, encodeData, WebSocketOpcode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { concat, difference, pattern } from '../../../protocol/src/testing/bytes.ts';
import type { LocalConnection } from '../../simulation/local-service.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';
import { serverFrame } from '../../simulation/websocket-server.ts';

const WINDOW = 10_000;
const extension = { maxFrame: 4096, window: WINDOW };

/** The sender of one channel on the reflector's side, which keeps to its credit. */
class HonestSender {
  credit = WINDOW;
  sent = 0;
  readonly #stage: TunnelStage;
  readonly #channel: number;

  constructor(stage: TunnelStage, channel: number) {
    this.#stage = stage;
    this.#channel = channel;
  }

  send(bytes: number): void {
    for (let left = bytes; left > 0 && this.credit > 0; ) {
      const length = Math.min(left, this.credit, extension.maxFrame);
      this.#stage.peer.data(this.#channel, pattern(length, this.sent));
      this.credit -= length;
      this.sent += length;
      left -= length;
    }
  }
}

describe('with the extension', () => {
  it('credit is granted only for what the local socket has taken', () => {
    const stage = new TunnelStage({ extension });
    const local = stage.open(1);
    stage.host.network.bufferBytes = 100;
    local.socket.pause();
    stage.peer.data(1, pattern(4096));
    stage.peer.data(1, pattern(4096));
    stage.run();
    expect(stage.peer.take()).toEqual([]);
    local.socket.resume();
    stage.run(500);
    const granted = stage.peer.channel(1).credit;
    expect(granted).toBeGreaterThanOrEqual(WINDOW / 2);
    expect(granted).toBeLessThanOrEqual(8192);
  });

  it('a reader that stalls holds up its window and no other channel', () => {
    const stage = new TunnelStage({ extension });
    const stalled = stage.open(1, 80);
    const other = stage.open(2, 81);
    stalled.socket.pause();
    stage.host.network.bufferBytes = 1000;
    const first = new HonestSender(stage, 1);
    first.send(1_000_000);
    expect(first.sent).toBe(WINDOW);
    const second = new HonestSender(stage, 2);
    stage.peer.onCredit = (channel, increment) => {
      if (channel === 2) second.credit += increment;
    };
    for (let i = 0; i < 100; i++) {
      second.send(5000);
      stage.run(50);
    }
    expect(second.sent).toBeGreaterThan(10 * WINDOW);
    expect(difference(other.received.bytes, pattern(second.sent))).toBeNull();
    expect(stage.socket.paused).toBe(false);
    stage.run(100_000);
    expect(stage.peer.take().filter((event) => !event.startsWith('credit'))).toEqual([]);
    stalled.socket.resume();
    stage.run(1000);
    expect(difference(stalled.received.bytes, pattern(WINDOW))).toBeNull();
  });

  it('a reflector that sends more than its credit loses that channel, with one error', () => {
    for (const cut of [0, 1]) {
      const stage = new TunnelStage({ extension, latencyMs: [cut, cut], seed: 3 });
      const local = stage.open(1);
      const other = stage.open(2, 81);
      local.socket.pause();
      stage.host.network.bufferBytes = 50;
      for (let i = 0; i < 3; i++) stage.peer.data(1, pattern(4096));
      stage.run(3000);
      expect(stage.peer.take()).toEqual([`error 1 ${ChannelError.violation}`]);
      expect(local.closedWith).toMatchObject({ code: 'reset' });
      stage.peer.data(2, pattern(10));
      stage.run();
      expect(other.received.length).toBe(10);
    }
  });

  it('who grants more than a u32 can count loses that channel', () => {
    const stage = new TunnelStage({ extension });
    stage.open(1);
    stage.peer.grant(1, 0xffffffff);
    stage.run();
    expect(stage.peer.take()).toEqual(['error 1 6']);
  });

  it('the agent stops at its credit, mid-stream and mid-chunk, and goes on when it is granted more', () => {
    const stage = new TunnelStage({ extension });
    const local = stage.open(1);
    local.socket.write(pattern(25_000));
    local.socket.end();
    stage.run(500);
    const channel = stage.peer.channel(1);
    expect(channel.data.length).toBe(WINDOW);
    stage.peer.grant(1, 1);
    stage.run();
    expect(channel.data.length).toBe(WINDOW + 1);
    stage.peer.grant(1, 14_998);
    stage.run(500);
    expect(channel.data.length).toBe(24_999);
    expect(stage.peer.take()).toEqual([]);
    stage.peer.grant(1, 100);
    stage.run();
    expect(difference(channel.data.bytes, pattern(25_000))).toBeNull();
    expect(stage.peer.take()).toEqual(['close 1']);
    expect(Math.max(...stage.peer.lengths)).toBe(extension.maxFrame);
  });

  it('credit counts that is granted while the local socket is being connected', () => {
    const stage = new TunnelStage({ extension, latencyMs: [20, 20] });
    stage.peer.open(1, 80);
    stage.peer.grant(1, 5);
    stage.run(200);
    stage.service().last.socket.write(pattern(2 * WINDOW));
    stage.run(500);
    expect(stage.peer.take()).toEqual(['confirm 1']);
    expect(stage.peer.channel(1).data.length).toBe(WINDOW + 5);
  });

  it('the agent reads no more than it may send, as far as the host can bound its reads', () => {
    const stage = new TunnelStage({ extension });
    const local = stage.open(1);
    const [agentEnd] = [...stage.host.network.sockets].filter((socket) => socket.partner === local.socket);
    const requested: number[] = [];
    if (agentEnd) agentEnd.readAtMost = (bytes) => requested.push(bytes);
    local.socket.write(pattern(WINDOW - 300));
    stage.run(500);
    expect(requested.at(-1)).toBe(300);
    expect(agentEnd?.paused).toBe(false);
    local.socket.write(pattern(300));
    stage.run(500);
    expect(agentEnd?.paused).toBe(true);
    stage.peer.grant(1, 7);
    stage.run();
    expect(requested.at(-1)).toBe(7);
    expect(agentEnd?.paused).toBe(false);
    stage.peer.grant(1, 1_000_000);
    stage.run();
    expect(requested.at(-1)).toBe(65_536);
  });

  it('the end of a local peer waits for what has no credit, even when the host reports it early', () => {
    const stage = new TunnelStage({ extension });
    const local = stage.open(1);
    local.socket.write(pattern(15_000));
    stage.run();
    for (const socket of stage.host.network.sockets) if (socket !== stage.socket) socket.handler?.ended();
    stage.run();
    expect(stage.peer.take()).toEqual([]);
    stage.peer.grant(1, 5000);
    stage.run();
    expect(stage.peer.channel(1).data.length).toBe(15_000);
    expect(stage.peer.take()).toEqual(['close 1']);
  });

  it('no credit is granted once the reflector has closed its direction', () => {
    const stage = new TunnelStage({ extension });
    stage.open(1);
    stage.peer.data(1, pattern(4096));
    stage.peer.data(1, pattern(4096));
    stage.peer.close(1);
    stage.run();
    expect(stage.peer.take()).toEqual([]);
  });

  it('holds for any interleaving: never more than a window here, never more than the credit there, nothing lost', () => {
    const step = fc.record({
      kind: fc.constantFrom('send', 'write', 'grant', 'pause', 'resume', 'wait'),
      channel: fc.integer({ min: 1, max: 3 }),
      size: fc.integer({ min: 1, max: 9000 }),
    });
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 50, max: 5000 }),
        fc.array(step, { maxLength: 60 }),
        (seed, buffer, steps) => {
          const stage = new TunnelStage({ extension, seed, latencyMs: [0, 3] });
          const locals: LocalConnection[] = [];
          const senders: HonestSender[] = [];
          const allowed = [0, WINDOW, WINDOW, WINDOW];
          const written = [0, 0, 0, 0];
          for (const channel of [1, 2, 3]) {
            locals[channel] = stage.open(channel);
            senders[channel] = new HonestSender(stage, channel);
          }
          stage.host.network.bufferBytes = buffer;
          stage.peer.onData = (channel, bytes) => {
            allowed[channel] = (allowed[channel] ?? 0) - bytes.length;
            expect(allowed[channel]).toBeGreaterThanOrEqual(0);
          };
          stage.peer.onCredit = (channel, increment) => {
            const sender = senders[channel];
            if (sender) sender.credit += increment;
            expect(sender?.credit).toBeLessThanOrEqual(WINDOW);
          };
          const boundHolds = () => {
            for (const socket of stage.host.network.sockets) {
              if (socket !== stage.socket) expect(socket.queued).toBeLessThanOrEqual(WINDOW);
            }
          };
          const grant = (channel: number, bytes: number) => {
            allowed[channel] = (allowed[channel] ?? 0) + bytes;
            stage.peer.grant(channel, bytes);
          };
          for (const { kind, channel, size } of steps) {
            const local = locals[channel];
            if (kind === 'send') senders[channel]?.send(size);
            else if (kind === 'write') {
              local?.socket.write(pattern(size, written[channel]));
              written[channel] = (written[channel] ?? 0) + size;
            } else if (kind === 'grant') grant(channel, size);
            else if (kind === 'pause') local?.socket.pause();
            else if (kind === 'resume') local?.socket.resume();
            else stage.run(size / 300);
            boundHolds();
          }
          for (const channel of [1, 2, 3]) {
            locals[channel]?.socket.resume();
            grant(channel, 1 + (written[channel] ?? 0));
          }
          stage.run(60_000);
          for (const channel of [1, 2, 3]) {
            const received = locals[channel]?.received.bytes ?? new Uint8Array();
            expect(difference(received, pattern(senders[channel]?.sent ?? 0))).toBeNull();
            expect(
              difference(stage.peer.channel(channel).data.bytes, pattern(written[channel] ?? 0)),
            ).toBeNull();
          }
          expect(stage.peer.take().filter((event) => !event.startsWith('credit'))).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('without the extension', () => {
  const limits = { windowBytes: 262_144, stallMs: 1000 };

  /** A reflector that sends without end, as the original does. */
  function flood(stage: TunnelStage, channel: number, bytes: number): void {
    for (let at = 0; at < bytes; at += 2048)
      stage.peer.data(channel, pattern(Math.min(2048, bytes - at), at));
  }

  it('a reader that takes nothing loses its channel after stallMs, and the others get all of theirs', () => {
    const stage = new TunnelStage({ limits });
    const stalled = stage.open(1, 80);
    const other = stage.open(2, 81);
    stalled.socket.pause();
    let held = 0;
    for (let i = 0; i < 64; i++) {
      flood(stage, 1, 32_768);
      stage.peer.data(2, pattern(2048, i * 2048));
      for (let ms = 0; ms < 50; ms++) {
        stage.run(1);
        for (const socket of stage.host.network.sockets) {
          if (socket !== stage.socket) held = Math.max(held, socket.queued);
        }
      }
    }
    stage.run(5000);
    expect(held).toBeLessThanOrEqual(limits.windowBytes);
    expect(stage.peer.take()[0]).toBe('error 1 4');
    expect(stage.events).toContain('closed 1 4');
    expect(difference(other.received.bytes, pattern(64 * 2048))).toBeNull();
    expect(stage.socket.paused).toBe(false);
  });

  it('a reader that is slow but goes on is waited for, and loses nothing', () => {
    const stage = new TunnelStage({ limits });
    stage.host.network.bufferBytes = 16_384;
    const local = stage.open(1);
    const total = 2_000_000;
    flood(stage, 1, total);
    for (let round = 0; local.received.length < total; round++) {
      expect(round).toBeLessThan(10_000);
      local.socket.resume();
      stage.run(2);
      local.socket.pause();
      stage.run(600);
    }
    expect(difference(local.received.bytes, pattern(total))).toBeNull();
    expect(stage.peer.take()).toEqual([]);
  });

  it('one of two readers that are behind recovers: the tunnel waits for the other until that has stalled', () => {
    const stage = new TunnelStage({ limits });
    const [quick, stalled] = [stage.open(1, 80), stage.open(2, 81)];
    for (const { socket } of [quick, stalled]) socket.pause();
    const frames: Uint8Array[] = [];
    for (let at = 0; at < 230_000; at += 2048) {
      for (const channel of [1, 2]) {
        frames.push(serverFrame(WebSocketOpcode.binary, encodeData(channel, pattern(2048, at))));
      }
    }
    stage.peer.raw(concat(...frames));
    stage.run(100);
    expect(stage.socket.paused).toBe(true);
    quick.socket.resume();
    stage.run(500);
    expect([stage.socket.paused, stage.events.includes('closed 2 4')]).toEqual([true, false]);
    stage.run(1000);
    expect([stage.socket.paused, stage.events.includes('closed 2 4')]).toEqual([false, true]);
    expect(stage.events).not.toContain('closed 1 4');
  });

  it.each([2048, 8192, 65_536])(
    'a window of %i bytes takes what one read of the tunnel brings',
    (windowBytes) => {
      const stage = new TunnelStage({ limits: { windowBytes } });
      const local = stage.open(1);
      const frames: Uint8Array[] = [];
      for (let at = 0; at < 1_024_000; at += 2048) {
        frames.push(serverFrame(WebSocketOpcode.binary, encodeData(1, pattern(2048, at))));
      }
      stage.peer.raw(concat(...frames));
      stage.run(5000);
      expect(stage.peer.take().slice(0, 3)).toEqual([]);
      expect(difference(local.received.bytes, pattern(1_024_000))).toBeNull();
    },
  );

  it('the tunnel is read again when the channel that was behind ends, for whatever reason', () => {
    for (const end of ['error', 'reset'] as const) {
      const stage = new TunnelStage({ limits });
      const stalled = stage.open(1, 80);
      const other = stage.open(2, 81);
      stalled.socket.pause();
      flood(stage, 1, 230_000);
      stage.run(100);
      expect(stage.socket.paused).toBe(true);
      stage.peer.data(2, pattern(5));
      if (end === 'reset') stalled.socket.destroy();
      else stage.run(2000);
      stage.run(100);
      expect(stage.socket.paused).toBe(false);
      expect(other.received.length).toBe(5);
      // The timer of the channel that is left, and none for those that were behind.
      expect(stage.host.clock.pending).toBe(1);
    }
  });
});

describe('a small answer', () => {
  it('does not wait behind more of a bulk transfer than the queue may hold', () => {
    const stage = new TunnelStage({ extension: { maxFrame: 65_536, window: 1 << 24 }, latencyMs: [5, 5] });
    const bulk = stage.open(1, 80);
    const small = stage.open(2, 81);
    for (let i = 0; i < 100; i++) bulk.socket.write(pattern(65_536));
    stage.run(200);
    const before = stage.peer.channel(1).data.length;
    small.socket.write(pattern(300));
    stage.host.clock.until('the answer', () => stage.peer.channel(2).data.length === 300);
    const between = stage.peer.channel(1).data.length - before;
    // What stood in the queue, one more piece that was being read, and what the kernel had taken.
    expect(between).toBeLessThanOrEqual(stage.limits.queueBytes + 65_536 + stage.host.network.bufferBytes);
  });

  it('several bulk transfers share the tunnel', () => {
    const stage = new TunnelStage({ extension: { maxFrame: 65_536, window: 1 << 24 }, latencyMs: [5, 5] });
    const channels = [1, 2, 3, 4];
    for (const channel of channels) {
      const local = stage.open(channel);
      for (let i = 0; i < 100; i++) local.socket.write(pattern(65_536));
    }
    stage.host.clock.until('8 MB', () => {
      return channels.reduce((sum, channel) => sum + stage.peer.channel(channel).data.length, 0) > 8_000_000;
    });
    for (const channel of channels)
      expect(stage.peer.channel(channel).data.length).toBeGreaterThan(1_000_000);
  });

  it('does not wait behind more of the channels that have waited than there is room for', () => {
    const queueBytes = 200_000;
    const stage = new TunnelStage({
      extension: { maxFrame: 65_536, window: 0x7fffffff },
      limits: { queueBytes },
    });
    const channels = Array.from({ length: 10 }, (_, index) => index + 1);
    const locals = channels.map((channel) => stage.open(channel));
    const agentEnds = locals.flatMap(({ socket }) => socket.partner ?? []);
    const read = () => agentEnds.filter(({ paused }) => !paused).length;
    stage.peer.socket.pause();
    for (const { socket } of locals) for (let i = 0; i < 8; i++) socket.write(pattern(65_536));
    stage.run(100);
    expect([agentEnds.length, read()]).toEqual([10, 0]);
    stage.peer.socket.resume();
    stage.host.clock.until('room', () => stage.socket.queued <= queueBytes / 2);
    expect(read()).toBe(Math.floor((queueBytes - stage.socket.queued) / 65_536));
    stage.run(5000);
    for (const channel of channels) expect(stage.peer.channel(channel).data.length).toBe(8 * 65_536);
  });

  it('does not wait for room that those before it leave unused', () => {
    const stage = new TunnelStage({
      extension: { maxFrame: 4096, window: 1 << 24 },
      limits: { queueBytes: 1000, channels: 100 },
      latencyMs: [3, 3],
    });
    const channels = Array.from({ length: 20 }, (_, index) => index + 1);
    const locals = channels.map((channel) => stage.open(channel));
    for (const { socket } of locals) socket.write(pattern(3000));
    const last = locals.at(-1);
    stage.run(3);
    last?.socket.write(pattern(3000, 3000));
    stage.run(1000);
    expect(difference(stage.peer.channel(20).data.bytes, pattern(6000))).toBeNull();
    for (const channel of channels.slice(0, -1)) expect(stage.peer.channel(channel).data.length).toBe(3000);
  });
});
