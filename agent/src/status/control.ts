import type { AgentCore } from '../agent.ts';
import type { Host, HostError, Listener, Socket, SocketHandler } from '../host/host.ts';
import { utf8Decode, utf8Encode } from '../protocol/text.ts';

/**
 * The local socket by which `rm-agent status|retry|enable|disable` reaches the running agent: one line with the
 * command, one line of JSON back. Its file mode (0600) is the access control.
 */

/** The longest command line and the longest answer, in bytes. */
const MAX_COMMAND_BYTES = 64;
const MAX_ANSWER_BYTES = 65_536;

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 5000;

export const controlCommands = ['status', 'retry', 'enable', 'disable'] as const;
export type ControlCommand = (typeof controlCommands)[number];

/** Serves the control socket of `agent` until `close`; `failed` is told when it cannot listen. */
export function serveControl(
  host: Host,
  path: string,
  agent: AgentCore,
  failed: (error: HostError) => void,
): Listener {
  const accept = (socket: Socket): SocketHandler => {
    let line = '';
    let answered = false;
    return {
      connected: () => undefined,
      data: (bytes, start, end) => {
        if (answered) return;
        line += utf8Decode(bytes, start, Math.min(end, start + MAX_COMMAND_BYTES));
        if (!line.includes('\n') && line.length < MAX_COMMAND_BYTES) return;
        answered = true;
        socket.write(utf8Encode(`${JSON.stringify(obey(agent, line.trim()))}\n`));
        socket.end();
      },
      taken: () => undefined,
      ended: () => socket.end(),
      closed: () => undefined,
    };
  };
  return host.network.listenLocal(path, accept, failed);
}

function obey(agent: AgentCore, command: string): object {
  switch (command) {
    case 'retry':
      agent.retry();
      break;
    case 'enable':
      agent.start();
      break;
    case 'disable':
      agent.disable();
      break;
    case 'status':
      break;
    default:
      return { error: `unknown command; allowed are ${controlCommands.join(', ')}` };
  }
  return agent.status();
}

/** Sends one command to the agent that listens at `path`; `done` gets its answer or the reason why there is none. */
export function askControl(
  host: Host,
  path: string,
  command: ControlCommand,
  done: (answer: unknown, error: string | null) => void,
): void {
  let text = '';
  let over = false;
  const finish = (error: HostError | null) => {
    if (over) return;
    over = true;
    timer.cancel();
    socket.destroy();
    const answer = error ? undefined : parse(text);
    if (answer !== undefined) done(answer, null);
    else done(undefined, `${path}: ${error?.message ?? 'no readable answer'}`);
  };
  const timer = host.clock.schedule(ANSWER_MS, () => finish({ code: 'timed-out', message: 'no answer' }));
  const socket: Socket = host.network.connectLocal(path, {
    connected: () => socket.write(utf8Encode(`${command}\n`)),
    data: (bytes, start, end) => {
      text += utf8Decode(bytes, start, end);
      if (text.length > MAX_ANSWER_BYTES || text.includes('\n')) finish(null);
    },
    taken: () => undefined,
    ended: () => finish(null),
    closed: finish,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
