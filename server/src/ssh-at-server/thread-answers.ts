import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import type { TerminalSize } from '../ssh/requests.ts';
import type { TerminalRecorder } from './terminal-recorder.ts';
import type { Asked, Given } from './thread-messages.ts';

/** Between whom. */
interface Ends {
  readonly socket: RouteSocket;
  /** Of the page, behind its ticket. */
  readonly messages: AsyncIterator<string | Buffer>;
  readonly connection: PortConnection;
}

/** What the thread of a session is given. Where the terminal cannot be recorded, its methods reject with `NotRecorded`. */
export class ThreadAnswers {
  readonly #ends: Ends;
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #recorder: TerminalRecorder | null;
  /** Whatever was told of the terminal is in its recording. Before it begins, nothing has to be. */
  #recorded: Promise<void> = Promise.resolve();

  /** `recorder`: `null` where nothing is recorded. */
  constructor(ends: Ends, recorder: TerminalRecorder | null) {
    this.#ends = ends;
    this.#pieces = ends.connection.read()[Symbol.asyncIterator]();
    this.#recorder = recorder;
  }

  /** The terminal begins, or has another size. */
  async sized(size: TerminalSize): Promise<void> {
    if (!this.#recorder) return;
    const [before, now] = [this.#recorded, this.#recorder.sized(size)];
    this.#recorded = Promise.all([before, now]).then(() => {});
    await this.#recorded;
  }

  async to({ what, value = '' }: Asked): Promise<Given['value']> {
    const { socket, messages, connection } = this.#ends;
    switch (what) {
      case 'readPage':
        return next(messages);
      case 'readDevice':
        return next(this.#pieces);
      case 'sendPage':
        // Nobody sees what is not kept.
        if (typeof value !== 'string') await this.#recorder?.shown(value);
        return socket.send(value);
      default:
        // Nobody types where nothing is kept.
        await this.#recorded;
        return connection.write(Buffer.from(value));
    }
  }
}

async function next(from: AsyncIterator<string | Buffer>): Promise<string | Buffer | null> {
  const { value, done } = await from.next();
  return done ? null : (value as string | Buffer);
}
