import { encodeData } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { hex, pattern } from '../../../protocol/src/testing/bytes.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';
import { serverFrame } from '../../simulation/websocket-server.ts';
import { defaultCommandLimits, defaultLimits, type Limits } from '../config/limits.ts';

/** What the agent holds for local readers at present. */
function held(stage: TunnelStage): number[] {
  return [...stage.host.network.sockets]
    .filter((socket) => socket !== stage.socket)
    .map(({ queued }) => queued);
}

/** Lets time pass in small steps, and tells the most that `measure` gave. */
function most(stage: TunnelStage, ms: number, measure: () => number): number {
  let found = 0;
  for (let i = 0; i < ms; i++) {
    stage.run(1);
    found = Math.max(found, measure());
  }
  return found;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** Tried elsewhere: in `link/attempt-answers.test.ts`, `link/attempt-routes.test.ts`, `dial/dial-service.test.ts`, `config/load.test.ts`, `config/allowed.test.ts`, `test/scenarios/bounds.test.ts`, and those of commands. */
const elsewhere = [
  ...(['headBytes', 'addresses', 'reflectors', 'proxies', 'reasonLength', 'memoryBytes'] as const),
  'serviceSettingsLength',
] as const;

/** A peer that goes beyond each bound on purpose. */
const attacks: Record<
  Exclude<keyof Limits, (typeof elsewhere)[number] | keyof typeof defaultCommandLimits>,
  () => void
> = {
  windowBytes() {
    const stage = new TunnelStage({ limits: { windowBytes: 131_072 } });
    const local = stage.open(1);
    local.socket.pause();
    for (let i = 0; i < 1000; i++) stage.peer.data(1, pattern(2048));
    expect(stage.tunnel.waitsForReader).toBe(false);
    expect(most(stage, 200, () => Math.max(0, ...held(stage)))).toBeLessThanOrEqual(131_072);
    expect(stage.tunnel.waitsForReader).toBe(true);
    stage.run(3000);
    expect(stage.peer.take()[0]).toBe('error 1 4');
    // What comes with one read is not held back by the pause of the next.
    for (const [windowBytes, bytes, seen] of [
      [32_768, 81_920, []],
      [32_768, 81_921, ['error 1 4']],
      [131_072, 131_072, []],
      [131_072, 131_073, ['error 1 4']],
      [262_144, 262_144, []],
      [262_144, 262_145, ['error 1 4']],
    ] as const) {
      const stage = new TunnelStage({ limits: { windowBytes } });
      stage.open(1).socket.pause();
      const whole = pattern(bytes);
      for (let at = 0; at < bytes; at += 2048) {
        const frame = serverFrame(2, encodeData(1, whole.subarray(at, at + 2048)));
        stage.tunnel.receive(frame, 0, frame.length);
      }
      stage.run();
      expect(stage.peer.take()).toEqual(seen);
    }
  },

  frameBytes() {
    const stage = new TunnelStage({ extension: { maxFrame: 4096, window: 65_536 } });
    const local = stage.open(1);
    const other = stage.open(2, 81);
    stage.peer.data(1, pattern(4097));
    stage.peer.data(2, pattern(4096));
    stage.run();
    expect(stage.peer.take()).toEqual(['error 1 6']);
    expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect(other.received.length).toBe(4096);
    // The longest message that is one channel's fault.
    stage.open(3);
    stage.peer.data(3, pattern(2 * 4096));
    stage.run();
    expect([stage.peer.take(), stage.end]).toEqual([['error 3 6'], null]);
    // What is longer than any frame ends the tunnel (RFC 6455 section 7.4.1: 1009), before it has arrived.
    stage.peer.raw(hex('82 7e 2005'));
    stage.run();
    expect(stage.peer.take()).toEqual(['wsclose 1009']);
    expect(stage.end).toMatchObject({ code: 1009, by: 'agent' });
  },

  stallMs() {
    const stage = new TunnelStage({ limits: { stallMs: 700 } });
    const local = stage.open(1);
    local.socket.pause();
    for (let i = 0; i < 110; i++) stage.peer.data(1, pattern(2048));
    stage.run(600);
    // What a read that was under way brings is no progress of the reader.
    const late = serverFrame(2, encodeData(1, pattern(1)));
    stage.tunnel.receive(late, 0, late.length);
    stage.run(50);
    expect(stage.peer.take()).toEqual([]);
    expect(stage.socket.paused).toBe(true);
    stage.run(200);
    expect(stage.peer.take()[0]).toBe('error 1 4');
    expect(stage.socket.paused).toBe(false);
  },

  channels() {
    const stage = new TunnelStage({ limits: { channels: 10 } });
    for (let channel = 0; channel < 1000; channel++) stage.peer.open(channel, 80);
    expect(most(stage, 100, () => stage.localSockets)).toBe(10);
    const seen = stage.peer.take();
    expect(seen.filter((event) => event.startsWith('confirm'))).toHaveLength(10);
    expect(seen.filter((event) => /^fault .* 5$/.test(event))).toHaveLength(990);
    stage.peer.error(0, 5);
    stage.peer.open(2000, 80);
    stage.run();
    expect(stage.peer.take()).toEqual(['confirm 2000']);
  },

  pendingOpens() {
    const stage = new TunnelStage({ limits: { pendingOpens: 5 } });
    stage.open(1000, 81);
    stage.host.network.endpoints.set('127.0.0.1:80', 'silent');
    for (let channel = 0; channel < 100; channel++) stage.peer.open(channel, 80);
    stage.run();
    expect(stage.localSockets).toBe(6);
    expect(stage.peer.take()).toHaveLength(95);
    stage.run(20_000);
    expect(stage.peer.take()).toHaveLength(5);
    expect(stage.localSockets).toBe(1);
  },

  totalBytes() {
    const extension = { maxFrame: 65_536, window: 100_000 };
    const stage = new TunnelStage({ extension, limits: { totalBytes: 250_000 } });
    const locals = [1, 2, 3, 4, 5].map((channel) => stage.open(channel));
    stage.host.network.bufferBytes = 5000;
    for (const { socket } of locals) socket.pause();
    for (const channel of [1, 2, 3, 4, 5])
      for (let i = 0; i < 100 - channel; i++) stage.peer.data(channel, pattern(1000));
    const total = most(stage, 500, () => sum(held(stage)));
    expect(total).toBeGreaterThan(200_000);
    expect(total).toBeLessThanOrEqual(250_000 + 65_536);
    // The channel that held most is the one that ended.
    expect(stage.events).toContain('closed 1 4');
    expect(stage.events).not.toContain('closed 5 4');
  },

  queueBytes() {
    const extension = { maxFrame: 65_536, window: 0x7fffffff };
    const stage = new TunnelStage({ extension, limits: { queueBytes: 100_000 } });
    const locals = [1, 2, 3].map((channel) => stage.open(channel));
    stage.peer.socket.pause();
    for (const { socket } of locals) for (let i = 0; i < 50; i++) socket.write(pattern(65_536));
    // Above the bound nobody is read; each may have had one piece under way.
    expect(most(stage, 500, () => stage.socket.queued)).toBeLessThanOrEqual(100_000 + 3 * 65_536);
    stage.peer.socket.resume();
    stage.run(5000);
    for (const channel of [1, 2, 3]) expect(stage.peer.channel(channel).data.length).toBe(50 * 65_536);
  },

  answerBytes() {
    const stage = new TunnelStage({ limits: { queueBytes: 10_000, answerBytes: 10_000 } });
    stage.host.network.bufferBytes = 8192;
    stage.peer.socket.pause();
    for (let i = 0; i < 10_000; i++) stage.peer.open(i, 8080);
    // Beyond the bound: the answers to what was in the one piece that was being read.
    expect(most(stage, 500, () => stage.socket.queued)).toBeLessThanOrEqual(20_000 + 2 * 8192);
    expect(stage.socket.paused).toBe(true);
    stage.peer.socket.resume();
    stage.run(10_000);
    expect(stage.peer.take()).toHaveLength(10_000);
  },
};

describe('the bound', () => {
  it.each(Object.entries(attacks))('%s holds against a peer that goes beyond it', (_name, attack) =>
    attack(),
  );

  it('of each kind is tried', () => {
    const tried = [...Object.keys(attacks), ...elsewhere, ...Object.keys(defaultCommandLimits)];
    expect(tried.sort()).toEqual(Object.keys(defaultLimits).sort());
  });
});
