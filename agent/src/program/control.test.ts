import { describe, expect, it } from 'vitest';
import type { AgentHost } from '../../simulation/agent-host.ts';
import { control, hostWith, rmAgent } from '../../simulation/rm-agent.ts';

/** A caller that says nothing: what it hears, and whether it was sent away. */
function call(host: AgentHost): { text: string; closed: boolean } {
  const heard = { text: '', closed: false };
  const socket = host.network.connectLocal(control, {
    connected: () => undefined,
    data: (bytes, start, end) => {
      heard.text += String.fromCharCode(...bytes.subarray(start, end));
    },
    taken: () => undefined,
    ended: () => socket.end(),
    closed: () => {
      heard.closed = true;
    },
  });
  return heard;
}

describe('callers of the control socket', () => {
  it('are sixteen at once, and silent ones go after 5 s', () => {
    const host = hostWith();
    rmAgent(host);
    const silent = Array.from({ length: 16 }, () => call(host));
    host.clock.advance(100);
    const another = call(host);
    host.clock.advance(100);
    expect(JSON.parse(another.text)).toEqual({ error: 'too many callers at once' });
    expect(silent.filter(({ text, closed }) => closed || text !== '')).toEqual([]);
    host.clock.advance(5000);
    expect(silent.filter(({ closed }) => !closed)).toEqual([]);
    expect(rmAgent(host, 'status').status).toBe(0);
    // The tunnel alone.
    expect(host.network.sockets.size).toBe(1);
  });
});
