import { utf8Decode, utf8Encode } from 'rm-protocol';
import type { Host, HostError, HostErrorCode, Socket } from '../host.ts';

/** The longest answer: 256 services with the longest names and reasons; in bytes. */
const MAX_ANSWER_BYTES = 262_144;

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 5000;

/**
 * Sends one command to the agent that listens at `path`; `done` gets its answer, or the reason why there is none, which
 * may be the agent's own: then it has no `code`.
 */
export function sendCommand(
  host: Host,
  path: string,
  command: string,
  done: (answer: unknown, error: string | null, code?: HostErrorCode) => void,
): void {
  let text = '';
  let over = false;
  const finish = (error: HostError | null) => {
    if (over) return;
    over = true;
    timer.cancel();
    socket.destroy();
    const answer = error ? undefined : parse(text);
    if (answer === undefined)
      done(
        undefined,
        `no running agent answers: ${path}: ${error?.message ?? 'no readable answer'}`,
        error?.code ?? 'other',
      );
    else if (typeof answer.error === 'string') done(undefined, answer.error);
    else done(answer, null);
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

function parse(text: string): { readonly error?: unknown } | undefined {
  try {
    const answer = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}
