import { limits } from '../limits.ts';
import type { ConnectionEnd } from './end.ts';
import { LinkWatch } from './link-watch.ts';
import type { PageReturns } from './page-returns.ts';
import { endOfSocket } from './socket-end.ts';

/** What of a WebSocket a channel uses. */
export type ChannelSocket = Pick<
  WebSocket,
  'readyState' | 'bufferedAmount' | 'send' | 'close' | 'addEventListener'
>;

const open = 1;
/** As a text message: the question whether the server is there, and the answer. */
const alive = 'alive';

/** The bytes of a connection, in both directions. */
export class Channel {
  /** Resolves when it is over, and never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #socket: ChannelSocket;
  readonly #received: Uint8Array[] = [];
  #waiting: ((bytes: Uint8Array | null) => void) | null = null;
  #bytes = 0;
  #over = false;
  #watch: LinkWatch | null = null;

  /** A socket that is open. `returns`: of a page whose server answers {@link alive}; `null`: it does not. */
  constructor(socket: ChannelSocket, returns: PageReturns | null = null) {
    this.#socket = socket;
    const { ended, lose } = endOfSocket(socket);
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      // Before the device has said anything, it may take its time: a user there may have to consent.
      if (returns && !this.#watch && socket.readyState === open) {
        const ask = () => socket.send(alive);
        this.#watch = new LinkWatch({ ask, lost: lose, returns });
        // A server that reads nothing, because the device takes nothing, says by itself that it is there, to pages that have asked before.
        ask();
      }
      this.#watch?.seen();
      if (data instanceof ArrayBuffer) this.#take(new Uint8Array(data));
    });
    this.ended = ended;
    this.ended
      .then(() => {
        this.#watch?.stop();
        this.#finish();
      })
      .catch(() => {});
  }

  /** The next bytes; `null`: there are no more. One reader at a time. */
  read(): Promise<Uint8Array | null> {
    const bytes = this.#received.shift();
    if (bytes) {
      this.#bytes -= bytes.length;
      return Promise.resolve(bytes);
    }
    if (this.#over) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Resolves when few enough bytes wait in the browser that more may come. Rejects when the connection is over. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += limits.messageBytes) {
      while (this.#socket.readyState === open && this.#socket.bufferedAmount > limits.sendBytes) {
        await new Promise((resolve) => setTimeout(resolve, limits.sendPollMs));
      }
      if (this.#socket.readyState !== open) throw new Error('the connection is over');
      // A copy: an `ArrayBuffer` of these bytes alone.
      this.#socket.send(bytes.slice(at, at + limits.messageBytes));
    }
  }

  /** The device gets no more bytes; what it sends still comes. */
  finish(): void {
    if (this.#socket.readyState === open) this.#socket.send(new Uint8Array(0));
  }

  close(): void {
    this.#socket.close(1000);
  }

  #take(bytes: Uint8Array): void {
    // An empty message: the device sends no more.
    if (bytes.length === 0) this.#finish();
    if (this.#over) return;
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = null;
      waiting(bytes);
      return;
    }
    this.#received.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > limits.receivedBytes) this.#socket.close(1000);
  }

  #finish(): void {
    this.#over = true;
    this.#waiting?.(null);
    this.#waiting = null;
  }
}
