import { ChannelError } from 'rm-protocol';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../config/limits.ts';
import type { Channel } from './channel.ts';
import { LegacyFlowControl } from './legacy-flow-control.ts';

let clock: ManualClock;
let flow: LegacyFlowControl;
let events: unknown[];
beforeEach(() => {
  clock = new ManualClock();
  events = [];
  const limits = { ...defaultLimits, windowBytes: 1000, stallMs: 1000 };
  flow = new LegacyFlowControl(clock, limits, (stop) => events.push(stop ? 'stop' : 'go on'));
});

/** A channel of which only what it holds counts. */
function reader(name: string) {
  const channel = {
    held: 0,
    expire: (error: number) => events.push(`${name} ${error} at ${clock.now()}`),
  };
  return (held: number) => {
    const progress = held < channel.held;
    channel.held = held;
    flow.changed(channel as unknown as Channel, progress);
  };
}

describe('a tunnel without the extension', () => {
  it('is not read from where a reader is half a window behind until it is but a quarter', () => {
    const a = reader('a');
    a(500);
    expect(events).toEqual([]);
    a(501);
    a(900);
    expect(events).toEqual(['stop']);
    a(251);
    expect(events).toEqual(['stop']);
    a(250);
    expect([events, clock.pending]).toEqual([['stop', 'go on'], 0]);
  });

  it('is not read for as long as any reader is behind', () => {
    const [a, b] = [reader('a'), reader('b')];
    a(600);
    b(600);
    a(0);
    expect(events).toEqual(['stop']);
    b(0);
    expect([events, clock.pending]).toEqual([['stop', 'go on'], 0]);
  });

  it('loses the channel of a reader that takes nothing for the stall time, and not before', () => {
    const asked = vi.spyOn(clock, 'schedule');
    const [a, b] = [reader('a'), reader('b')];
    a(600);
    clock.advance(300);
    b(600);
    clock.advance(300);
    // What comes is no progress.
    a(700);
    b(599);
    clock.advance(10_000);
    expect(events).toEqual([
      'stop',
      `a ${ChannelError.timeout} at 1000`,
      `b ${ChannelError.timeout} at 1600`,
      'go on',
    ]);
    expect([asked.mock.calls.length, clock.pending]).toEqual([2, 0]);
  });

  it('is looked at at once when the time is up to the millisecond', () => {
    const a = reader('a');
    a(600);
    clock.advance(999);
    a(599);
    clock.advance(1000);
    expect(events).toEqual(['stop', `a ${ChannelError.timeout} at 1999`, 'go on']);
  });

  it('does not take the absence of the agent for that of a reader', () => {
    const a = reader('a');
    a(600);
    clock.advance(500);
    // The machine sleeps, and its timers come before what the reader takes.
    clock.suspend(60_000);
    expect(events).toEqual(['stop']);
    clock.advance(999);
    expect(events).toEqual(['stop']);
    clock.advance(1);
    expect(events).toEqual(['stop', `a ${ChannelError.timeout} at 61500`, 'go on']);
  });

  it('takes a check that is a little late for one in time', () => {
    const a = reader('a');
    a(600);
    clock.advance(500);
    clock.suspend(1000);
    expect(events).toEqual(['stop', `a ${ChannelError.timeout} at 1500`, 'go on']);
  });
});
