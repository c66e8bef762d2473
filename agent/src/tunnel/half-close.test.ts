import { describe, expect, it } from 'vitest';
import { difference, pattern } from '../../../protocol/src/testing/bytes.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';
import type { Limits } from '../config/limits.ts';

/** A channel that both sides have closed, while its socket still has bytes for a local peer that does not read. */
function draining(limits: Partial<Limits> = {}) {
  const stage = new TunnelStage({ limits });
  const local = stage.open(1);
  stage.host.network.bufferBytes = 500;
  local.socket.pause();
  stage.peer.data(1, pattern(2000));
  stage.peer.close(1);
  local.socket.end();
  stage.run();
  return { stage, local };
}

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
    const { stage, local } = draining();
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

  it('then counts as a channel still, and ends with the tunnel', () => {
    const { stage, local } = draining({ channels: 1 });
    stage.peer.take();
    stage.peer.open(1, 81);
    stage.run();
    expect(stage.peer.take()).toEqual(['fault 1 5']);
    stage.tunnel.abandon();
    stage.run();
    expect(local.closedWith).toMatchObject({ code: 'reset' });
    expect([stage.localSockets, stage.host.clock.pending]).toEqual([0, 0]);
  });

  it('then an error of the old socket does not touch the new channel of the same number', () => {
    const { stage, local } = draining();
    const next = stage.open(1, 81);
    local.socket.destroy();
    stage.run();
    expect(stage.peer.take()).toEqual([]);
    stage.peer.data(1, pattern(3));
    stage.run();
    expect(difference(next.received.bytes, pattern(3))).toBeNull();
  });
});
