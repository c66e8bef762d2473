import { describe, expect, it } from 'vitest';
import { pattern } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { LocalService } from '../../simulation/local-service.ts';
import { agentOn, connected } from '../../simulation/running-agent.ts';

describe('events and status', () => {
  it('report channels and the bytes they carried', () => {
    const host = new AgentHost();
    const service = new LocalService(host.network, 22);
    const { agent, events } = connected(host);
    events.length = 0;
    const { peer } = host.reflector;
    peer.open(5, 22);
    host.clock.advance(100);
    expect(agent.status().channels).toBe(1);
    peer.data(5, pattern(10));
    service.last.socket.write(pattern(3));
    host.clock.advance(100);
    expect(agent.status()).toMatchObject({ channels: 1, received: 10, sent: 3 });
    service.last.socket.destroy();
    peer.open(6, 9000);
    host.clock.advance(100);
    const channel = { channel: 5, port: 22, error: null };
    expect(events).toEqual([
      ['channel', { ...channel, state: 'open', received: 0, sent: 0 }],
      [
        'channel',
        { ...channel, state: 'closed', received: 10, sent: 3, error: 'socket error: connection reset' },
      ],
      [
        'channel',
        { state: 'closed', channel: 6, port: 9000, received: 0, sent: 0, error: 'connection refused' },
      ],
    ]);
    expect(agent.status()).toMatchObject({
      state: 'connected',
      channels: 0,
      received: 10,
      sent: 3,
      connects: 1,
      connectedTo: 'http://r.example/',
      keepAliveMs: 300_000,
      lastError: null,
    });
  });

  it('report each change of state once, with its reason', () => {
    const host = new AgentHost();
    const { agent, until } = agentOn(host);
    const seen: string[] = [];
    agent.on('state', ({ previous, state, reason }) => seen.push(`${previous} > ${state}: ${reason}`));
    agent.start();
    until('connected');
    host.reflector.peer.closeTunnel(1001);
    until('waiting');
    expect(agent.status()).toMatchObject({ connectedTo: null, keepAliveMs: null });
    agent.disable();
    agent.disable();
    agent.stop();
    host.clock.advance(5000);
    expect(seen).toEqual([
      'stopped > connecting: null',
      'connecting > connected: null',
      'connected > waiting: closed by the reflector (1001)',
      'waiting > disabled: null',
    ]);
  });

  it('report why a tunnel is down and when the next attempt is', () => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    const before = host.clock.date();
    host.reflector.peer.closeTunnel(1001);
    until('waiting');
    const [name, event] = events.at(-1) ?? [];
    expect(name).toBe('disconnected');
    expect(event).toMatchObject({ reason: 'closed by the reflector (1001)', kind: 'fault' });
    const { nextAttemptAt, since, lastError } = agent.status();
    expect(lastError).toBe('closed by the reflector (1001)');
    expect(since).toBeGreaterThanOrEqual(before);
    expect(nextAttemptAt).toBeLessThanOrEqual(host.clock.date() + 1000);
    until('connected');
    expect(agent.status()).toMatchObject({
      connects: 2,
      nextAttemptAt: null,
      lastError: null,
      lastFailure: { reason: 'closed by the reflector (1001)', at: since },
    });
  });

  it('report the next attempt, although the clock was set or the network has changed meanwhile', () => {
    const host = new AgentHost();
    host.network.names.clear();
    const { agent, until } = agentOn(host, { reconnect: { min: 3600, max: 3600 } });
    agent.start();
    until('waiting');
    const inMs = () => Number(agent.status().nextAttemptAt) - host.clock.date();
    const before = inMs();
    expect(before).toBeGreaterThan(2000);
    host.clock.wallOffset += 86_400_000;
    expect(inMs()).toBeCloseTo(before, 0);
    host.network.change();
    host.clock.advance(0);
    expect(inMs()).toBeLessThanOrEqual(1500);
  });

  it('log the same failure once, however long it lasts', () => {
    const host = new AgentHost();
    host.network.names.delete('r.example');
    const { agent } = agentOn(host);
    agent.start();
    host.clock.advance(3_600_000);
    expect(host.lines.filter((line) => !line.startsWith('debug'))).toEqual([
      expect.stringMatching(/^warning not connected: r\.example: name not found; next attempt in [\d.]+ s$/),
    ]);
    expect(host.lines.filter((line) => line.includes('not connected')).length).toBeGreaterThan(10);
  });

  it('log a link that comes and goes for ever a few times a day, and each end of one that lasted', () => {
    const host = new AgentHost();
    const { agent } = connected(host);
    const flap = (times: number, lastingMs: number) => {
      for (let round = 0; round < times; round++) {
        host.clock.advance(lastingMs);
        host.reflector.last.socket.destroy();
        host.clock.until('agent is waiting', () => agent.status().state === 'waiting');
        host.clock.until('agent is back', () => agent.status().state === 'connected', 3_600_000);
      }
      return host.lines.splice(0).filter((line) => !line.startsWith('debug'));
    };
    const [, ...lines] = flap(50, 10_000);
    expect(lines.map((line) => line.replace(/:.*| to .*/, ''))).toEqual([
      'warning disconnected',
      'info connected',
      'warning disconnected',
      'info connected',
    ]);
    expect(lines[2]).toMatch(/; the like is told no more today, unless a tunnel lasts an hour$/);
    expect(flap(3, 3_700_000)).toHaveLength(6);
    agent.disable();
    host.clock.advance(5000);
    agent.start();
    host.clock.advance(5000);
    expect(host.lines.at(-1)).toMatch(/^info connected to /);
  });

  it('log failures that alternate once each', () => {
    const host = new AgentHost();
    let attempt = 0;
    host.reflector.answer = () => `HTTP/1.1 ${attempt++ % 2 === 0 ? '503 Busy' : '500 Broken'}\r\n\r\n`;
    agentOn(host).agent.start();
    host.clock.advance(20 * 3_600_000);
    expect(attempt).toBeGreaterThan(100);
    expect(host.lines.filter((line) => line.startsWith('warning'))).toHaveLength(2);
  });

  it('do not reach a removed listener', () => {
    const host = new AgentHost();
    const { agent } = agentOn(host);
    let calls = 0;
    const listener = () => calls++;
    agent.on('connecting', listener);
    agent.off('connecting', listener);
    agent.start();
    host.clock.advance(1000);
    expect(calls).toBe(0);
  });
});
