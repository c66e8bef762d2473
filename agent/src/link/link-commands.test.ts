import { describe, expect, it } from 'vitest';
import { noHandles } from '../../simulation/host.ts';
import { stageIn, states } from '../../simulation/link-in-state.ts';
import { LINK_ADDRESS, LinkStage } from '../../simulation/link-stage.ts';

describe('retry', () => {
  it('starts the back-off anew', () => {
    const stage = new LinkStage();
    stage.host.network.names.delete('r.example');
    stage.link.start();
    for (let i = 0; i < 9; i++) {
      stage.until('waiting');
      if (i < 8) stage.until('preparing');
    }
    stage.link.retry();
    stage.until('waiting');
    expect(stage.waits.at(-1)).toBeLessThanOrEqual(1000);
    expect(Math.max(...stage.waits.map(Number))).toBeGreaterThan(10_000);
  });

  it('dials at once when the link waits', () => {
    const stage = new LinkStage({ seed: 2 });
    stage.host.network.names.delete('r.example');
    stage.link.start();
    for (let i = 0; i < 8; i++) {
      stage.until('waiting');
      if (i < 7) stage.until('preparing');
    }
    stage.host.network.names.set('r.example', [LINK_ADDRESS]);
    stage.link.retry();
    expect(stage.link.state).toBe('preparing');
    expect(stage.until('live')).toBeLessThan(100);
  });

  it.each(states.filter((state) => state !== 'waiting'))('is nothing when the link is %s', (state) => {
    const stage = stageIn(state);
    const before = stage.reflector.connections.length;
    stage.link.retry();
    expect(stage.link.state).toBe(state);
    expect(stage.reflector.connections).toHaveLength(before);
  });
});

describe('stop', () => {
  it.each(states)(
    'in state %s leaves nothing, reports it once, and lets the link be started again',
    (state) => {
      const stage = stageIn(state);
      stage.events.length = 0;
      stage.link.stop('agent stops');
      stage.link.stop('agent stops');
      stage.until('idle');
      stage.run(1_000_000);
      expect(stage.host.handles).toEqual(noHandles);
      expect(stage.link.state).toBe('idle');
      expect(stage.events).toContain('stopped');
      expect(stage.events).not.toContain('connecting');
      stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
      stage.link.start();
      stage.until('live');
      expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
    },
  );

  it('closes a live tunnel in order: 1001, the answer, the end of the connection', () => {
    const stage = new LinkStage().live();
    const { peer } = stage.reflector;
    stage.link.stop('agent stops');
    expect(stage.link.state).toBe('closing');
    stage.run(10);
    expect(peer.take()).toEqual(['wsclose 1001']);
    peer.closeTunnel(1001);
    stage.until('idle', 1000);
    expect(stage.events).toEqual(['connecting', 'live', 'stopped']);
  });

  it('reports that it is stopped for each call', () => {
    const stage = new LinkStage();
    stage.link.stop('agent stops');
    stage.link.stop('agent stops');
    expect(stage.events).toEqual(['stopped', 'stopped']);
  });

  it('in the middle of each event of an attempt ends it', () => {
    for (let events = 0; events < 20; events++) {
      const stage = new LinkStage({ dial: { stepTimeoutMs: 100 } });
      stage.link.start();
      stage.run(events / 2);
      stage.link.stop('agent stops');
      stage.run(3000);
      expect(stage.host.handles).toEqual(noHandles);
      expect(stage.events.at(-1)).toBe('stopped');
    }
  });

  it.each(states)('by disable, in state %s, ends in "disabled", until it is started', (state) => {
    const stage = stageIn(state);
    stage.events.length = 0;
    stage.link.disable('by hand');
    stage.link.disable('by hand');
    stage.until('disabled');
    stage.run(1_000_000);
    expect(stage.host.handles).toEqual(noHandles);
    expect(stage.link.state).toBe('disabled');
    expect(stage.events).toContain('stopped');
    stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
    stage.link.start();
    stage.until('live');
  });

  it('that is taken back while the link closes dials at once when it has closed', () => {
    const stage = new LinkStage().live();
    stage.events.length = 0;
    stage.link.stop('agent stops');
    stage.link.start();
    stage.until('live');
    expect(stage.events).toEqual(['stopped', 'connecting', 'live']);
    expect(stage.reflector.connections).toHaveLength(2);
    // The next end of the link is one like any other.
    stage.reflector.peer.closeTunnel(1001);
    stage.until('waiting');
  });
});
