import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles } from '../../simulation/host.ts';
import { agentOn, connected } from '../../simulation/running-agent.ts';

describe('stopping', () => {
  const situations: [string, (made: ReturnType<typeof agentOn>, host: AgentHost) => void][] = [
    ['before it was started', () => undefined],
    ['when it was disabled before', ({ agent }) => agent.disable()],
    ['while it connects', ({ agent }) => agent.start()],
    [
      'while a command runs',
      ({ agent }, host) => {
        host.processes.results.set('slow', 'silent');
        agent.start();
        host.clock.advance(500);
      },
    ],
    [
      'when it is connected',
      ({ agent, until }) => {
        agent.start();
        until('connected');
      },
    ],
    [
      'while it waits',
      ({ agent, until }, host) => {
        host.network.names.clear();
        agent.start();
        until('waiting');
      },
    ],
    [
      'when it was disabled while it was connected',
      ({ agent, until }, host) => {
        agent.start();
        until('connected');
        agent.disable();
        host.clock.advance(10_000);
      },
    ],
    [
      'when it was stopped before',
      ({ agent }, host) => {
        agent.stop();
        host.clock.advance(10_000);
      },
    ],
  ];

  it.each(situations)('%s is answered once and leaves nothing', (_name, bring) => {
    const host = new AgentHost();
    const properties = { slow: { command: 'slow' } };
    host.processes.results.set('slow', { output: ascii('x') });
    const made = agentOn(host, { device: { id: 'i', domain: 'd', properties, propertiesInterval: 60 } });
    bring(made, host);
    let calls = 0;
    made.agent.stop(() => calls++);
    host.clock.advance(3000);
    expect(calls).toBe(1);
    expect(host.handles).toEqual(noHandles);
    host.clock.advance(1_000_000);
    expect(host.handles).toEqual(noHandles);
  });

  it('emits the events of a live agent', () => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    agent.stop();
    until('stopped');
    expect(events.at(-1)).toEqual(['disconnected', { reason: 'stopped', kind: 'fault', retryMs: null }]);
  });

  it.each([1, 2])('can be followed by %i starts before the tunnel has closed', (starts) => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    let calls = 0;
    agent.stop(() => calls++);
    for (let count = 0; count < starts; count++) agent.start();
    host.clock.advance(5000);
    until('connected');
    expect(calls).toBe(1);
    expect(events.filter(([name]) => name === 'disconnected')).toEqual([
      ['disconnected', { reason: 'stopped', kind: 'fault', retryMs: null }],
    ]);
    expect(host.reflector.connections).toHaveLength(2);
    agent.stop(() => calls++);
    until('stopped');
    expect(calls).toBe(2);
    expect(host.handles).toEqual(noHandles);
  });

  it('has the last word, also in what is called when it is over', () => {
    const host = new AgentHost();
    const { agent, until } = connected(host);
    agent.stop(() => agent.stop());
    agent.start();
    until('stopped');
    host.clock.advance(1_000_000);
    expect([agent.state, host.handles]).toEqual(['stopped', noHandles]);
  });

  it('can be followed by a start', () => {
    const host = new AgentHost();
    const { agent, until } = connected(host);
    agent.stop();
    until('stopped');
    agent.start();
    until('connected');
    expect(agent.status().connects).toBe(2);
  });
});

describe('a switch on the device', () => {
  it('takes it off line and brings it back', () => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    agent.disable();
    expect(agent.status().state).toBe('disabled');
    expect(events.at(-1)).toEqual([
      'disconnected',
      { reason: 'remote access is disabled', kind: 'fault', retryMs: null },
    ]);
    host.clock.advance(100_000);
    expect(host.handles).toEqual(noHandles);
    agent.retry();
    host.clock.advance(100_000);
    expect(agent.status().state).toBe('disabled');
    agent.start();
    until('connected');
  });

  it('can be turned on again before the tunnel has closed', () => {
    const host = new AgentHost();
    const { agent, until } = connected(host);
    agent.disable();
    agent.start();
    host.clock.advance(5000);
    until('connected');
    expect(host.reflector.connections).toHaveLength(2);
  });
});

describe('allowing what was disabled', () => {
  it.each([
    ['while the tunnel closes', 0],
    ['after that', 10_000],
  ])('leaves the agent stopped, and dials only when it is started: %s', (_when, ms) => {
    const host = new AgentHost();
    const { agent, until } = agentOn(host);
    agent.start();
    until('connected');
    agent.disable();
    host.clock.advance(ms);
    agent.allow();
    expect(agent.state).toBe('stopped');
    host.clock.advance(60_000);
    expect([agent.state, host.handles]).toEqual(['stopped', noHandles]);
    agent.start();
    until('connected');
  });

  it('changes nothing else', () => {
    const { agent, until } = agentOn(new AgentHost());
    agent.start();
    until('connected');
    agent.allow();
    expect(agent.state).toBe('connected');
  });
});
