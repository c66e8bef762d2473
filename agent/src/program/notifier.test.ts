import { describe, expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles, type Program } from '../../simulation/host.ts';
import type { AgentEvents } from '../agent/events.ts';
import { Notifier } from './notifier.ts';

type State = AgentEvents['state']['state'];

function notifierWith(program: Program, settings: { arguments: 'none' | 'event' } = { arguments: 'none' }) {
  const host = new AgentHost();
  host.processes.results.set('tell me', program);
  const notifier = new Notifier(host, host.log, { command: 'tell me', timeout: 5, ...settings });
  const change = (previous: State, state: State, reason: string | null = null) =>
    notifier.changed({ state, previous, reason });
  const notified = () =>
    host.processes.runs.map(({ options: { environment = {} } }) =>
      [environment.RM_PREVIOUS_STATE, environment.RM_STATE, environment.RM_REASON].join(' '),
    );
  return { host, notifier, change, notified };
}

describe('notify', () => {
  it('runs the program with state and reason', () => {
    const { host, change, notified } = notifierWith({});
    change('connected', 'waiting', 'link is dead');
    host.clock.advance(10);
    expect(notified()).toEqual(['connected waiting link is dead']);
    expect(host.handles).toEqual(noHandles);
    expect(host.lines).toEqual([]);
  });

  it('gives the arguments of the original agent', () => {
    const { host, change } = notifierWith({}, { arguments: 'event' });
    const changes: [State, State, string?][] = [
      ['stopped', 'connecting'],
      ['connecting', 'waiting', 'no such device'],
      ['waiting', 'connecting'],
      ['connecting', 'connected'],
      ['connected', 'waiting', 'link is dead'],
      ['waiting', 'disabled'],
      ['disabled', 'connecting'],
      ['connecting', 'connected'],
      ['connected', 'connecting'],
      ['connecting', 'connected'],
      ['connected', 'stopped'],
    ];
    for (const one of changes) {
      change(...one);
      host.clock.advance(10);
    }
    expect(host.processes.runs.map(({ command }) => command)).toEqual([
      'tell me error no such device',
      'tell me connected',
      'tell me disconnected',
      'tell me connected',
      'tell me disconnected',
      'tell me connected',
      'tell me disconnected',
    ]);
    expect(host.processes.runs[0]?.options.environment).toMatchObject({ RM_STATE: 'waiting' });
  });

  it('runs one at a time, keeps the newest change, and ends one that hangs', () => {
    const { host, change, notified } = notifierWith('silent');
    change('stopped', 'connecting');
    change('connecting', 'waiting', 'a');
    change('waiting', 'connecting');
    change('connecting', 'connected');
    expect(host.handles.processes).toBe(1);
    host.clock.advance(5001);
    expect(host.handles.processes).toBe(1);
    host.clock.advance(5001);
    expect(notified()).toEqual(['stopped connecting ', 'connecting connected ']);
    expect(host.handles).toEqual(noHandles);
    expect(host.lines).toEqual(['warning notify: tell: no end within 5 s']);
  });

  it('does not report what was undone meanwhile', () => {
    const { host, change, notified } = notifierWith('silent');
    change('waiting', 'connected');
    change('connected', 'waiting');
    change('waiting', 'connected');
    host.clock.advance(20_000);
    expect(notified()).toEqual(['waiting connected ']);
  });

  it('that fails is logged once', () => {
    const { host, change } = notifierWith({ status: 3 });
    for (let i = 0; i < 5; i++) {
      change('waiting', 'connecting');
      host.clock.advance(10);
    }
    expect(host.lines).toEqual(['warning notify: tell: status 3']);
  });

  it('runs nothing without a program', () => {
    const { host, notifier, change, notified } = notifierWith({});
    notifier.configure(host, host.log, null);
    change('stopped', 'connecting');
    expect(notified()).toEqual([]);
    expect(host.handles).toEqual(noHandles);
  });

  it.each([
    ['at once when nothing runs', {}, 0, 10],
    ['when the program has ended', {}, 1, 10],
    ['after 2 s when it does not', 'silent' as const, 1, 2000],
  ])('finishes %s', (_name, program, changes, ms) => {
    const { host, notifier, change } = notifierWith(program);
    if (changes > 0) change('connected', 'stopped');
    let calls = 0;
    notifier.finish(() => calls++);
    expect(calls).toBe(0);
    host.clock.advance(ms);
    expect(calls).toBe(1);
    host.clock.advance(10_000);
    expect([calls, host.handles]).toEqual([1, noHandles]);
  });
});
