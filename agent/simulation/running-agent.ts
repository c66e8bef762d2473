import { AgentCore } from '../src/agent/agent.ts';
import type { AgentEvents } from '../src/agent/events.ts';
import type { Handlers } from '../src/agent/forwarded-ports.ts';
import type { AgentHost } from './agent-host.ts';

/** An agent on a simulated machine, and the events that its applications have heard. */
export function agentOn(host: AgentHost, given: object = {}, handlers?: Handlers) {
  const agent = new AgentCore(host, host.configure(given), host.log, handlers ? { handlers } : {});
  const events: [string, unknown][] = [];
  for (const name of ['connecting', 'connected', 'disconnected', 'channel'] as const) {
    agent.on(name, (event: AgentEvents[typeof name]) => events.push([name, event]));
  }
  const until = (state: string, limitMs?: number) =>
    host.clock.until(`agent is ${state}`, () => agent.status().state === state, limitMs);
  return { agent, events, until };
}

/** One that was started and is connected. */
export function connected(host: AgentHost, given?: object) {
  const made = agentOn(host, given);
  made.agent.start();
  made.until('connected');
  host.clock.advance(100);
  return made;
}
