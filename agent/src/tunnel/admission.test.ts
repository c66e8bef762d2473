import { ChannelError } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';
import type { Admit, Refusal } from './forwarded-port.ts';

/** A tunnel whose channels wait until the test decides. */
function waitingStage(options: ConstructorParameters<typeof TunnelStage>[0] = {}) {
  const waiting = new Map<number, (refusal: Refusal | null) => void>();
  const admit: Admit = (channel, decided) => {
    waiting.set(channel, decided);
    return { cancel: () => waiting.delete(channel) };
  };
  const stage = new TunnelStage({ ...options, admit });
  const open = (channel: number) => {
    stage.peer.open(channel, 80);
    stage.run();
  };
  const decide = (channel: number, refusal: Refusal | null) => {
    const decided = waiting.get(channel);
    waiting.delete(channel);
    decided?.(refusal);
    stage.run();
  };
  return { stage, waiting, open, decide };
}

describe('a channel that is let in', () => {
  it('at once is dialled at once', () => {
    const stage = new TunnelStage({ admit: () => null });
    stage.open(1);
    expect(stage.service().connections).toHaveLength(1);
  });

  it('later is dialled then, and has all its time to connect', () => {
    const { stage, open, decide } = waitingStage({ connectMs: 1000 });
    open(1);
    stage.run(60_000);
    expect([stage.peer.take(), stage.service().connections]).toEqual([[], []]);
    expect(stage.tunnel.channels).toBe(1);
    decide(1, null);
    expect(stage.peer.take()).toEqual(['confirm 1']);
    stage.peer.data(1, ascii('x'));
    stage.run();
    expect(stage.service().last.received.length).toBe(1);
  });

  it('later, and then does not connect, times out', () => {
    const { stage, open, decide } = waitingStage({ connectMs: 1000 });
    stage.host.network.endpoints.set('127.0.0.1:80', 'silent');
    open(1);
    decide(1, null);
    stage.run(999);
    expect(stage.peer.take()).toEqual(['fault 1 4']);
    expect(stage.localSockets).toBe(0);
  });

  it('after longer than the local timeout is not idle', () => {
    const { stage, open, decide } = waitingStage({ localMs: 1000 });
    open(1);
    stage.run(5000);
    decide(1, null);
    expect(stage.peer.take()).toEqual(['confirm 1']);
    stage.run(1100);
    expect(stage.peer.take()).toEqual(['error 1 4']);
  });
});

describe('a channel that is not let in', () => {
  it.each([ChannelError.notForwarded, ChannelError.refused, ChannelError.timeout])(
    'gets fault %i, at once or later, and nothing is dialled',
    (fault) => {
      const atOnce = new TunnelStage({ admit: () => ({ fault, reason: 'no' }) });
      atOnce.peer.open(1, 80);
      atOnce.run();
      expect(atOnce.peer.take()).toEqual([`fault 1 ${fault}`]);
      expect(atOnce.events).toEqual(['refused port 80 no']);

      const { stage, open, decide } = waitingStage();
      open(1);
      decide(1, { fault, reason: 'no' });
      expect(stage.peer.take()).toEqual([`fault 1 ${fault}`]);
      expect([stage.tunnel.channels, stage.host.network.dialled]).toEqual([0, ['192.0.2.1:443']]);
      // The number is free again.
      open(1);
      decide(1, null);
      expect(stage.peer.take()).toEqual(['confirm 1']);
    },
  );
});

describe('a channel that waits', () => {
  it('counts as one that is dialled', () => {
    const { stage, waiting, open, decide } = waitingStage({ limits: { pendingOpens: 2 } });
    for (const channel of [1, 2, 3]) open(channel);
    expect(waiting.size).toBe(2);
    expect(stage.peer.take()).toEqual(['fault 3 5']);
    decide(1, null);
    open(4);
    expect(stage.peer.take()).toEqual(['confirm 1']);
  });

  it.each([
    ['data before the confirm', (stage: TunnelStage) => stage.peer.data(1, ascii('x')), ['fault 1 6']],
    ['an error of the reflector', (stage: TunnelStage) => stage.peer.error(1, 5), []],
    ['the end of the tunnel', (stage: TunnelStage) => stage.tunnel.abandon(), []],
  ])('is over with %s', (_name, act, seen) => {
    const { stage, waiting, open } = waitingStage();
    open(1);
    act(stage);
    stage.run();
    expect([stage.peer.take(), waiting.size, stage.tunnel.channels]).toEqual([seen, 0, 0]);
  });

  it('is half-closed at once when the reflector had nothing to send', () => {
    const { stage, open, decide } = waitingStage();
    open(1);
    stage.peer.close(1);
    stage.run();
    decide(1, null);
    expect(stage.peer.take()).toEqual(['confirm 1']);
    expect(stage.service().last.hasEnded).toBe(true);
  });
});

describe('channels that are ended together', () => {
  it('are those that are named, with the error that is', () => {
    const stage = new TunnelStage();
    const locals = [1, 2, 3].map((channel) => stage.open(channel));
    stage.tunnel.endChannels(new Set([1, 3, 77]), ChannelError.timeout);
    stage.run();
    expect(stage.peer.take()).toEqual(['error 1 4', 'error 3 4']);
    expect(locals.map(({ closedWith }) => closedWith !== undefined)).toEqual([true, false, true]);
    expect(stage.tunnel.channels).toBe(1);
  });
});
