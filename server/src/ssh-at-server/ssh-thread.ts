import { Worker } from 'node:worker_threads';
import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import type { Asked, Given, Told } from './thread-messages.ts';

/** Memory of a thread in MiB: ten times what a session takes that is under way. */
const heap = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 } as const;

/** A session failed here (RFC 6455 section 7.4.1). */
const internalError = 1011;

/**
 * Speaks SSH with the device for the page, in a thread of its own, until one of them ends it. `messages`: of the page, behind its ticket.
 * `signal`: aborted when the page has gone. Resolves when the thread has ended, and never rejects.
 */
export function serveInThread(
  socket: RouteSocket,
  messages: AsyncIterator<string | Buffer>,
  connection: PortConnection,
  signal: AbortSignal,
): Promise<void> {
  const worker = new Worker(workerFile(), { resourceLimits: heap, env: {} });
  const pieces = connection.read()[Symbol.asyncIterator]();
  const next = async (from: AsyncIterator<string | Buffer>) => {
    const { value, done } = await from.next();
    return done ? null : (value as string | Buffer);
  };
  const answer = ({ what, value = '' }: Asked): Promise<Given['value']> => {
    switch (what) {
      case 'readPage':
        return next(messages);
      case 'readDevice':
        return next(pieces);
      case 'sendPage':
        return socket.send(value);
      default:
        return connection.write(Buffer.from(value));
    }
  };
  return new Promise((resolve) => {
    let isOver = false;
    const over = (code: number, reason: string) => {
      if (isOver) return;
      isOver = true;
      connection.close();
      const ended = () => {
        socket.close(code, reason);
        resolve();
      };
      worker.terminate().then(ended, ended);
    };
    // Whatever it is at: nobody waits for it any more.
    signal.addEventListener('abort', () => over(1000, ''), { once: true });
    worker.on('message', (message: Asked | Told) => {
      if ('tells' in message) {
        if (message.tells === 'over') over(message.code, message.reason);
        else connection.close();
        return;
      }
      const { id } = message;
      answer(message).then(
        (value) => worker.postMessage({ id, value } satisfies Given),
        () => over(internalError, ''),
      );
    });
    worker.on('error', () => over(internalError, ''));
    worker.on('exit', () => over(internalError, ''));
  });
}

/** The compiled file; the tests run the source, which a worker of Node 20 cannot load. */
function workerFile(): URL {
  const compiled = new URL('./ssh-worker.js', import.meta.url);
  return import.meta.url.endsWith('.ts')
    ? new URL('../../dist/ssh-at-server/ssh-worker.js', import.meta.url)
    : compiled;
}
