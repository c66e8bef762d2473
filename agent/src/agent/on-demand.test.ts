import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { AgentCore } from './agent.ts';
import type { AgentEvents } from './events.ts';
import { OnDemand } from './on-demand.ts';

const idleMs = 300_000;
const hour = 3_600_000;

let clock: ManualClock;
let calls: string[];
let listeners: Partial<Record<keyof AgentEvents, (event: object) => void>>;
let onDemand: OnDemand;

beforeEach(() => {
  clock = new ManualClock();
  calls = [];
  listeners = {};
  const agent = {
    start: () => calls.push('start'),
    stop: () => calls.push(`stop at ${clock.now()}`),
    on: (name: keyof AgentEvents, listener: (event: object) => void) => {
      listeners[name] = listener;
    },
  };
  onDemand = new OnDemand(clock, agent as unknown as AgentCore, idleMs);
  onDemand.open(clock.date() + hour);
  listeners.state?.({ state: 'connected' });
});

const channel = (number: number, state: 'open' | 'closed') => listeners.channel?.({ channel: number, state });

describe('a tunnel on demand', () => {
  it('closes when it has had no channel for a while', () => {
    channel(1, 'open');
    clock.advance(600_000);
    channel(1, 'closed');
    clock.advance(idleMs);
    expect(calls).toEqual(['start', `stop at ${600_000 + idleMs}`]);
  });

  it('stays while a channel is open, also when another could not be opened', () => {
    channel(1, 'open');
    channel(2, 'closed');
    clock.advance(hour - 1);
    expect(calls).toEqual(['start']);
    clock.advance(1);
    expect(calls).toEqual(['start', `stop at ${hour}`]);
  });

  it('counts no channel of a connection that is gone', () => {
    channel(1, 'open');
    listeners.state?.({ state: 'waiting' });
    listeners.state?.({ state: 'connected' });
    clock.advance(idleMs);
    expect(calls).toEqual(['start', `stop at ${idleMs}`]);
  });
});
