import { Worker } from 'node:worker_threads';
import type { Cancellable, Clock } from 'rm-protocol';
import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import { workerFile } from '../worker-file.ts';
import { NotRecorded, type TerminalRecorder } from './terminal-recorder.ts';
import { ThreadAnswers } from './thread-answers.ts';
import type { Asked, Given, Told } from './thread-messages.ts';

/** Memory of a thread in MiB: ten times what a session takes that is under way. */
const heap = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 } as const;

/** A session failed here (RFC 6455 section 7.4.1). */
const internalError = 1011;
/** What has to be recorded cannot be: 4000 and the HTTP status for no room. */
const notRecorded = 4507;

/** Between whom a thread speaks SSH. */
export interface Ends {
  readonly socket: RouteSocket;
  /** Of the page, behind its ticket. */
  readonly messages: AsyncIterator<string | Buffer>;
  readonly connection: PortConnection;
  /** Aborted when the page has gone. */
  readonly signal: AbortSignal;
}

/** How long it may take to leave the device in order, ms. */
export interface Parting {
  readonly clock: Clock;
  readonly limits: { readonly sshPartingMs: number };
}

/** Who is told of its terminal. */
export interface Followers {
  /** `null` where nothing is recorded. */
  readonly recorder: TerminalRecorder | null;
  /** The device has granted the shell. May be called again. */
  begun(): void;
}

/**
 * Speaks SSH with the device for the page, in a thread of its own, until one of them ends it. `warn`: told once why it has failed here,
 * which the page is not. Resolves when the thread has ended, and never rejects.
 */
export function serveInThread(
  { socket, messages, connection, signal }: Ends,
  { recorder, begun }: Followers,
  { clock, limits }: Parting,
  warn: (text: string, error: unknown) => void,
): Promise<void> {
  const worker = new Worker(workerFile('ssh-at-server/ssh-worker'), { resourceLimits: heap, env: {} });
  const answers = new ThreadAnswers({ socket, messages, connection }, recorder);
  return new Promise((resolve) => {
    let isOver = false;
    let timer: Cancellable | null = null;
    const over = (code: number, reason: string) => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      connection.close();
      const ended = async () => {
        socket.close(code, reason);
        await recorder?.end();
        resolve();
      };
      worker.terminate().then(ended, ended);
    };
    const failed = (error: unknown) => {
      if (isOver) return;
      // The recording has said so in the log itself.
      if (error instanceof NotRecorded) over(notRecorded, error.message);
      else {
        warn('a terminal has ended: its SSH has failed', error);
        over(internalError, '');
      }
    };
    const died = (error: unknown) => {
      if (!isOver) warn('a terminal has ended: its thread has died', error);
      over(internalError, '');
    };
    // The thread sees the end of the page, too. Whatever it is at then: nobody waits for it for long.
    const part = (code: number, reason: string) => {
      if (!isOver) timer ??= clock.schedule(limits.sshPartingMs, () => over(code, reason));
    };
    signal.addEventListener('abort', () => part(1000, ''), { once: true });
    worker.on('message', (message: Asked | Told) => {
      if ('tells' in message) {
        if (message.tells === 'over') over(message.code, message.reason);
        else if (message.tells === 'parting') part(message.code, message.reason);
        else if (message.tells === 'closeDevice') connection.close();
        else if (message.tells === 'size') {
          begun();
          answers.sized(message).catch(failed);
        }
        return;
      }
      const { id } = message;
      answers.to(message).then((value) => worker.postMessage({ id, value } satisfies Given), failed);
    });
    worker.on('error', died);
    worker.on('exit', (code) => died(new Error(`exit code ${code}`)));
  });
}
