import { encodeCredit } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { pattern } from '../../../protocol/src/testing/bytes.ts';
import { noHandles } from '../../simulation/host.ts';
import { LINK_ADDRESS, LinkStage } from '../../simulation/link-stage.ts';
import { LocalService } from '../../simulation/local-service.ts';

describe('a dead link', () => {
  it('is noticed by its silence: PING after the keep-alive time, the end without an answer', () => {
    const stage = new LinkStage({ keepAliveMs: 20_000 }).live();
    const { peer } = stage.reflector;
    stage.run(19_000);
    expect(peer.take()).toEqual([]);
    stage.run(2000);
    expect(peer.take()).toEqual(['ping']);
    stage.run(60_000);
    expect(stage.link.state).toBe('live');
    stage.host.network.cutAll();
    const took = stage.until('waiting');
    expect(took).toBeLessThanOrEqual(40_000);
    expect(stage.events.at(-1)).toBe('link is dead: no answer to PING');
    expect(stage.host.handles).toEqual({ ...noHandles, timers: 1 });
    stage.until('live');
  });

  it('is noticed within the keep-alive time and 30 s at most', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    stage.host.network.cutAll();
    expect(stage.until('waiting')).toBeLessThanOrEqual(330_000);
  });

  it('is not taken for one that sends: any byte is a sign of life', () => {
    const stage = new LinkStage({ keepAliveMs: 20_000 }).live();
    stage.reflector.peer.answersPings = false;
    for (let i = 0; i < 20; i++) {
      stage.reflector.peer.open(i, 9999);
      stage.run(15_000);
    }
    expect(stage.link.state).toBe('live');
    expect(stage.reflector.peer.take().filter((frame) => frame === 'ping')).toHaveLength(1);
  });

  it('is not taken for one that we do not read, because a local reader is slow', () => {
    const stage = new LinkStage({ keepAliveMs: 5000 }).live();
    const service = new LocalService(stage.host.network, 80);
    const { peer } = stage.reflector;
    peer.open(1, 80);
    stage.run(100);
    stage.host.network.bufferBytes = 1024;
    for (let i = 0; i < 200; i++) peer.data(1, pattern(2048));
    const { socket, received } = service.last;
    // Less than half a window in 60 s, but never nothing in a second.
    for (let i = 0; i < 120; i++) {
      socket.resume();
      stage.run(0.5);
      socket.pause();
      stage.run(499.5);
      expect(stage.link.state).toBe('live');
    }
    expect(received.length).toBeLessThan(200 * 2048);
    socket.resume();
    stage.run(20_000);
    expect(received.length).toBe(200 * 2048);
  });

  it('is noticed although the reflector goes on sending, when nothing of ours arrives', () => {
    const stage = new LinkStage({ keepAliveMs: 60_000 }).live();
    const { peer } = stage.reflector;
    const agents = [...stage.host.network.sockets];
    // The first PING is answered; then a proxy on the way goes deaf in one direction.
    for (let i = 0; i < 70; i++) {
      stage.run(1000);
      peer.frame(encodeCredit(0, 1));
    }
    for (const socket of agents) socket.mute = true;
    for (let second = 0; second < 60 + 60 + 30 + 1; second++) {
      peer.frame(encodeCredit(0, 1));
      stage.run(1000);
    }
    expect(stage.events).toContain('link is dead: no answer to PING, although bytes come');
    stage.until('live');
  });

  it('is noticed although the reflector goes on sending, when nothing of ours goes out', () => {
    const stage = new LinkStage({ keepAliveMs: 20_000 }).live();
    const service = new LocalService(stage.host.network, 80);
    const { peer } = stage.reflector;
    peer.answersPings = false;
    peer.open(1, 80);
    stage.run(100);
    for (const socket of stage.host.network.sockets) socket.mute = true;
    service.last.socket.write(pattern(500_000));
    for (let second = 0; second < 20 + 20 + 1; second++) {
      peer.frame(encodeCredit(1, 1));
      stage.run(1000);
    }
    expect(stage.events).toContain('link is dead: nothing of what is sent goes out');
  });

  it('is not taken for one that uploads slowly, with its PING behind all that', () => {
    const stage = new LinkStage({ keepAliveMs: 60_000 }).live();
    const service = new LocalService(stage.host.network, 80);
    const { peer, last } = stage.reflector;
    peer.open(1, 80);
    stage.run(100);
    last.socket.pause();
    stage.host.network.bufferBytes = 3000;
    service.last.socket.write(pattern(2_000_000));
    for (let i = 0; i < 140; i++) {
      stage.run(1000);
      last.socket.resume();
      stage.run(0);
      last.socket.pause();
      expect(stage.link.state).toBe('live');
    }
  });
});

describe('a process that was stopped, or a machine that slept', () => {
  it('does not take its own absence for the silence of the reflector', () => {
    const stage = new LinkStage({ keepAliveMs: 60_000 }).live();
    const { peer } = stage.reflector;
    stage.run(60_000 - 100 - 1);
    // The PING goes out, and the PONG is there when the process goes on; but its timers come first.
    stage.run(2);
    stage.host.clock.suspend(3_600_000);
    stage.run(1000);
    expect(stage.link.state).toBe('live');
    expect(stage.reflector.connections).toHaveLength(1);
    expect(peer.take()).toEqual(['ping', 'ping']);
  });

  it('finds out within 10 s that the link has died meanwhile', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    stage.host.network.cutAll();
    stage.host.clock.suspend(3_600_000);
    expect(stage.until('waiting')).toBeLessThanOrEqual(10_000);
    stage.until('live');
  });

  it('dials when it should have dialled long ago', () => {
    const stage = new LinkStage();
    stage.reflector.answer = () => 'HTTP/1.1 403 x\r\n\r\n';
    stage.link.start();
    stage.until('waiting');
    stage.reflector.answer = () => 'accept';
    stage.host.clock.suspend(3_600_000);
    expect(stage.until('live')).toBeLessThan(100);
  });
});

describe('a middlebox that forgets silent connections', () => {
  it.each([20_000, 60_000, 100_000, 250_000])(
    'after %i ms is outwitted after a few links',
    (forgetsAfterMs) => {
      const stage = new LinkStage({ keepAliveMs: 300_000 });
      stage.host.network.forgetsAfterMs = forgetsAfterMs;
      stage.live();
      stage.run(3_600_000);
      const links = stage.reflector.connections.length;
      expect(links).toBeLessThanOrEqual(10);
      expect(stage.keepAlives.at(-1)).toBeLessThan(forgetsAfterMs);
      stage.run(86_400_000);
      expect(stage.reflector.connections).toHaveLength(links);
    },
  );

  it('by a reset is outwitted after two links', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    for (let i = 0; i < 2; i++) {
      stage.run(60_000);
      stage.reflector.peer.socket.destroy();
      stage.until('waiting');
      stage.until('live');
      stage.run(100);
    }
    expect(stage.keepAlives).toEqual([300_000, 300_000, 37_500]);
  });

  it('is not seen in a network that is away', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    for (let i = 0; i < 4; i++) {
      stage.host.network.cutAll();
      stage.host.network.endpoints.clear();
      stage.until('waiting');
      stage.until('connecting');
      stage.until('waiting');
      stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
      stage.until('live');
      stage.run(100);
    }
    expect(new Set(stage.keepAlives)).toEqual(new Set([300_000]));
  });
});
