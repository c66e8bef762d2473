import { describe, expect, it } from 'vitest';
import { hostWith, rmAgent } from '../../simulation/rm-agent.ts';

/** What a service manager is told, without who is connected. */
const told = (host: ReturnType<typeof hostWith>) =>
  host.system.notified.filter((state) => !state.startsWith('STATUS='));

describe('a service manager', () => {
  it('hears that the agent is ready before it is connected, and of its state', () => {
    const host = hostWith();
    rmAgent(host);
    expect(told(host)).toEqual(['READY=1']);
    expect(host.system.notified).toContain('STATUS=connected');
  });

  it('hears when a reload begins and ends, whether or not anything has changed', () => {
    const host = hostWith();
    rmAgent(host);
    host.system.notified.length = 0;
    host.system.signals.get('SIGHUP')?.();
    expect(told(host)).toEqual(['RELOADING=1', 'READY=1']);
    const changed = hostWith({ services: [{ port: 8080 }] }).files.read('/etc/rm-agent.json', 1e6);
    host.files.content.set('/etc/rm-agent.json', changed);
    host.system.signals.get('SIGHUP')?.();
    host.clock.advance(5000);
    expect(told(host)).toEqual(['RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1']);
  });

  it('hears that the agent stops', () => {
    const host = hostWith();
    rmAgent(host);
    host.system.signals.get('SIGTERM')?.();
    expect(told(host).at(-1)).toBe('STOPPING=1');
  });

  it('does not wait for a device that waits for its identity', () => {
    const host = hostWith({ device: { id: '${file:/etc/id}', domain: 'dom' } });
    rmAgent(host);
    expect(host.system.notified[0]).toMatch(/^READY=1\nSTATUS=waiting/);
  });

  it('hears nothing of an agent that cannot start', () => {
    const host = hostWith({ services: [] });
    expect(rmAgent(host).status).toBe(78);
    expect(host.system.notified).toEqual([]);
  });

  it('hears twice in each period of its watchdog that the loop turns', () => {
    const host = hostWith();
    host.system.variables.set('WATCHDOG_USEC', '60000000');
    rmAgent(host);
    host.clock.advance(100_000);
    expect(told(host).filter((state) => state === 'WATCHDOG=1')).toHaveLength(5);
  });

  it('without a watchdog leaves the agent asleep', () => {
    const host = hostWith();
    rmAgent(host);
    host.clock.advance(100_000);
    expect(told(host)).toEqual(['READY=1']);
  });
});
