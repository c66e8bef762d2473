import { utf8Decode, utf8Encode } from 'rm-protocol';
import type { Host, HostError, Listener, Socket, SocketHandler } from '../host.ts';

/**
 * The local socket by which `rm-agent status` and its like reach the running agent: one line with the command, one line
 * of JSON back, which is the status or `{ "error": … }`. Its file mode (0600) is the access control.
 */

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** The longest command line, in bytes. */
const MAX_COMMAND_BYTES = typeof RM_GATEWAY === 'undefined' || RM_GATEWAY ? 256 : 64;

/** How long a command may take to arrive, in milliseconds. */
const COMMAND_MS = 5000;

/** Callers at once; more are sent away. */
const MAX_CLIENTS = 16;

/** What executes the commands. */
export interface ControlledAgent {
  status(): object;
  retry(): void;
  /** Returns what went wrong, or `null`. */
  enable(enabled: boolean, persist: boolean): string | null;
  /** Opens the tunnel on demand for so many seconds, or as long as allowed; 0 closes it. Returns what went wrong, or `null`. */
  open?(seconds: number | null): string | null;
  /** False when nothing waits. */
  consent(allow: boolean, port: number | null): boolean;
  /** One device of a gateway; `null` when it has no such device. */
  device?(id: string): ControlledAgent | null;
}

/** Why `open` opens nothing with another "start". */
export const notOnDemand = 'the tunnel does not open on demand: see "start"';

const grammar =
  'status, retry, enable [persist], disable [persist], open [SECONDS], consent allow|refuse [PORT]';

/** Serves the control socket until `close`; `failed` is called when it cannot listen. */
export function serveControl(
  host: Host,
  path: string,
  agent: ControlledAgent,
  failed: (error: HostError) => void,
): Listener {
  const clients = new Map<Socket, () => void>();
  const accept = (socket: Socket): SocketHandler => {
    let line = '';
    let answered = false;
    const answer = (what: object) => {
      answered = true;
      socket.write(utf8Encode(`${JSON.stringify(what)}\n`));
      socket.end();
    };
    const leave = () => {
      timer.cancel();
      clients.delete(socket);
    };
    const drop = () => {
      leave();
      socket.destroy();
    };
    const timer = host.clock.schedule(COMMAND_MS, drop);
    clients.set(socket, drop);
    if (clients.size > MAX_CLIENTS) answer({ error: 'too many callers at once' });
    return {
      connected: () => undefined,
      data: (bytes, start, end) => {
        if (answered) return;
        line += utf8Decode(bytes, start, Math.min(end, start + MAX_COMMAND_BYTES));
        if (line.includes('\n') || line.length >= MAX_COMMAND_BYTES) answer(execute(agent, line.trim()));
      },
      taken: () => undefined,
      ended: () => socket.end(),
      closed: leave,
    };
  };
  const listener = host.network.listenLocal(path, accept, failed);
  return {
    close: () => {
      listener.close();
      for (const drop of clients.values()) drop();
    },
  };
}

function execute(agent: ControlledAgent, line: string): object {
  if (typeof RM_GATEWAY === 'undefined' || RM_GATEWAY) {
    const [, id, command = ''] = /^device ([!-~]+) (.*)$/.exec(line) ?? [];
    if (id !== undefined) {
      const device = agent.device?.(id);
      return device ? execute(device, command) : { error: `there is no device "${id}"` };
    }
  }
  const match =
    /^(status|retry|(enable|disable)( persist)?|consent (allow|refuse)(?: (\d{1,5}))?|open(?: (\d{1,7}))?)$/.exec(
      line,
    );
  if (!match) return { error: `unknown command; allowed are ${grammar}` };
  const [, command = '', power, persist, word, port, seconds] = match;
  if (command === 'retry') agent.retry();
  if (power) {
    const error = agent.enable(power === 'enable', persist !== undefined);
    if (error !== null) return { error };
  }
  if (command.startsWith('open')) {
    const error = agent.open
      ? agent.open(seconds === undefined ? null : Number(seconds))
      : 'no tunnel opens on demand here';
    if (error !== null) return { error };
  }
  if (word && !agent.consent(word === 'allow', port === undefined ? null : Number(port)))
    return { error: `nothing waits for consent${port === undefined ? '' : ` to port ${port}`}` };
  return agent.status();
}
