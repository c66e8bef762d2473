import { describe, expect, it } from 'vitest';
import { noHandles } from '../../simulation/host.ts';
import { stageIn } from '../../simulation/link-in-state.ts';
import { LINK_ADDRESS, LinkStage } from '../../simulation/link-stage.ts';

describe('a change of the network', () => {
  /** A link that has failed so often that it waits for long. */
  function waiting(answer: string | null): LinkStage {
    const stage = new LinkStage();
    if (answer === null) stage.host.network.endpoints.clear();
    else stage.reflector.answer = () => answer;
    stage.link.start();
    for (;;) {
      stage.until('waiting');
      if (Number(stage.waits.at(-1)) > 60_000) return stage;
      stage.until('preparing');
    }
  }

  const mend = (stage: LinkStage) => {
    stage.host.network.listen(LINK_ADDRESS, 80, (socket) => stage.reflector.take(socket));
    stage.reflector.answer = () => 'accept';
  };

  it('is waited for as long as the link is wanted', () => {
    const stage = new LinkStage();
    expect(stage.host.network.watchers).toBe(0);
    stage.live();
    expect(stage.host.network.watchers).toBe(1);
    stage.link.stop('agent stops');
    stage.until('idle');
    expect(stage.host.network.watchers).toBe(0);
    stage.link.start();
    stage.until('live');
    stage.link.disable('by hand');
    stage.until('disabled');
    expect(stage.host.network.watchers).toBe(0);
  });

  it.each([null, 'HTTP/1.1 403 x\r\n\r\n'])('ends the wait after a failure (%s)', (answer) => {
    const stage = waiting(answer);
    mend(stage);
    stage.host.network.change();
    expect(stage.until('live')).toBeLessThan(2000);
  });

  it('starts the back-off of faults anew, and not that of refusals', () => {
    for (const [answer, most, least] of [
      [null, 1000, 0],
      ['HTTP/1.1 403 x\r\n\r\n', 3_600_000, 60_000],
    ] as const) {
      const stage = waiting(answer);
      stage.host.network.change();
      stage.until('preparing');
      stage.until('waiting');
      expect(stage.waits.at(-1)).toBeLessThanOrEqual(most);
      expect(stage.waits.at(-1)).toBeGreaterThanOrEqual(least);
    }
  });

  it('does not end a wait that the reflector has asked for', () => {
    const stage = waiting('HTTP/1.1 503 x\r\nRetry-After: 600\r\n\r\n');
    mend(stage);
    stage.host.network.change();
    stage.run(500_000);
    expect(stage.link.state).toBe('waiting');
  });

  it('during an attempt is answered when that has failed', () => {
    const stage = new LinkStage();
    stage.host.network.endpoints.set(`${LINK_ADDRESS}:80`, 'silent');
    stage.link.start();
    stage.until('connecting');
    stage.host.network.change();
    stage.run(1);
    mend(stage);
    expect(stage.until('live')).toBeLessThan(13_000);
  });

  it('makes a live link ask at once whether it still is', () => {
    const stage = new LinkStage({ keepAliveMs: 300_000 }).live();
    const { peer } = stage.reflector;
    stage.host.network.change();
    stage.host.network.change();
    stage.run(2000);
    expect(peer.take()).toEqual(['ping']);
    stage.run(200_000);
    expect(peer.take()).toEqual([]);
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
    stage.host.network.cutAll();
    stage.host.network.change();
    expect(stage.until('waiting')).toBeLessThan(12_000);
    expect(stage.until('live')).toBeLessThan(2000);
    // The silence before says nothing about middleboxes.
    expect(stage.keepAlives).toEqual([300_000, 300_000]);
  });

  it.each(['accept', 'HTTP/1.1 401 x\r\n\r\n'])(
    'that goes on for an hour makes no hammer of a link with the answer %j',
    (answer) => {
      const stage = new LinkStage({ keepAliveMs: 300_000 });
      stage.reflector.answer = () => answer;
      stage.link.start();
      for (let i = 0; i < 36_000; i++) {
        stage.host.network.change();
        stage.run(100);
      }
      expect(stage.host.handles.timers).toBe(1);
      const { connections, last } = stage.reflector;
      const asked = last.peer?.take().length ?? connections.length;
      expect(asked).toBeLessThan(150);
      expect(asked).toBeGreaterThan(50);
    },
  );

  it('leaves a link alone that is down, and one that closes', () => {
    for (const state of ['idle', 'disabled', 'closing'] as const) {
      const stage = stageIn(state);
      stage.host.network.change();
      stage.run(0);
      expect(stage.link.state).toBe(state);
    }
  });
});
